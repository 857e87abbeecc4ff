//! Conversations whose division or holder is not there any longer.

use serde_json::json;

use super::{routed, says, settled};

/// Nobody of the division could take it, since it has no members: no change of a member says that others can now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_for_a_division_without_members_goes_to_others() {
    let app = routed(json!({})).await;
    let division = app.admin().post("/v1/divisions", json!({ "name": "Kosong" })).await.expect(201).id();
    let waiting = app.conversation("6281200000001", "Halo").await;
    let path = format!("/v1/conversations/{waiting}/assign");
    app.admin().post(path, json!({ "division_id": division })).await.expect(200);
    let mut log = app.follow().await;
    says(&app.agent(2), "online").await;
    log.until("online", |event| event["type"] == "agent.updated").await;
    settled(&app).await;
    assert_eq!(app.count("conversations WHERE waiting_decided AND division_id IS NOT NULL"), 1);

    app.admin().delete(format!("/v1/divisions/{division}")).await.expect(200);
    let given = log.until("the assignment", |event| event["type"] == "conversation.assigned").await;
    assert_eq!(given["data"]["id"], json!(waiting));
    assert_eq!(given["data"]["assignee"]["id"], json!(app.agent(2).id()));
}

/// Two timers of one conversation are due at once: its holder is gone, so it does not keep it although nobody can take it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_overdue_and_whose_holder_is_gone_is_handed_over() {
    let app = routed(
        json!({ "unanswered_transfer_minutes": 1, "auto_handover": true, "handover_grace_seconds": 30 }),
    )
    .await;
    says(&app.agent(2), "online").await;
    let mut log = app.follow().await;
    let held = app.conversation("6281200000001", "Halo").await;
    log.until("the assignment", |event| event["type"] == "conversation.assigned").await;
    says(&app.agent(2), "offline").await;
    settled(&app).await;
    app.advance(chrono::TimeDelta::seconds(61));
    let back = log.until("the handover", |event| event["type"] == "conversation.unassigned").await;
    assert_eq!(back["data"]["id"], json!(held));
}
