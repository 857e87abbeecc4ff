//! `GET …/timers`: what happens to a conversation later, unless something happens before.

use chrono::TimeDelta;
use domain::time::Timestamp;
use harness::{Caller, TestApp, eventually};
use serde_json::{Value, json};

use super::{routed, says};
use crate::support::text;

async fn timers(app: &TestApp, conversation: &str) -> Vec<Value> {
    app.admin().all(&format!("/v1/conversations/{conversation}/timers")).await
}

/// Kind, since, due and state of each.
fn brief(timers: &[Value]) -> Vec<(&str, &Value, &Value, &str)> {
    let word = |value: &'_ Value| -> &'static str {
        let known = ["unanswered_transfer", "supervisor_notice", "handover", "armed", "blocked", "fired"];
        known.into_iter().find(|one| value == one).unwrap()
    };
    timers
        .iter()
        .map(|one| (word(&one["kind"]), &one["since"], &one["due_at"], word(&one["state"])))
        .collect()
}

/// A conversation whose customer waits for this agent; and when the customer wrote, and when the agent got it.
async fn held(app: &TestApp, by: &Caller) -> (String, Timestamp, Timestamp) {
    let id = app.conversation("6281200000001", "Halo").await;
    let written = app.clock.now();
    app.advance(TimeDelta::minutes(2));
    let to = json!({ "agent_id": by.id() });
    app.admin().post(format!("/v1/conversations/{id}/assign"), to).await.expect(200);
    (id, written, app.clock.now())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_say_since_when_they_run_when_they_act_and_what_ends_them() {
    let app = routed(json!({ "unanswered_transfer_minutes": 10, "notify_supervisor_minutes": 5 })).await;
    let siti = app.agent(0);
    let (id, written, given) = held(&app, &siti).await;
    let found = timers(&app, &id).await;
    let at = |time: Timestamp, minutes: i64| json!(time.plus(TimeDelta::minutes(minutes)));
    let notice = (at(written, 0), at(written, 5));
    let transfer = (at(given, 0), at(given, 10));
    let armed = [
        ("supervisor_notice", &notice.0, &notice.1, "armed"),
        ("unanswered_transfer", &transfer.0, &transfer.1, "armed"),
    ];
    assert_eq!(brief(&found), armed);
    assert_eq!(found[0]["cancelled_by"], json!(["agent_reply", "resolve", "setting_off"]));
    let ends = json!(["agent_reply", "resolve", "reassign", "unassign", "setting_off"]);
    assert_eq!(found[1]["cancelled_by"], ends);

    app.advance(TimeDelta::minutes(4));
    eventually("the notice", || async { (timers(&app, &id).await[0]["state"] == "fired").then_some(()) })
        .await;
    assert_eq!(brief(&timers(&app, &id).await)[1..], armed[1..]);
    // Nobody else is there.
    app.advance(TimeDelta::minutes(10));
    eventually("a transfer to nobody", || async {
        (timers(&app, &id).await[1]["state"] == "blocked").then_some(())
    })
    .await;
    siti.post(format!("/v1/conversations/{id}/messages"), text("Maaf menunggu")).await.expect(201);
    assert_eq!(timers(&app, &id).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_handover_of_the_holder_is_among_the_conversations_timers() {
    let app = routed(json!({ "auto_handover": true, "handover_grace_seconds": 300 })).await;
    let siti = app.agent(0);
    says(&siti, "online").await;
    let (id, ..) = held(&app, &siti).await;
    let other = app.conversation("6281200000002", "Bukan punya Siti").await;
    let to = json!({ "agent_id": app.agent(2).id() });
    says(&app.agent(2), "online").await;
    app.admin().post(format!("/v1/conversations/{other}/assign"), to).await.expect(200);
    assert_eq!(timers(&app, &id).await, Vec::<Value>::new());
    says(&siti, "offline").await;
    let found = eventually("a handover", || async {
        let found = timers(&app, &id).await;
        (!found.is_empty()).then_some(found)
    })
    .await;
    let (now, due) = (json!(app.clock.now()), json!(app.clock.now().plus(TimeDelta::minutes(5))));
    assert_eq!(brief(&found), [("handover", &now, &due, "armed")]);
    assert_eq!(found[0]["cancelled_by"][0], "holder_back");
    assert_eq!(timers(&app, &other).await, Vec::<Value>::new());
    says(&siti, "online").await;
    eventually("no handover", || async { timers(&app, &id).await.is_empty().then_some(()) }).await;
}
