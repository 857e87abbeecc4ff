//! `typing`: of the moment, for those who may see the conversation.

use api::stream::protocol::{ServerFrame, Signal};
use harness::StreamClient;
use harness::stream::Received;
use serde_json::json;
use uuid::Uuid;

use super::{quick_app, up_to};

/// What comes before the second ping: by then everything that was there before has been sent.
async fn before_two_pings(client: &mut StreamClient) -> Vec<ServerFrame> {
    let (mut frames, mut pings) = (Vec::new(), 0);
    while pings < 2 {
        match client.receive().await {
            Received::Frame(ServerFrame::Ping(_)) => pings += 1,
            Received::Frame(frame) => frames.push(frame),
            Received::Closed(code) => panic!("closed with {code:?}"),
        }
    }
    frames
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_reaches_who_sees_the_conversation_and_asked_for_it() {
    let app = quick_app().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let rina = app.agent(2);
    let _ = rina.act(format!("/v1/conversations/{id}/claim")).await.expect(200);
    let head = app.head(app.workspace).await;

    let (mut writer, _) = StreamClient::by_frame(&app, &rina, None).await;
    let (mut reader, _) = StreamClient::by_frame(&app, &app.agent(0), None).await;
    let (mut second_device, _) = StreamClient::by_frame(&app, &rina, None).await;
    // Without `signals`; without sight of what Rina holds; of another workspace.
    let (mut deaf, _) = StreamClient::of(&app, &app.agent(0), None).await;
    let (mut narrow, _) = StreamClient::by_frame(&app, &app.narrow_agent(), None).await;
    let (mut supervisor, _) = StreamClient::by_frame(&app, &app.supervisor(), None).await;
    let other = app.another_team("dua").await;
    let (mut stranger, _) = StreamClient::by_frame(&app, &other.admin(), None).await;

    writer.send(json!({ "op": "typing", "conversation_id": id })).await;
    for client in [&mut reader, &mut second_device] {
        match client.next().await {
            ServerFrame::Signal(Signal::Typing { conversation_id, agent_id }) => {
                assert_eq!((conversation_id.to_string(), agent_id.to_string()), (id.clone(), rina.id()));
            }
            other => panic!("not a signal: {other:?}"),
        }
    }
    for client in [&mut writer, &mut deaf, &mut narrow, &mut supervisor, &mut stranger, &mut reader] {
        assert_eq!(before_two_pings(client).await, []);
    }
    assert_eq!(app.head(app.workspace).await, head, "a signal is never stored");

    for hidden in [id, Uuid::from_u128(7).to_string()] {
        narrow.send(json!({ "op": "typing", "conversation_id": hidden })).await;
        let refused = narrow.next().await;
        assert!(matches!(refused, ServerFrame::Error(_)), "{refused:?}");
    }
    assert_eq!(before_two_pings(&mut reader).await, []);
    let shown = app.conversation("6281200000001", "Sambungan tetap").await;
    let to = json!({ "agent_id": app.narrow_agent().id() });
    let _ = app.admin().post(format!("/v1/conversations/{shown}/assign"), to).await.expect(200);
    let head = app.head(app.workspace).await;
    assert_ne!(up_to(&mut narrow, head).await, []);
}
