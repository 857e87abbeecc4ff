//! Two servers on one database.

use std::time::Duration;

use api::stream::protocol::Mode;
use harness::{StreamClient, TestApp};
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
    let mut log = harness::Follower::from_now(admin).await;
    let waiting = log.until("the new name", |event| event["type"] == "channel.updated");
    let path = format!("/v1/channels/{}", app.channel("whatsapp"));
    let (told, renamed) = tokio::join!(waiting, async {
        app.admin().patch(path, json!({ "name": "Gerai" })).await.expect(200)
    });
    assert_eq!((&told["data"]["name"], &told["version"]), (&json!("Gerai"), &renamed["version"]));
}
