//! What ends connections: the sign-in, the server.

use std::collections::BTreeSet;
use std::time::Duration;

use api::stream::protocol::{GoawayReason, Mode, ServerFrame};
use chrono::TimeDelta;
use harness::stream::Received;
use harness::{Reply, StreamClient};
use serde_json::json;

use super::{quick, quick_app};

fn refresh_token(tokens: &Reply) -> serde_json::Value {
    json!({ "refresh_token": tokens["refresh_token"] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s07_a_refresh_token_used_again_closes_the_sockets_of_its_sign_in_on_every_node() {
    let app = quick_app().await;
    let node = app.node(|_| {}).await;
    let siti = app.agent(0);
    let tokens = siti.sign_in().await;
    let thief = app.bearer(tokens["access_token"].as_str().unwrap());
    let (mut here, _) = StreamClient::of(&app, &thief, None).await;
    let (mut there, _) = StreamClient::of(&node, &thief, None).await;
    let (mut other_device, _) = StreamClient::of(&app, &siti, None).await;

    let first = app.anonymous().post("/v1/auth/refresh", refresh_token(&tokens)).await.expect(200);
    let again = app.anonymous().post("/v1/auth/refresh", refresh_token(&tokens)).await.expect(200);
    assert_eq!(first["refresh_token"], again["refresh_token"]);
    app.clock.advance(TimeDelta::seconds(11));
    app.conversation("6281234567890", "Belum apa-apa").await;
    for client in [&mut here, &mut there, &mut other_device] {
        client.next_event().await;
    }
    let reused = app.anonymous().post("/v1/auth/refresh", refresh_token(&tokens)).await;
    let _ = reused.problem(401, "refresh_token_reused");
    for client in [&mut here, &mut there] {
        assert_eq!(client.closed().await, Some(4403));
    }
    let successor = app.bearer(first["access_token"].as_str().unwrap());
    let mut late = StreamClient::connect(&app).await;
    late.auth(&successor.token().await.unwrap(), None).await;
    assert!(matches!(late.closed().await, Some(4401 | 4403)));
    app.conversation("6281234567891", "Gawai lain tetap").await;
    while other_device.next_event().await.event_type.as_str() != "conversation.created" {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_and_leaving_the_team_close_the_sockets_on_every_node() {
    let app = quick_app().await;
    let node = app.node(|_| {}).await;
    let tokens = app.agent(0).sign_in().await;
    let siti = app.bearer(tokens["access_token"].as_str().unwrap());
    let agus = app.agent(1);
    let mut ending = Vec::new();
    for who in [&siti, &agus] {
        ending.push((StreamClient::of(&app, who, None).await.0, StreamClient::of(&node, who, None).await.0));
    }
    let mut ending = ending.into_iter();
    let (mut bystander, _) = StreamClient::of(&node, &app.agent(2), None).await;

    let (mut here, mut there) = ending.next().unwrap();
    let _ = app.anonymous().post("/v1/auth/logout", refresh_token(&tokens)).await.expect(204);
    assert_eq!((here.closed().await, there.closed().await), (Some(4403), Some(4403)));

    let (mut here, mut there) = ending.next().unwrap();
    app.database.execute(&format!("UPDATE agents SET active = false WHERE id = '{}'", agus.id()));
    assert_eq!((here.closed().await, there.closed().await), (Some(4403), Some(4403)));

    app.conversation("6281234567890", "Halo").await;
    bystander.next_event().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r11_a_stop_tells_a_hundred_clients_who_come_back_elsewhere_and_miss_nothing() {
    let app = quick_app().await;
    let spread = 5000;
    let node = app
        .node(|settings| {
            quick(settings);
            settings.stream.connections_per_agent = 100;
            settings.stream.reconnect_within = Duration::from_millis(spread);
            settings.times.shutdown = harness::DEADLINE;
        })
        .await;
    let elsewhere = app.node(|settings| settings.stream.connections_per_agent = 100).await;
    let admin = app.admin();
    let mut log = app.follow().await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        let (client, _) = StreamClient::of(&node, &admin, None).await;
        clients.push(tokio::spawn(followed_until_closed(client)));
    }
    app.conversation("6281234567890", "Sebelum").await;
    let (_, ()) = tokio::join!(
        async {
            for number in 0..10 {
                app.conversation("6281234567890", &format!("Selama {number}")).await;
            }
        },
        node.stop()
    );
    app.conversation("6281234567890", "Sesudah").await;
    let all: Vec<i64> = log.rest().await.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    let mut waits = BTreeSet::new();
    for client in clients {
        let (mut seen, cursor, after_ms) = client.await.unwrap();
        assert!(after_ms < spread, "{after_ms}");
        waits.insert(after_ms);
        let (mut client, ready) = StreamClient::of(&elsewhere, &admin, Some(&cursor)).await;
        assert_eq!(ready.mode, Mode::Replay);
        seen.extend(client.caught_up().await.iter().map(|event| event.seq));
        assert_eq!(seen, all);
    }
    // Some may draw the same number; all of them in one half would be no spread.
    assert!(waits.len() > 50, "{waits:?}");
    assert!(waits.first() < Some(&(spread / 2)) && waits.last() > Some(&(spread / 2)), "{waits:?}");
}

/// What a client got, where it was, and when it is to come back.
async fn followed_until_closed(mut client: StreamClient) -> (Vec<i64>, String, u64) {
    let (mut seen, mut told) = (Vec::new(), None);
    loop {
        match client.receive().await {
            Received::Frame(ServerFrame::Event(event)) => {
                assert!(told.is_none(), "an event after goaway");
                seen.push(event.seq);
            }
            Received::Frame(ServerFrame::Goaway(goaway)) => {
                assert_eq!(goaway.reason, GoawayReason::Deploy);
                told = Some(goaway.after_ms);
            }
            Received::Frame(ServerFrame::Ping(_)) => {}
            Received::Frame(other) => panic!("{other:?}"),
            Received::Closed(code) => {
                assert_eq!(code, Some(1012));
                return (seen, client.cursor.unwrap(), told.expect("no goaway"));
            }
        }
    }
}
