//! A key does what its scopes say, of what its member may.

use std::collections::BTreeMap;

use api::auth::key_uses;
use domain::access::KeyScope;
use harness::contract::operations;
use harness::{Follower, TestApp};
use serde_json::{Value, json};

use super::{Key, key, scopes_without};
use crate::support::{template, text};
use crate::walks::{NOBODY, PUBLIC, call, filled, operation_id};

/// Whether the document says that the operation takes this credential.
fn takes(spec: &Value, scheme: &str) -> bool {
    spec["security"].as_array().unwrap().iter().any(|one| one.get(scheme).is_some())
}

async fn keys(app: &TestApp, scopes: impl Fn(KeyScope) -> Value) -> BTreeMap<KeyScope, Key> {
    let mut keys = BTreeMap::new();
    for scope in KeyScope::ALL {
        keys.insert(*scope, key(app, json!({ "scopes": scopes(*scope) })).await);
    }
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_refused_to_a_key_that_has_every_scope_but_the_one_it_needs() {
    let app = TestApp::start().await;
    let all = key(&app, json!({})).await;
    let lacking = keys(&app, |scope| scopes_without(&[scope])).await;
    let exact = keys(&app, |scope| json!([scope])).await;
    for one in lacking.values().chain([&all]) {
        one.program.get("/v1/me").await.expect(200);
    }
    // The clock stands still: nothing more is written of when they were used.
    key_uses::write_down(app.app()).await.unwrap();
    let rows = app.database.snapshot();
    let signed_in: Vec<_> = operations()
        .into_iter()
        .filter(|one| takes(one.spec, "access_token") && !PUBLIC.contains(&operation_id(one)))
        .collect();
    let scope_of = |spec: &Value| spec["x-scope"].as_str().map(|scope| scope.parse::<KeyScope>().unwrap());
    let (mut scoped, mut for_people) = (0, 0);
    for operation in &signed_in {
        let path = filled(operation.path, |_| NOBODY.to_owned());
        match scope_of(operation.spec) {
            _ if !takes(operation.spec, "api_key") => {
                for_people += 1;
                call(&all.program, operation, &path).await.problem(403, "forbidden");
            }
            Some(scope) => {
                scoped += 1;
                let refused = call(&lacking[&scope].program, operation, &path).await;
                let refused = refused.problem(403, "scope_missing");
                assert!(refused["detail"].as_str().unwrap().contains(scope.as_str()), "{path}: {refused:?}");
            }
            None => {}
        }
    }
    assert_eq!(app.database.snapshot(), rows, "a refused call changed something");
    assert!(scoped > 15 && for_people >= 3, "{scoped} with a scope, {for_people} for people");
    for operation in &signed_in {
        let path = filled(operation.path, |_| NOBODY.to_owned());
        let program = match scope_of(operation.spec) {
            _ if !takes(operation.spec, "api_key") => continue,
            Some(scope) => &exact[&scope].program,
            None => &exact[&KeyScope::AuditRead].program,
        };
        let allowed = call(program, operation, &path).await;
        assert!(!matches!(allowed.status, 401 | 403), "{} {path}: {}", operation.method, allowed.json);
        assert!(allowed.status < 500, "{} {path}: {}", operation.method, allowed.json);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_told_only_of_what_it_may_read() {
    let app = TestApp::start().await;
    let begin = api::stream::cursor::StreamCursor::new(app.app().epoch, 0).to_string();
    let id = app.conversation("6281234567890", "Halo").await;
    let claimed = app.agent(0).act(format!("/v1/conversations/{id}/claim")).await.expect(200);
    let notes = format!("/v1/contacts/{}/notes", claimed["contact"]["id"].as_str().unwrap());
    app.agent(0).post(notes, json!({ "text": "Langganan lama" })).await.expect(201);
    let label = json!({ "name": "VIP", "color": "#FF0000" });
    app.agent(0).post("/v1/labels", label).await.expect(201);
    let template = template(app.channel("whatsapp"), "kirim");
    app.admin().post("/v1/templates", template).await.expect(201);
    for (scope, kinds) in [
        (KeyScope::ConversationsRead, vec!["conversation", "label"]),
        (KeyScope::ContactsRead, vec!["contact", "note"]),
        (KeyScope::MessagesRead, vec!["message"]),
        (KeyScope::TicketsRead, vec!["ticket"]),
        (KeyScope::TemplatesRead, vec!["template"]),
        (KeyScope::TeamRead, vec!["agent", "division"]),
        (KeyScope::ChannelsRead, vec!["channel"]),
        (KeyScope::AuditRead, vec!["api_key"]),
        (KeyScope::ConversationsWrite, vec![]),
    ] {
        let made = key(&app, json!({ "scopes": [scope] })).await;
        let mut log = Follower::from_cursor(made.program, begin.clone());
        log.rest().await;
        let kind = |name: &String| name.split('.').next().unwrap().to_owned();
        let told: std::collections::BTreeSet<String> = log.names().iter().map(kind).collect();
        let expected: std::collections::BTreeSet<String> = kinds.into_iter().map(ToOwned::to_owned).collect();
        assert_eq!(told, expected, "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisors_key_sees_what_the_supervisor_sees() {
    let app = TestApp::start().await;
    let (boss, admin) = (app.supervisor(), app.admin());
    let made = key(&app, json!({ "agent_id": boss.id() })).await;
    let mut ids = Vec::new();
    for (number, holder) in [("6281200000001", 0), ("6281200000002", 2)] {
        let id = app.conversation(number, "Halo").await;
        let to = json!({ "agent_id": app.agent(holder).id() });
        admin.post(format!("/v1/conversations/{id}/assign"), to).await.expect(200);
        ids.push(id);
    }
    let program = &made.program;
    assert_eq!(program.get("/v1/me").await.expect(200)["id"], boss.id());
    for list in ["/v1/conversations?tab=all", "/v1/tickets", "/v1/agents"] {
        let own = program.all(list).await;
        assert_eq!((own.is_empty(), &own), (false, &boss.all(list).await), "{list}");
    }
    program.get(format!("/v1/conversations/{}", ids[0])).await.expect(200);
    program.get(format!("/v1/conversations/{}", ids[1])).await.problem(404, "not_found");
    let path = format!("/v1/channels/{}", app.channel("whatsapp"));
    program.patch(path, json!({ "name": "Lain" })).await.problem(403, "forbidden");
    // A demoted member's key has only the member's rights.
    app.database
        .execute(&format!("UPDATE agents SET role = 'agent', view_all = false WHERE id = '{}'", boss.id()));
    harness::eventually("the new role counts", || async {
        (program.get(format!("/v1/conversations/{}", ids[0])).await.status == 404).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_key_does_is_told_and_audited_with_its_name() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let (siti_key, admin_key) = (
        key(&app, json!({ "name": "CRM", "agent_id": siti.id() })).await,
        key(&app, json!({ "name": "Alat" })).await,
    );
    let id = app.conversation("6281234567890", "Halo").await;
    let mut log = app.follow().await;
    let path = format!("/v1/conversations/{id}");
    let claimed = siti_key.program.act(format!("{path}/claim")).await.expect(200);
    assert_eq!(claimed["assignee"]["id"], siti.id());
    let sent = siti_key.program.post(format!("{path}/messages"), text("Halo kak")).await.expect(201);
    assert_eq!(sent["author"]["id"], siti.id());
    let channel = format!("/v1/channels/{}", app.channel("telegram"));
    admin_key.program.patch(channel, json!({ "name": "Bot lain" })).await.expect(200);
    let actor = |name: &str, agent: &harness::Caller, key: &super::Key| json!({ "type": "agent", "id": agent.id(), "name": agent.me().name, "api_key": { "id": key.id, "name": name } });
    for (what, expected) in [
        ("conversation.assigned", actor("CRM", &siti, &siti_key)),
        ("message.created", actor("CRM", &siti, &siti_key)),
        ("channel.updated", actor("Alat", &app.admin(), &admin_key)),
    ] {
        let event =
            log.until(what, |event| event["type"] == what && event["data"]["direction"] != "system").await;
        assert_eq!(event["actor"], expected, "{what}");
    }
    let audited = app.database.values(
        "SELECT concat_ws(' ', actor_id, api_key_id, api_key_name) AS value FROM audit_entries WHERE action = 'updated'",
    );
    assert_eq!(audited, [format!("{} {} Alat", app.admin().id(), admin_key.id)]);
}
