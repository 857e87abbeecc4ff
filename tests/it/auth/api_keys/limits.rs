//! Of channels that a key is not for, nothing exists for it.

use api::stream::cursor::StreamCursor;
use api::stream::protocol::ServerFrame;
use harness::hooks::messenger_message;
use harness::stream::Received;
use harness::team::assignment_settings;
use harness::{Caller, Follower, StreamClient, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{key, scopes_without};
use crate::support::text;
use domain::access::KeyScope;

/// Something happens on both channels; answers what there is of WhatsApp, and Messenger's conversation.
async fn busy(app: &TestApp) -> (Vec<String>, String) {
    let admin = app.admin();
    let at = app.clock.now().unix_seconds() * 1000;
    let body = messenger_message("7412583690147258", "m_1", at, "Halo Halaman");
    app.hook("messenger", body.to_string()).await.expect(200);
    let shown = admin.all("/v1/conversations?tab=all").await[0]["id"].as_str().unwrap().to_owned();
    let hidden = app.conversation("6281234567890", "Halo rahasia").await;
    let mut of_hidden = vec![hidden.clone(), app.channel("whatsapp").to_owned()];
    for id in [&shown, &hidden] {
        let claimed = admin.act(format!("/v1/conversations/{id}/claim")).await.expect(200);
        let sent = admin.post(format!("/v1/conversations/{id}/messages"), text("Baik")).await.expect(201);
        if id == &hidden {
            of_hidden.push(claimed["ticket_id"].as_str().unwrap().to_owned());
            of_hidden.push(claimed["contact"]["id"].as_str().unwrap().to_owned());
            of_hidden.push(sent.id());
        }
    }
    let path = format!("/v1/channels/{}", app.channel("whatsapp"));
    admin.patch(path, json!({ "name": "Nomor rahasia" })).await.expect(200);
    (of_hidden, shown)
}

/// Everything that the program can list, and what it is told.
async fn everything(app: &TestApp, program: &Caller, since: &str) -> String {
    let mut all: Vec<Value> = Vec::new();
    for list in [
        "/v1/conversations",
        "/v1/conversations?tab=all",
        "/v1/conversations?tab=unassigned",
        "/v1/conversations?tab=archived",
        &format!("/v1/conversations?tab=all&channel_id={}", app.channel("whatsapp")),
        "/v1/tickets",
        "/v1/channels",
        "/v1/agents",
        "/v1/divisions",
    ] {
        all.extend(program.all(list).await);
    }
    all.push(program.get("/v1/me").await.expect(200).json);
    all.extend(Follower::from_cursor(program.clone(), since.to_owned()).rest().await.to_vec());
    let (mut stream, _) = StreamClient::of(app, program, Some(since)).await;
    for event in stream.caught_up().await {
        all.push(serde_json::to_value(event).unwrap());
    }
    Value::from(all).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_one_channel_sees_nothing_of_another_anywhere() {
    let app = TestApp::start().await;
    let begin = StreamCursor::new(app.app().epoch, 0).to_string();
    let made = key(&app, json!({ "channel_ids": [app.channel("messenger")] })).await;
    let free = key(&app, json!({})).await;
    app.database.execute(&format!(
        "INSERT INTO channel_agents (workspace_id, channel_id, agent_id) SELECT workspace_id, id, '{}' FROM channels
         WHERE id IN ('{}', '{}')",
        app.admin().id(), app.channel("whatsapp"), app.channel("messenger"),
    ));
    key(&app, json!({ "channel_ids": [app.channel("whatsapp")] })).await;
    let (hidden, shown) = busy(&app).await;
    let seen = everything(&app, &made.program, &begin).await;
    for id in hidden.iter().map(String::as_str).chain(["rahasia", app.channel("telegram")]) {
        assert!(!seen.contains(id), "{id} is seen");
    }
    assert!(
        seen.contains(&shown) && seen.contains(app.channel("messenger")) && seen.contains("Halo Halaman")
    );
    // The same eyes without the limit see it: what is looked for can be found.
    let whole = everything(&app, &free.program, &begin).await;
    assert!(hidden.iter().all(|id| whole.contains(id)), "{hidden:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_another_channel_is_not_found_and_cannot_be_changed() {
    let app = TestApp::start().await;
    let made = key(&app, json!({ "channel_ids": [app.channel("messenger")] })).await;
    let (hidden, shown) = busy(&app).await;
    let [conversation, channel, ticket, _, message] = &hidden[..] else { panic!("{hidden:?}") };
    let program = &made.program;
    program.get("/v1/me").await.expect(200);
    api::auth::key_uses::write_down(app.app()).await.unwrap();
    let rows = app.database.snapshot();
    let conversation = format!("/v1/conversations/{conversation}");
    for path in [
        conversation.clone(),
        format!("{conversation}/messages"),
        format!("/v1/tickets/{ticket}"),
        format!("/v1/tickets/{ticket}/messages"),
        format!("/v1/channels/{channel}"),
    ] {
        program.get(path).await.problem(404, "not_found");
    }
    for act in ["claim", "unassign", "resolve", "archive", "unarchive", "read"] {
        program.act(format!("{conversation}/{act}")).await.problem(404, "not_found");
    }
    let to = json!({ "agent_id": app.agent(0).id() });
    program.post(format!("{conversation}/assign"), to).await.problem(404, "not_found");
    program.post(format!("{conversation}/messages"), text("x")).await.problem(404, "not_found");
    program.act(format!("{conversation}/messages/{message}/retry")).await.problem(404, "not_found");
    program.patch(format!("/v1/channels/{channel}"), json!({ "name": "x" })).await.problem(404, "not_found");
    // A new channel would be one that it is not for.
    let fresh = json!({ "kind": "telegram", "name": "Bot", "bot_token": "777:token-of-another-bot" });
    program.post("/v1/channels", fresh.clone()).await.problem(403, "forbidden");
    assert_eq!(app.database.snapshot(), rows);
    let own = format!("/v1/conversations/{shown}");
    for (method, path) in [(Method::GET, own.clone()), (Method::POST, format!("{own}/archive"))] {
        program.call(method, path).await.expect(200);
    }
    let free = key(&app, json!({})).await;
    free.program.post("/v1/channels", fresh).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limited_key_is_told_live_of_its_channel_only_and_no_typing_without_the_right_to_read() {
    let app = TestApp::options()
        .settings(|settings| settings.stream.heartbeat = std::time::Duration::from_millis(100));
    let app = app.start().await;
    let limited = key(&app, json!({ "channel_ids": [app.channel("messenger")] })).await;
    let blind = key(&app, json!({ "scopes": ["channels:read", "messages:write"] })).await;
    let mute = key(&app, json!({ "scopes": scopes_without(&[KeyScope::MessagesWrite]) })).await;
    let id = app.conversation("6281234567890", "Halo").await;
    let typing = json!({ "op": "typing", "conversation_id": id });
    let mut sockets = Vec::new();
    for made in [&limited, &blind, &mute] {
        sockets.push(StreamClient::by_frame(&app, &made.program, None).await.0);
    }
    for (client, code) in sockets.iter_mut().zip(["not_found", "not_found", "scope_missing"]) {
        client.send(typing.clone()).await;
        match client.next().await {
            ServerFrame::Error(error) => assert_eq!(json!(error.code), code),
            other => panic!("not an error: {other:?}"),
        }
    }
    let (mut siti, _) = StreamClient::by_frame(&app, &app.agent(0), None).await;
    siti.send(typing).await;
    // The one who may read is told; by then the others would have been, too.
    assert!(matches!(sockets[2].next().await, ServerFrame::Signal(_)));
    let path = format!("/v1/channels/{}", app.channel("messenger"));
    app.admin().patch(path, json!({ "name": "Halaman lain" })).await.expect(200);
    app.conversation("6281234567890", "Lagi").await;
    for client in &mut sockets[..2] {
        assert_eq!(client.next_event().await.event_type.as_str(), "channel.updated");
        loop {
            match client.receive().await {
                Received::Frame(ServerFrame::Ping(place)) if place.seq >= app.head(app.workspace).await => {
                    break;
                }
                Received::Frame(ServerFrame::Ping(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_05_a_program_makes_itself_no_admin() {
    let app = TestApp::start().await;
    let program = key(&app, json!({ "scopes": ["team:read", "team:write"] })).await.program;
    let person = |role: &str| json!({ "name": "Nina", "email": "nina@satu.example", "role": role, "password": "kata-sandi-nina" });
    let (agents, admins) = (app.count("agents"), app.count("agents WHERE role = 'admin'"));
    program.post("/v1/agents", person("admin")).await.problem(403, "forbidden");
    assert_eq!(app.count("agents"), agents);
    let nina = program.post("/v1/agents", person("agent")).await.expect(201);
    let path = format!("/v1/agents/{}", nina.id());
    program.patch(&path, json!({ "role": "admin" })).await.problem(403, "forbidden");
    program.patch(&path, json!({ "role": "supervisor" })).await.expect(200);
    // With the mail of an admin, its password could be reset.
    let dewi = format!("/v1/agents/{}", app.admin().id());
    program.patch(&dewi, json!({ "email": "lain@satu.example" })).await.problem(403, "forbidden");
    program.patch(&dewi, json!({ "role": "agent" })).await.problem(403, "forbidden");
    program.delete(&dewi).await.problem(403, "forbidden");
    assert_eq!(app.count("agents WHERE role = 'admin' AND active"), admins);
    app.admin().patch(&path, json!({ "role": "admin" })).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_of_some_channels_does_nothing_to_the_whole_workspace() {
    let app = TestApp::start().await;
    let program = key(&app, json!({ "channel_ids": [app.channel("telegram")] })).await.program;
    program.get("/v1/audit-entries").await.problem(403, "forbidden");
    // Whoever it made could sign in, and see every channel.
    let nina = json!({ "name": "Nina", "email": "nina@satu.example", "role": "agent", "password": "kata-sandi-nina" });
    program.post("/v1/agents", nina).await.problem(403, "forbidden");
    let siti = format!("/v1/agents/{}", app.agent(0).id());
    program.patch(&siti, json!({ "email": "lain@satu.example" })).await.problem(403, "forbidden");
    program.delete(&siti).await.problem(403, "forbidden");
    let division = format!("/v1/divisions/{}", app.division);
    program.get(format!("{division}/deletion-impact")).await.problem(403, "forbidden");
    program.delete(division).await.problem(403, "forbidden");
    program.patch("/v1/workspace", json!({ "name": "Lain" })).await.problem(403, "forbidden");
    let settings = assignment_settings(&json!({ "agents_may_claim": false }));
    program.put("/v1/settings/assignment", settings).await.problem(403, "forbidden");
    assert_eq!(app.admin().get("/v1/workspace").await.expect(200)["name"], "Toko satu");
}
