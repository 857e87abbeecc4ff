//! Presence, with several servers on one database: whoever of them finds somebody gone does it once.

use api::jobs::presence::{sweep, write_down};
use api::ops::presence::leave;
use chrono::TimeDelta;
use harness::database::Database;
use harness::process::{Launch, OPERATOR_KEY, demand, sign_in};
use harness::{DEADLINE, StreamClient, TestApp, eventually};
use serde_json::{Value, json};

use super::presence::{look, stored, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_that_find_a_member_at_once_each_change_is_told_once() {
    let mut app = TestApp::start().await;
    let node = app.node(|_| {}).await;
    let callers = app.hire(20).await;
    for round in 1..=3 {
        for caller in &callers {
            // Seen here, there, or by both.
            caller.get("/v1/me").await.expect(200);
            caller.at(node.wire()).get("/v1/me").await.expect(200);
        }
        let (here, there) = tokio::join!(write_down(app.app()), write_down(node.app()));
        here.and(there).unwrap();
        app.advance(TimeDelta::seconds(61));
        // Both have found the workspace; what they do next comes at once, or one after the other.
        let (workspace, before) = (app.workspace, app.clock.now().plus(-TimeDelta::seconds(60)));
        let (here, there) = (app.app().clone(), node.app().clone());
        let found = |app: api::state::App| async move {
            app.write(move |tx| leave(tx, workspace, before)).await.unwrap()
        };
        let (one, other) = tokio::join!(found(here.clone()), found(there.clone()));
        let late = found(here).await + found(there).await;
        // With the admin, who connected the channels and reads the log.
        assert_eq!((one + other + late, late), (callers.len() + 1, 0));
        sweep(node.app()).await.unwrap();
        for caller in &callers {
            assert!(!stored(&app, caller).await.online);
            let events = told(&app, caller).await;
            let online: Vec<_> = events.iter().map(|(_, online)| online.as_bool().unwrap()).collect();
            assert_eq!(online, [true, false].repeat(round));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_on_another_server_is_not_thrown_out() {
    let app = TestApp::start().await;
    let node = app.node(|_| {}).await;
    let agus = app.agent(1);
    let (client, _) = StreamClient::of(&node, &agus, None).await;
    for _ in 0..10 {
        write_down(node.app()).await.unwrap();
        look(&app).await;
        app.advance(TimeDelta::seconds(20));
    }
    assert!(stored(&app, &agus).await.online);
    assert_eq!(told(&app, &agus).await.len(), 1);
    // The node stops; its connections end with it, and the other one finds its members gone.
    drop(client);
    node.stop().await;
    app.advance(TimeDelta::seconds(61));
    look(&app).await;
    assert!(!stored(&app, &agus).await.online);
    assert_eq!(told(&app, &agus).await.len(), 2);
}

/// The servers run by themselves here, and by the clock of the machine: a process that was killed tells
/// nobody goodbye.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_on_a_server_that_was_killed_is_found_gone_by_the_next() {
    let database = Database::migrated();
    let folder = std::env::temp_dir().join(format!("tanggap-presence-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let launch = Launch::test("faults::tanggap", &folder, database.url.clone())
        .unwrap()
        .with("TANGGAP_PRESENCE_TIMEOUT", "2s");
    let server = launch.start().await.unwrap();
    let admin = json!({ "name": "Dewi", "email": "dewi@toko.example", "password": "rahasia-sekali" });
    let body = json!({ "name": "Toko", "slug": "satu", "admin": admin });
    demand(server.addr, "POST", "/v1/workspaces", OPERATOR_KEY, &body).await.unwrap();
    let token = sign_in(server.addr, "satu", "dewi@toko.example", "rahasia-sekali").await.unwrap();
    demand(server.addr, "GET", "/v1/me", &token, &Value::Null).await.unwrap();
    let online = || async { (told_of(&database) == ["true"]).then_some(()) };
    eventually("the admin is online", online).await;
    server.kill().unwrap();
    let next = launch.start().await.unwrap();
    eventually("the admin is offline", || async { (told_of(&database) == ["true", "false"]).then_some(()) })
        .await;
    drop(next);
    std::fs::remove_dir_all(&folder).unwrap();
    // Nobody connected in between: within a poll of the start, not a time-out after it.
    assert_eq!(database.values("SELECT present::text AS value FROM agents"), ["false"]);
}

/// Whether the only member was online after each of its changes.
fn told_of(database: &Database) -> Vec<String> {
    database.values(
        "SELECT (('{' || body)::jsonb #>> '{data,online}') AS value FROM events WHERE type = 'agent.updated' ORDER BY seq",
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_that_look_by_themselves_tell_once() {
    let app = TestApp::options().presence().start().await;
    let node = app.node(|_| {}).await;
    let agus = app.agent(1);
    for round in 1..=3 {
        agus.get("/v1/me").await.expect(200);
        agus.at(node.wire()).get("/v1/me").await.expect(200);
        eventually("online", || async { stored(&app, &agus).await.online.then_some(()) }).await;
        app.advance(TimeDelta::seconds(61));
        eventually("offline", || async { (!stored(&app, &agus).await.online).then_some(()) }).await;
        assert_eq!(told(&app, &agus).await.len(), 2 * round);
    }
    let (_live, _) = StreamClient::of(&node, &agus, None).await;
    eventually("online again", || async { stored(&app, &agus).await.online.then_some(()) }).await;
    for _ in 0..6 {
        // By less than the time-out, so that the node has the time to write it down.
        app.advance(TimeDelta::seconds(40));
        let now = app.clock.now();
        eventually("written down", || async {
            (stored(&app, &agus).await.last_seen_at == Some(now)).then_some(())
        })
        .await;
    }
    assert_eq!(told(&app, &agus).await.len(), 7, "it was there all the time");
    tokio::time::timeout(DEADLINE, node.stop()).await.expect("the server stops");
}
