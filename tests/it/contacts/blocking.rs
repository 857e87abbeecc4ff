//! Shutting customers out.

use chrono::TimeDelta;
use harness::team::assignment_settings;
use harness::{TestApp, eventually};
use serde_json::{Value, json};

use super::contact_of;
use crate::support::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_ends_and_what_comes_is_kept_and_nothing_else() {
    let app = TestApp::start().await;
    let (siti, admin) = (app.agent(0), app.admin());
    let settings =
        json!({ "auto_assign": true, "unanswered_transfer_minutes": 5, "notify_supervisor_minutes": 5 });
    admin.put("/v1/settings/assignment", assignment_settings(&settings)).await.expect(200);
    let id = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{id}");
    let contact = contact_of(&app, &id).await;
    let held = siti.act(format!("{path}/claim")).await.expect(200);
    let ticket = format!("/v1/tickets/{}", held["ticket_id"].as_str().unwrap());
    admin.act(format!("{path}/archive")).await.expect(200);
    app.clock.advance(TimeDelta::seconds(1));
    let mut log = app.follow().await;

    // Whoever blocks, and whoever holds it.
    let blocked = app.agent(2).act(format!("{contact}/block")).key("satu").await.expect(200);
    assert!(blocked["blocked_at"].is_string());
    assert_eq!(app.agent(2).act(format!("{contact}/block")).key("satu").await.expect(200).json, blocked.json);
    assert_eq!(app.agent(2).act(format!("{contact}/block")).await.expect(200)["version"], blocked["version"]);
    let told = log.until("blocking", |event| event["type"] == "contact.blocked").await;
    assert_eq!(told["data"], blocked.json);
    let told = log.until("the end", |event| event["type"] == "conversation.resolved").await;
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(told["data"], shown.json);
    assert_eq!((&shown["status"], &shown["contact"]["blocked"]), (&json!("resolved"), &json!(true)));
    assert_eq!(admin.get(&ticket).await.expect(200)["status"], "resolved");
    assert_eq!(app.count("timers"), 0);
    assert_eq!(admin.get(format!("/v1/agents/{}", siti.id())).await.expect(200)["counts"]["assigned"], 0);

    app.clock.advance(TimeDelta::minutes(1));
    log.rest().await;
    app.conversation("6281234567890", "Halo?").await;
    let after = admin.get(&path).await.expect(200);
    for field in
        ["status", "unread_count", "waiting_since", "unanswered_since", "archived_at", "last_activity_at"]
    {
        assert_eq!(after[field], shown[field], "{field}");
    }
    assert_eq!(after["last_message"]["text"], "Halo?");
    log.rest().await;
    assert_eq!(
        log.names().iter().rev().take(2).rev().collect::<Vec<_>>(),
        ["message.created", "conversation.updated"]
    );
    app.advance(TimeDelta::minutes(10));
    assert_eq!(app.count("messages WHERE session_id IS NULL AND direction = 'inbound'"), 1);
    assert_eq!(app.count("conversations WHERE session_id IS NOT NULL"), 0);
    assert_eq!(app.count("routing_decisions d, contacts c WHERE d.at >= c.blocked_at"), 0);
    assert_eq!((app.count("timers"), app.count("notifications WHERE kind = 'unanswered'")), (0, 0));

    siti.post(format!("{path}/messages"), text("Maaf")).await.problem(409, "contact_blocked");
    let to = json!({ "agent_id": siti.id() });
    admin.post(format!("{path}/assign"), to).await.problem(409, "contact_blocked");
    siti.act(format!("{path}/claim")).await.problem(409, "already_resolved");

    app.agent(2).act(format!("{contact}/unblock")).await.expect(200);
    let after = admin.get(&path).await.expect(200);
    assert_eq!((&after["status"], &after["contact"]["blocked"]), (&json!("resolved"), &json!(false)));
    app.conversation("6281234567890", "Akhirnya").await;
    let after = admin.get(&path).await.expect(200);
    assert_eq!((&after["unread_count"], &after["archived_at"]), (&json!(1), &Value::Null));
    assert_ne!(after["status"], "resolved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatsapp_is_asked_to_block_too_and_what_it_refuses_is_let_be() {
    let app = TestApp::with_sandbox().await;
    app.customer("whatsapp", "6281234567890").writes("Halo").await;
    let id = app.database.values("SELECT id::text AS value FROM conversations").remove(0);
    let contact = contact_of(&app, &id).await;
    let at_provider = || async {
        let url = format!("{}/sandbox/customers/6281234567890?channel=whatsapp", app.sandbox().base_url());
        let shown: Value = app.wire().http.get(url).send().await.unwrap().json().await.unwrap();
        shown["blocked_by_business"].as_bool().unwrap()
    };
    for (act, blocked) in [("block", true), ("unblock", false)] {
        app.admin().act(format!("{contact}/{act}")).await.expect(200);
        eventually(act, || async { (at_provider().await == blocked).then_some(()) }).await;
    }
    // Too long ago for the provider: Tanggap does what it can.
    app.advance(TimeDelta::hours(25));
    app.admin().act(format!("{contact}/block")).await.expect(200);
    eventually("that nothing is left to do", || async { (app.count("jobs") == 0).then_some(()) }).await;
    assert!(!at_provider().await);
    assert_eq!(app.count("contacts WHERE blocked_at IS NOT NULL"), 1);
}
