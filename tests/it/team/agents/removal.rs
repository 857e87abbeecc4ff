//! Leaving the team: nothing is left in its hands, and nothing of its history is lost.

use std::time::Duration;

use harness::{Caller, StreamClient, TestApp};
use serde_json::{Value, json};

use super::{login, new, path, read, told};
use crate::support::{Messages, text};

/// Conversations that the member holds; the first has an answer of its.
async fn holding(app: &TestApp, member: &Caller, count: usize) -> Vec<String> {
    let mut paths = Vec::new();
    for n in 0..count {
        let id = app.conversation(&format!("62813{n:07}"), "Halo").await;
        let path = format!("/v1/conversations/{id}");
        let to = json!({ "agent_id": member.id() });
        app.admin().post(format!("{path}/assign"), to).await.expect(200);
        paths.push(path);
    }
    member.post(format!("{}/messages", paths[0]), text("Saya bantu")).await.expect(201);
    paths
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_gives_everything_back_and_stays_in_the_history() {
    let app = TestApp::start().await;
    let (admin, siti) = (app.admin(), app.agent(0));
    let own = path(&siti);
    let body = json!({ "channel_ids": [app.channel("telegram")], "division_ids": [app.division] });
    admin.put(format!("{own}/allocation"), body).await.expect(200);
    let paths = holding(&app, &siti, 3).await;
    admin.act(format!("{}/archive", paths[1])).await.expect(200);
    admin.act(format!("{}/resolve", paths[2])).await.expect(200);
    let held = read(&app, &paths[0]).await;
    let ticket = format!("/v1/tickets/{}", held["ticket_id"].as_str().unwrap());
    let before = read(&app, &own).await;
    let mut log = app.follow().await;

    admin.delete(&own).await.expect(204);
    let after = read(&app, &own).await;
    for (field, value) in [
        ("active", json!(false)),
        ("online", json!(false)),
        ("availability", json!("offline")),
        ("supervisor", Value::Null),
        ("divisions", json!([])),
        ("channels", json!([])),
        ("name", before["name"].clone()),
        ("counts", json!({ "assigned": 0, "handled": 3, "resolved": 1 })),
    ] {
        assert_eq!(after[field], value, "{field}");
    }
    for path in &paths[..2] {
        let back = read(&app, path).await;
        assert_eq!((&back["assignee"], &back["handler"]), (&Value::Null, &json!("queue")));
        let newest = admin.all_messages(path).await.remove(0);
        let who = json!({ "id": siti.id(), "name": "Siti Rahmawati" });
        assert_eq!((&newest["kind"], &newest["content"]["system"]["agent"]), (&json!("system"), &who));
    }
    assert_eq!(read(&app, &paths[2]).await["status"], "resolved");
    let ticket = read(&app, &ticket).await;
    assert_eq!(ticket["agent"]["name"], "Siti Rahmawati");
    assert_ne!(ticket["holders"][0]["to"], Value::Null);
    let told = told(&mut log).await;
    let of = |name: &str| told.iter().filter(|(of, _)| of == name).count();
    for (name, count) in [
        ("conversation.unassigned", 2),
        ("message.created", 2),
        ("ticket.transferred", 2),
        ("agent.deleted", 1),
        ("channel.updated", 1),
        ("division.updated", 1),
    ] {
        assert_eq!(of(name), count, "{name}: {told:?}");
    }
    assert_eq!(told.len(), 9, "{told:?}");
    let of_siti = format!("agent_id = '{}'", siti.id());
    assert_eq!(app.count(&format!("sign_ins WHERE {of_siti} AND revoked_at IS NULL")), 0);
    assert_eq!(
        app.count(&format!("audit_entries WHERE subject_id = '{}' AND action = 'deleted'", siti.id())),
        1
    );
    assert_eq!(login(&app, &siti.me().email).await.status, 401);

    let listed = |list: Vec<Value>| list.iter().any(|one| one["id"] == siti.id());
    assert!(!listed(admin.all("/v1/agents").await));
    assert!(listed(admin.all("/v1/agents?active=false").await));
    let rows = app.database.snapshot();
    admin.delete(&own).await.expect(204);
    for call in [
        admin.patch(&own, json!({ "name": "Kembali" })),
        admin.put(format!("{own}/supervisor"), json!({ "supervisor_id": null })),
        admin.put(format!("{own}/allocation"), json!({ "channel_ids": [], "division_ids": [] })),
    ] {
        call.await.problem(409, "agent_left");
    }
    let to = json!({ "agent_id": siti.id() });
    admin.post(format!("{}/assign", paths[0]), to).await.problem(422, "not_assignable");
    assert_eq!(app.database.snapshot(), rows);
    // The address is free again, and belongs to somebody else from now on.
    let mut body = new("Siti Baru", "x", "agent");
    body["email"] = json!(siti.me().email);
    let made = admin.post("/v1/agents", body).await.expect(201);
    let tokens = login(&app, &siti.me().email).await.expect(200);
    assert_eq!(tokens["agent"]["id"], made.id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_supervisor_looked_after_stays_without_one() {
    let app = TestApp::start().await;
    let mut log = app.follow().await;
    app.admin().delete(path(&app.supervisor())).await.expect(204);
    let mut told = told(&mut log).await;
    told.sort();
    let mut expected: Vec<_> =
        [app.agent(0), app.agent(1)].map(|agent| ("agent.updated".to_owned(), agent.id())).to_vec();
    expected.push(("agent.deleted".to_owned(), app.supervisor().id()));
    expected.sort();
    assert_eq!(told, expected);
    for agent in [app.agent(0), app.agent(1)] {
        let free = read(&app, &path(&agent)).await;
        assert_eq!((&free["supervisor"], &free["active"]), (&Value::Null, &json!(true)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_08_who_leaves_is_out_at_once_here_and_within_two_seconds_elsewhere() {
    let app = TestApp::start().await;
    let node = app.node(|_| {}).await;
    let siti = app.agent(0);
    let tokens = siti.sign_in().await;
    let device = app.bearer(tokens["access_token"].as_str().unwrap());
    let (mut here, _) = StreamClient::of(&app, &siti, None).await;
    let (mut there, _) = StreamClient::of(&node, &siti, None).await;
    let (mut device_here, _) = StreamClient::of(&app, &device, None).await;
    let (mut bystander, _) = StreamClient::of(&node, &app.agent(1), None).await;
    device.get("/v1/me").await.expect(200);
    siti.at(node.wire()).get("/v1/me").await.expect(200);
    app.database.execute(&format!(
        "INSERT INTO api_keys (workspace_id, id, agent_id, created_by, name, secret_hash, ends_with, scopes,
             limited_to_channels, created_at)
         SELECT workspace_id, id, id, id, 'kunci', sha256('x'), 'xxxx', '{{}}', false, now() FROM agents WHERE id = '{}'",
        siti.id()
    ));
    app.admin().delete(path(&siti)).await.expect(204);
    for caller in [&siti, &device] {
        caller.get("/v1/me").await.problem(401, "invalid_token");
    }
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    app.anonymous().post("/v1/auth/refresh", refresh).await.problem(401, "invalid_refresh_token");
    let closing = async {
        for client in [&mut here, &mut device_here, &mut there] {
            assert_eq!(client.closed().await, Some(4403));
        }
    };
    tokio::time::timeout(Duration::from_secs(2), closing).await.expect("a socket is open for too long");
    assert_eq!(app.count("api_keys WHERE revoked_at IS NULL"), 0);
    while bystander.next_event().await.event_type.as_str() != "agent.deleted" {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_with_more_than_one_round_of_conversations_leaves_all_of_them() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let paths = holding(&app, &siti, 203).await;
    let head = app.head(app.workspace).await;
    // Refused, nothing is given back.
    app.admin().delete(path(&siti)).if_match(99).await.problem(412, "version_mismatch");
    assert_eq!(app.head(app.workspace).await, head);
    app.admin().delete(path(&siti)).await.expect(204);
    assert_eq!(app.count("conversations WHERE assignee_id IS NOT NULL"), 0);
    assert_eq!(app.count("ticket_holders WHERE to_at IS NULL"), 0);
    let notes = "messages WHERE kind = 'system' AND content -> 'system' ->> 'event' = 'unassigned'";
    assert_eq!(app.count(notes), i64::try_from(paths.len()).unwrap());
    assert_eq!(app.count("agent_counts WHERE assigned > 0"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_may_leave_as_long_as_there_is_another() {
    let app = TestApp::start().await;
    let (second, caller) = super::hired(&app, "kedua", "admin").await;
    let own = format!("/v1/agents/{}", second.id());
    let id = app.conversation("6281234567890", "Halo").await;
    caller.act(format!("/v1/conversations/{id}/claim")).await.expect(200);
    caller.delete(&own).await.expect(204);
    caller.get("/v1/me").await.problem(401, "invalid_token");
    assert_eq!(read(&app, &format!("/v1/conversations/{id}")).await["assignee"], Value::Null);
}
