//! Clients that do not answer, do not keep up, or do not read at all.

use std::time::Duration;

use api::stream::protocol::{ClientFrame, Pong, ServerFrame};
use harness::stream::Received;
use harness::{DEADLINE, StreamClient, TestApp, eventually};
use tokio::time::timeout;

use super::{HEARTBEAT, quick, seq};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r06_who_answers_no_ping_is_closed() {
    let app = TestApp::options()
        .settings(|settings| {
            quick(settings);
            settings.stream.pong = Duration::from_millis(300);
        })
        .start()
        .await;
    let (mut silent, _) = StreamClient::of(&app, &app.agent(0), None).await;
    let (mut lively, _) = StreamClient::of(&app, &app.agent(0), None).await;
    let lively = tokio::spawn(async move {
        lively.next_event().await;
    });
    silent.answers_pings = false;
    assert_eq!(silent.closed().await, Some(4509));
    app.conversation("6281234567890", "Halo").await;
    lively.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r08_who_answers_pings_without_getting_further_is_closed() {
    let app = TestApp::options()
        .settings(|settings| {
            quick(settings);
            settings.stream.progress = Duration::from_secs(1);
        })
        .start()
        .await;
    let (mut stuck, ready) = StreamClient::of(&app, &app.agent(0), None).await;
    let (mut lively, _) = StreamClient::of(&app, &app.agent(0), None).await;
    stuck.answers_pings = false;
    app.conversation("6281234567890", "Halo").await;
    let lively = tokio::spawn(async move {
        let mut events = 0;
        while events < 6 {
            lively.next_event().await;
            events += 1;
        }
    });
    let answering = async {
        loop {
            match stuck.receive().await {
                Received::Frame(ServerFrame::Ping(_)) => {
                    stuck.frame(&ClientFrame::Pong(Pong { seq: seq(&ready.cursor) })).await;
                }
                Received::Frame(_) => {}
                Received::Closed(code) => return code,
            }
        }
    };
    let code = timeout(DEADLINE, answering).await.expect("it is not closed");
    assert_eq!(code, Some(4508));
    app.conversation("6281234567890", "Yang lain tidak apa-apa").await;
    app.conversation("6281234567890", "Sungguh").await;
    lively.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r07_who_never_reads_holds_up_nobody_and_is_gone_in_time() {
    let app = TestApp::options()
        .settings(|settings| {
            settings.stream.heartbeat = HEARTBEAT * 5;
            settings.stream.frames = 100_000;
            settings.stream.progress = Duration::from_secs(2);
        })
        .start()
        .await;
    let (mut asleep, _) = StreamClient::of(&app, &app.agent(0), None).await;
    let mut others = Vec::new();
    for which in [0, 1, 2] {
        others.push(StreamClient::of(&app, &app.agent(which), None).await.0);
    }
    let long = "Panjang sekali. ".repeat(2500);
    for number in 0..(10 << 20) / long.len() + 1 {
        let id = format!("wamid.{number}");
        app.whatsapp_text("6281234567890", &id, &long).await;
        // The next one is written when each of the others has this one.
        for client in &mut others {
            while client.next_event().await.data["provider_message_id"] != id.as_str() {}
        }
    }
    drop(others);
    eventually("the server has given the sleeper up", || async {
        (app.app().hub.connections() == 0).then_some(())
    })
    .await;
    // What lay in the buffers is still there; after it there is nothing but the end.
    assert!(matches!(asleep.closed().await, None | Some(4508)));
}
