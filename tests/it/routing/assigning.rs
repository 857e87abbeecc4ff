//! Conversations go to agents by themselves.

use serde_json::json;

use super::{routed, says};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_to_who_is_there_and_waits_for_who_comes() {
    let app = routed(json!({ "max_conversations_per_agent": 1 })).await;
    let mut log = app.follow().await;
    let first = app.conversation("6281200000001", "Halo").await;
    log.until("the queue", |event| event["type"] == "routing.queued").await;
    says(&app.agent(0), "online").await;
    let assigned = log.until("the assignment", |event| event["type"] == "conversation.assigned").await;
    assert_eq!(assigned["data"]["id"], json!(first));
    assert_eq!(assigned["data"]["assignee"]["id"], json!(app.agent(0).id()));
    let second = app.conversation("6281200000002", "Halo").await;
    log.until("the queue", |event| event["type"] == "routing.queued").await;
    app.agent(0).act(format!("/v1/conversations/{first}/resolve")).await.expect(200);
    let assigned = log.until("the next one", |event| event["type"] == "conversation.assigned").await;
    assert_eq!(assigned["data"]["id"], json!(second));
}
