//! Who is there: by a live stream, or by calls.

use std::time::Duration;

use api::jobs::presence::{sweep, write_down};
use api::stream::protocol::{ServerFrame, Signal};
use chrono::TimeDelta;
use domain::agent::Availability;
use domain::resource::Agent;
use harness::{Caller, Follower, StreamClient, TestApp, eventually};
use serde_json::{Value, json};

/// Longer than any test.
const HOURS: Duration = Duration::from_secs(48 * 3600);
/// Longer than the presence time-out.
const LONG: TimeDelta = TimeDelta::seconds(61);
/// Longer than a quarter of it.
const SHORT: TimeDelta = TimeDelta::seconds(16);

/// A look without the task: everybody who is here is written down, then who is gone is found.
pub async fn look(app: &TestApp) {
    write_down(app.app()).await.unwrap();
    sweep(app.app()).await.unwrap();
}

/// What the log tells of a member's presence: what it was and what it is.
pub async fn told(app: &TestApp, who: &Caller) -> Vec<(Value, Value)> {
    let of_member = |event: &&Value| event["type"] == "agent.updated" && event["data"]["id"] == who.id();
    let seen = app.events().await;
    seen.iter()
        .filter(of_member)
        .map(|event| (event["previous"].clone(), event["data"]["online"].clone()))
        .collect()
}

/// A member as it is stored, without looking as somebody who would be seen by it.
pub async fn stored(app: &TestApp, who: &Caller) -> Agent {
    let (workspace, id) = (app.workspace, who.me().id);
    let found = app.app().db.read(move |conn| Ok(persistence::agents::get(conn, workspace, id)?)).await;
    found.unwrap().unwrap()
}

/// Waits until a member counts as online, or not.
async fn becomes(app: &TestApp, who: &Caller, online: bool) -> Agent {
    eventually(&format!("{} is online: {online}", who.me().name), || async {
        Some(stored(app, who).await).filter(|agent| agent.online == online)
    })
    .await
}

fn came() -> (Value, Value) {
    (json!({ "online": false }), json!(true))
}

fn went() -> (Value, Value) {
    (json!({ "online": true }), json!(false))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_connects_is_online_at_once() {
    // Nothing but the connection itself wakes the task.
    let options = TestApp::options().presence().settings(|settings| {
        settings.times.presence_timeout = HOURS;
        settings.times.presence_poll = Some(HOURS);
    });
    let app = options.start().await;
    let agus = app.agent(1);
    let mut log = Follower::from_now(app.admin()).await;
    let before = stored(&app, &agus).await;
    assert!(!before.online && before.last_seen_at.is_none());
    let (_client, _) = StreamClient::of(&app, &agus, None).await;
    let event = log.until("somebody is online", |event| event["data"]["id"] == agus.id()).await;
    assert_eq!((&event["type"], &event["previous"]), (&json!("agent.updated"), &json!({ "online": false })));
    assert_eq!((&event["data"]["online"], &event["data"]["availability"]), (&json!(true), &json!("online")));
    assert_eq!((&event["actor"]["type"], &event["data"]["last_seen_at"]), (&json!("system"), &Value::Null));
    assert_eq!(event["version"], before.version + 1);
    let now = stored(&app, &agus).await;
    assert_eq!((now.version, now.last_seen_at), (before.version + 1, Some(app.clock.now())));
    let audited = format!("audit_entries WHERE subject_id = '{}' AND action = 'updated'", agus.id());
    assert_eq!(app.count(&audited), 0, "coming is no administration");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_makes_a_member_online_and_its_silence_offline() {
    let app = TestApp::options().presence().start().await;
    let agus = app.agent(1);
    agus.get("/v1/conversations").await.expect(200);
    becomes(&app, &agus, true).await;
    // Also a call that is refused is one.
    app.advance(TimeDelta::seconds(50));
    agus.post("/v1/channels", harness::app::channels().remove(0).1).await.problem(403, "forbidden");
    let seen = app.clock.now();
    eventually("the call is written down", || async {
        (stored(&app, &agus).await.last_seen_at == Some(seen)).then_some(())
    })
    .await;
    app.advance(LONG);
    let gone = becomes(&app, &agus, false).await;
    assert_eq!((gone.last_seen_at, gone.version), (Some(seen), 3));
    agus.get("/v1/me").await.expect(200);
    becomes(&app, &agus, true).await;
    assert_eq!(told(&app, &agus).await, [came(), went(), came()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_stays_online_while_one_of_its_connections_lives() {
    let app = TestApp::start().await;
    let agus = app.agent(1);
    let (first, _) = StreamClient::of(&app, &agus, None).await;
    let (second, _) = StreamClient::of(&app, &agus, None).await;
    look(&app).await;
    // However far the clock was moved: who is here is written down first.
    app.advance(LONG);
    look(&app).await;
    drop(first);
    eventually("one connection", || async { (app.app().hub.connections() == 1).then_some(()) }).await;
    for _ in 0..5 {
        app.advance(SHORT);
        look(&app).await;
    }
    assert_eq!(told(&app, &agus).await, [came()]);
    assert_eq!(stored(&app, &agus).await.last_seen_at, Some(app.clock.now()));
    drop(second);
    eventually("no connection", || async { (app.app().hub.connections() == 0).then_some(()) }).await;
    app.advance(TimeDelta::seconds(60));
    look(&app).await;
    assert!(stored(&app, &agus).await.online, "not before the time-out has passed");
    app.advance(TimeDelta::seconds(1));
    look(&app).await;
    look(&app).await;
    assert_eq!(told(&app, &agus).await, [came(), went()]);
    // Reconnecting brings it back.
    let (_third, _) = StreamClient::of(&app, &agus, None).await;
    look(&app).await;
    assert_eq!(told(&app, &agus).await, [came(), went(), came()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_of_a_member_is_its_last_call_and_not_every_one() {
    let app = TestApp::start().await;
    let agus = app.agent(1);
    agus.get("/v1/me").await.expect(200);
    look(&app).await;
    let first = app.clock.now();
    app.advance(TimeDelta::seconds(9));
    agus.get("/v1/me").await.expect(200);
    let last = app.clock.now();
    look(&app).await;
    assert_eq!(stored(&app, &agus).await.last_seen_at, Some(first), "not within a quarter of the time-out");
    app.advance(TimeDelta::seconds(9));
    look(&app).await;
    assert_eq!(stored(&app, &agus).await.last_seen_at, Some(last));
    assert_eq!(told(&app, &agus).await, [came()], "being seen again is not told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_was_signed_out_is_not_seen_any_more() {
    let app = TestApp::start().await;
    let agus = app.agent(1);
    let (phone, laptop) = (agus.sign_in().await, agus.sign_in().await);
    let by = |tokens: &harness::Reply| app.bearer(tokens["access_token"].as_str().unwrap());
    by(&phone).get("/v1/me").await.expect(200);
    look(&app).await;
    let seen = app.clock.now();
    app.advance(SHORT);
    by(&phone).get("/v1/me").await.expect(200);
    let token = format!("Bearer {}", phone["access_token"].as_str().unwrap());
    let mut socket = StreamClient::open(&app, "", &[("Authorization", token)]).await.unwrap();
    let refresh = json!({ "refresh_token": phone["refresh_token"] });
    app.anonymous().post("/v1/auth/logout", refresh).await.expect(204);
    look(&app).await;
    assert_eq!(stored(&app, &agus).await.last_seen_at, Some(seen));
    assert!(stored(&app, &agus).await.online, "the time-out counts for everybody");
    // The other device is as good as ever.
    by(&laptop).get("/v1/me").await.expect(200);
    look(&app).await;
    assert_eq!(stored(&app, &agus).await.last_seen_at, Some(app.clock.now()));
    assert_eq!(socket.closed().await, Some(4403));
    // A socket that another node ended, and this one has not heard of yet, counts for nothing either.
    let token = format!("Bearer {}", laptop["access_token"].as_str().unwrap());
    let _open = StreamClient::open(&app, "", &[("Authorization", token)]).await.unwrap();
    eventually("the laptop is connected", || async { (!app.app().hub.signed_in().is_empty()).then_some(()) })
        .await;
    let seen = app.clock.now();
    app.database
        .execute(&format!("UPDATE sign_ins SET revoked_at = '{seen}' WHERE agent_id = '{}'", agus.id()));
    app.advance(SHORT);
    look(&app).await;
    assert_eq!(stored(&app, &agus).await.last_seen_at, Some(seen));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_ask_for_it_are_sent_presence_as_a_signal_on_every_node() {
    let app = TestApp::options().settings(|settings| settings.stream.poll = Duration::from_millis(50));
    let app = app.start().await;
    let node = app.node(|_| {}).await;
    let (agus, rina) = (app.agent(1), app.agent(2));
    let token = format!("Bearer {}", rina.token().await.unwrap());
    let header = || [("Authorization", token.clone())];
    let mut asking = StreamClient::open(&app, "?presence=true", &header()).await.unwrap();
    let mut there = StreamClient::connect(&node).await;
    let auth = json!({ "op": "auth", "token": rina.token().await, "signals": ["typing", "presence"] });
    there.send(auth).await;
    let (mut deaf, _) = StreamClient::by_frame(&app, &rina, None).await;
    let other = app.another_team("dua").await;
    let other_token = format!("Bearer {}", other.admin().token().await.unwrap());
    let mut stranger =
        StreamClient::open(&app, "?presence=true", &[("Authorization", other_token)]).await.unwrap();
    for client in [&mut asking, &mut stranger] {
        assert!(matches!(client.next().await, ServerFrame::Hello(_)));
        client.ready().await;
    }
    there.ready().await;

    agus.put("/v1/me/availability", json!({ "availability": "away" })).await.expect(200);
    agus.patch("/v1/me", json!({ "name": "Agus N." })).await.expect(200);
    agus.put("/v1/me/availability", json!({ "availability": "online" })).await.expect(200);
    let away = Signal::Presence { agent_id: agus.me().id, availability: Availability::Away, online: false };
    let back = Signal::Presence { agent_id: agus.me().id, availability: Availability::Online, online: true };
    for client in [&mut asking, &mut there] {
        let (mut signals, mut events) = (Vec::new(), 0);
        while signals.len() < 2 || events < 3 {
            match client.next().await {
                ServerFrame::Signal(signal) => signals.push(signal),
                ServerFrame::Event(_) => events += 1,
                other => panic!("neither an event nor a signal: {other:?}"),
            }
        }
        assert_eq!(signals, [away.clone(), back.clone()]);
    }
    for _ in 0..3 {
        deaf.next_event().await;
    }
    other.agent(0).patch("/v1/me", json!({ "name": "Orang lain" })).await.expect(200);
    assert_eq!(stranger.next_event().await.data["name"], "Orang lain");
}
