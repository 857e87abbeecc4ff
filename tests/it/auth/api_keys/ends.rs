//! How keys end: revoked, expired, with their member. And when they were used.

use std::time::Duration;

use api::auth::key_uses;
use api::stream::protocol::{ResetReason, ServerFrame};
use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{StreamClient, TestApp, eventually};
use serde_json::{Value, json};

use super::key;

async fn quick_app() -> TestApp {
    TestApp::options().settings(|settings| settings.stream.poll = Duration::from_millis(100)).start().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_08_a_revoked_key_is_refused_and_its_streams_are_closed_on_every_node() {
    let app = quick_app().await;
    let node = app.node(|_| {}).await;
    let (made, other) = (key(&app, json!({})).await, key(&app, json!({})).await);
    let (mut here, _) = StreamClient::of(&app, &made.program, None).await;
    let (mut there, _) = StreamClient::by_frame(&node, &made.program, None).await;
    let (mut bystander, _) = StreamClient::of(&node, &other.program, None).await;
    let elsewhere = made.program.at(node.wire());
    elsewhere.get("/v1/me").await.expect(200);
    let cursor = elsewhere.get("/v1/events").await.expect(200)["cursor"].as_str().unwrap().to_owned();
    let waiting = elsewhere.get(format!("/v1/events?since={cursor}&wait=30"));
    let waiting = tokio::spawn(waiting.into_future());
    app.admin().delete(made.path()).await.expect(204);
    made.program.get("/v1/me").await.problem(401, "invalid_token");
    assert_eq!((here.closed().await, there.closed().await), (Some(4403), Some(4403)));
    waiting.await.unwrap().problem(401, "invalid_token");
    eventually("the other node refuses it", || async {
        (elsewhere.get("/v1/me").await.status == 401).then_some(())
    })
    .await;
    let mut late = StreamClient::connect(&node).await;
    late.auth(&made.text, None).await;
    assert_eq!(late.closed().await, Some(4403));
    app.conversation("6281234567890", "Halo").await;
    while bystander.next_event().await.event_type.as_str() != "conversation.created" {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_runs_out_by_the_clock_also_one_that_was_used_just_now() {
    let app = quick_app().await;
    let end = app.clock.now().plus(TimeDelta::days(90));
    let (made, lasting) = (key(&app, json!({ "expires_at": end })).await, key(&app, json!({})).await);
    app.advance(TimeDelta::days(90) - TimeDelta::seconds(1));
    made.program.get("/v1/me").await.expect(200);
    let (mut stream, _) = StreamClient::of(&app, &made.program, None).await;
    // One second is left of it.
    assert!(matches!(stream.next().await, ServerFrame::AuthDue(_)));
    app.advance(TimeDelta::seconds(1));
    made.program.get("/v1/me").await.problem(401, "invalid_token");
    assert_eq!(stream.closed().await, Some(4403));
    lasting.program.get("/v1/me").await.expect(200);
    app.advance(TimeDelta::days(3650));
    lasting.program.get("/v1/me").await.expect(200);
    // What ran out is shown, so that somebody notices.
    assert_eq!(app.admin().all("/v1/api-keys").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_ends_with_its_member_and_a_changed_role_resets_its_stream() {
    let app = quick_app().await;
    let node = app.node(|_| {}).await;
    let (boss, siti) = (app.supervisor(), app.agent(0));
    let of_boss = key(&app, json!({ "agent_id": boss.id() })).await;
    let of_siti = key(&app, json!({ "agent_id": siti.id() })).await;
    let (mut demoted, _) = StreamClient::of(&node, &of_boss.program, None).await;
    let (mut left, _) = StreamClient::of(&node, &of_siti.program, None).await;
    app.database.execute(&format!("UPDATE agents SET role = 'agent' WHERE id = '{}'", boss.id()));
    app.database.execute(&format!("UPDATE agents SET active = false WHERE id = '{}'", siti.id()));
    assert_eq!(left.closed().await, Some(4403));
    match demoted.next().await {
        ServerFrame::Reset(reset) => assert_eq!(reset.reason, ResetReason::ScopeChanged),
        other => panic!("not a reset: {other:?}"),
    }
    eventually("the key of who left is refused", || async {
        (of_siti.program.get("/v1/me").await.status == 401).then_some(())
    })
    .await;
    of_boss.program.get("/v1/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_use_is_written_in_the_background_and_half_a_minute_exact() {
    let app = TestApp::start().await;
    let made = key(&app, json!({})).await;
    let last_used = async || app.admin().all("/v1/api-keys").await[0]["last_used_at"].clone();
    let first = app.clock.now();
    made.program.get("/v1/me").await.expect(200);
    eventually("the first use is written", || async { (last_used().await == json!(first)).then_some(()) })
        .await;
    // Who only knows the key's id does not use it.
    app.advance(TimeDelta::minutes(5));
    let forged = format!("{}AAAAA", &made.text[..made.text.len() - 5]);
    app.bearer(&forged).get("/v1/me").await.problem(401, "invalid_token");
    key_uses::write_down(app.app()).await.unwrap();
    assert_eq!(last_used().await, json!(first));
    let mut second = Value::Null;
    for seconds in [0, 29, 1] {
        app.advance(TimeDelta::seconds(seconds));
        made.program.get("/v1/me").await.expect(200);
        key_uses::write_down(app.app()).await.unwrap();
        if second.is_null() {
            second = json!(app.clock.now());
        }
        let expected = if seconds == 1 { json!(app.clock.now()) } else { second.clone() };
        assert_eq!(last_used().await, expected);
    }
    // An open stream is a use for as long as it is open, and what is noted at the end is not lost.
    let node = app.node(|settings| settings.stream.poll = Duration::from_millis(100)).await;
    let (_stream, _) = StreamClient::of(&node, &made.program, None).await;
    app.advance(TimeDelta::hours(1));
    eventually("the stream counts", || async { (last_used().await == json!(app.clock.now())).then_some(()) })
        .await;
    app.advance(TimeDelta::hours(1));
    made.program.at(node.wire()).get("/v1/me").await.expect(200);
    node.stop().await;
    assert_eq!(last_used().await, json!(app.clock.now()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_use_a_key_at_once_and_some_of_them_guess() {
    let app = TestApp::start().await;
    let (made, other) = (key(&app, json!({})).await, key(&app, json!({})).await);
    // The ids of one key with the secret of another: 36 bytes are ids and half of what overlaps.
    let calls = (0..60).map(|number| {
        let good = number % 3 > 0;
        let text =
            if good { made.text.clone() } else { format!("{}{}", &made.text[..60], &other.text[60..]) };
        let call = app.bearer(&text).get("/v1/me");
        async move { (good, call.await.status) }
    });
    for (good, status) in join_all(calls).await {
        assert_eq!(status, if good { 200 } else { 401 });
    }
}
