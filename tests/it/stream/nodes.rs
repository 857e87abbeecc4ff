//! Two servers on one database.

use std::time::Duration;

use api::stream::protocol::Mode;
use harness::{StreamClient, TestApp, eventually};
use serde_json::json;

use super::quick_app;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r14_what_happens_on_one_node_reaches_the_streams_of_another() {
    let app = quick_app().await;
    let node = app.node(|_| {}).await;
    let siti = app.agent(0);
    let (mut here, _) = StreamClient::of(&app, &siti, None).await;
    let (mut there, _) = StreamClient::of(&node, &siti, None).await;
    let id = app.conversation("6281234567890", "Halo").await;
    let claimed = siti.at(node.wire()).act(format!("/v1/conversations/{id}/claim")).await.expect(200);
    let head = app.head(app.workspace).await;
    let (mut last, mut assigned) = (0, 0);
    while last < head {
        let (one, other) = (here.next_event().await, there.next_event().await);
        assert_eq!(one, other);
        last = one.seq;
        if one.event_type.as_str() == "conversation.assigned" {
            assert_eq!(one.data, claimed.json);
            assigned += 1;
        }
    }
    assert_eq!(assigned, 1);
    // A cursor of one node is good on the other.
    let (mut moved, ready) = StreamClient::of(&node, &siti, here.cursor.as_deref()).await;
    assert_eq!((ready.mode, moved.caught_up().await.len()), (Mode::Replay, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_for_events_is_woken_by_another_node() {
    let app = TestApp::options()
        .settings(|settings| settings.stream.poll = Duration::from_millis(100))
        .start()
        .await;
    let node = app.node(|_| {}).await;
    let admin = app.admin().at(node.wire());
    let begin = admin.get("/v1/events").await.expect(200);
    let waiting =
        async { admin.get(format!("/v1/events?since={}&wait=30", begin["cursor"].as_str().unwrap())).await };
    let renaming = async {
        eventually("the request waits", || async { (node.app().hub.connections() == 1).then_some(()) }).await;
        let path = format!("/v1/channels/{}", app.channel("whatsapp"));
        app.admin().patch(path, json!({ "name": "Gerai" })).await.expect(200)
    };
    let (told, renamed) = tokio::join!(waiting, renaming);
    let told = told.expect(200);
    // It would have been empty after 30 seconds.
    assert_eq!(told["items"][0]["data"]["name"], "Gerai");
    assert_eq!(told["items"][0]["version"], renamed["version"]);
}
