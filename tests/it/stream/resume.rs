//! Coming back: what was missed, in order, or a reset, and never a part.

use api::jobs::housekeeping;
use api::stream::cursor::StreamCursor;
use api::stream::protocol::{Envelope, Mode, ResetReason, ServerFrame};
use chrono::TimeDelta;
use harness::events::Follower;
use harness::{Caller, StreamClient, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{events, quick, quick_app, seq, up_to};

fn plain(envelope: &Envelope) -> Value {
    serde_json::to_value(envelope).unwrap()
}

fn texts(events: &[Envelope]) -> Vec<&str> {
    let messages = events.iter().filter(|event| event.event_type.as_str() == "message.created");
    messages.filter_map(|event| event.data["text"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r04_who_comes_back_gets_exactly_what_it_may_see_of_what_it_missed_then_what_happens() {
    let app = quick_app().await;
    let (joko, rina) = (app.narrow_agent(), app.agent(2));
    let (mine, others) = ("6281200000001", "6281200000002");
    for (customer, holder) in [(mine, &joko), (others, &rina)] {
        let id = app.conversation(customer, "Halo").await;
        let assign =
            app.admin().post(format!("/v1/conversations/{id}/assign"), json!({ "agent_id": holder.id() }));
        let _ = assign.await.expect(200);
    }
    let (mut client, _) = StreamClient::of(&app, &joko, None).await;
    app.conversation(mine, "Nomor nol").await;
    app.conversation(others, "Rahasia").await;
    let before = events(up_to(&mut client, app.head(app.workspace).await).await);
    assert_eq!(texts(&before), ["Nomor nol"]);
    let cursor = client.cursor.clone().unwrap();
    // The connection breaks without a close frame.
    drop(client);
    let mut expected = Vec::new();
    for number in 0..50 {
        let text = format!("Nomor {number}");
        app.conversation(if number % 2 == 0 { mine } else { others }, &text).await;
        if number % 2 == 0 {
            expected.push(text);
        }
    }
    let (mut client, ready) = StreamClient::of(&app, &joko, Some(&cursor)).await;
    assert_eq!((ready.mode, seq(&ready.cursor)), (Mode::Replay, seq(&cursor)));
    let missed = client.caught_up().await;
    assert_eq!(texts(&missed), expected);
    let mut last = seq(&cursor);
    for event in &missed {
        assert_eq!(event.prev, last);
        last = event.seq;
    }
    app.conversation(mine, "Sekarang").await;
    let live = events(up_to(&mut client, app.head(app.workspace).await).await);
    assert_eq!((texts(&live), live[0].prev), (vec!["Sekarang"], last));

    let (mut again, ready) = StreamClient::of(&app, &joko, client.cursor.as_deref()).await;
    assert_eq!(ready.mode, Mode::Replay);
    assert_eq!(again.caught_up().await, []);
    // In one go, from the middle, and by long poll it is the same.
    let middle = &missed[missed.len() / 2];
    let (mut half, _) = StreamClient::of(&app, &joko, Some(&middle.cursor)).await;
    let half = half.caught_up().await;
    assert_eq!(half[..half.len() - live.len()], missed[missed.len() / 2 + 1..]);
    let polled = Follower::from_cursor(joko, cursor).rest().await.to_vec();
    assert_eq!(polled, missed.iter().chain(&live).map(plain).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r12_the_long_poll_tells_the_same_in_the_same_order_as_the_socket() {
    let app = quick_app().await;
    for who in [app.admin(), app.supervisor(), app.narrow_agent()] {
        let (mut client, ready) = StreamClient::of(&app, &who, None).await;
        let is_last = |event: &Value| event["data"]["name"] == "Selesai";
        let mut poll = Follower::from_cursor(who, ready.cursor);
        let poll = tokio::spawn(async move {
            poll.until("the end", is_last).await;
            poll.seen
        });
        let id = app.conversation("6281234567890", "Halo").await;
        let path = format!("/v1/conversations/{id}");
        for agent in [2, 3, 0] {
            let to = json!({ "agent_id": app.agent(agent).id() });
            let _ = app.admin().post(format!("{path}/assign"), to).await.expect(200);
            app.conversation("6281234567890", "Lagi").await;
        }
        let _ = app.admin().act(format!("{path}/resolve")).await.expect(200);
        let channel = format!("/v1/channels/{}", app.channel("telegram"));
        for name in ["Selesai", "Telegram"] {
            let _ = app.admin().patch(&channel, json!({ "name": name })).await.expect(200);
        }
        let polled = poll.await.unwrap();
        let mut told = Vec::new();
        while !told.last().is_some_and(is_last) {
            told.push(plain(&client.next_event().await));
        }
        assert!(told.len() > 3);
        // Each answer is a subscription of its own, of which `prev` speaks.
        let without_prev = |events: Vec<Value>| -> Vec<Value> {
            let strip = |mut event: Value| {
                event["prev"].take();
                event
            };
            events.into_iter().map(strip).collect()
        };
        assert_eq!(without_prev(polled), without_prev(told));
    }
}

/// A reset sends nothing until the client subscribes from a fresh cursor; then it goes on.
async fn resets(app: &TestApp, who: &Caller, since: &str, reason: ResetReason) {
    let (mut client, ready) = StreamClient::of(app, who, Some(since)).await;
    assert_eq!((ready.mode, ready.reason), (Mode::Reset, Some(reason)), "{since}");
    let page = who.get(format!("/v1/events?since={since}")).await;
    // The long poll takes no text that is no cursor, and may read as much as it likes.
    if page.status == 200 && reason != ResetReason::TooFar {
        let told = json!({ "items": [], "cursor": since, "reset": reason });
        assert_eq!(page.json, told);
    }
    app.conversation("6281234567890", "Tidak dikirim").await;
    let fresh = who.get("/v1/conversations").await.expect(200);
    let fresh = fresh.header("stream-cursor").unwrap();
    app.conversation("6281234567890", "Dikirim").await;
    // Two pings: what was going to be sent has been sent by then.
    for _ in 0..2 {
        let ping = client.receive().await;
        assert!(matches!(ping, harness::stream::Received::Frame(ServerFrame::Ping(_))), "{ping:?}");
    }
    client.send(json!({ "op": "subscribe", "since": fresh })).await;
    let ready = client.ready().await;
    assert_eq!((ready.mode, seq(&ready.cursor)), (Mode::Replay, seq(fresh)));
    assert_eq!(texts(&client.caught_up().await), ["Dikirim"]);
    app.conversation("6281234567890", "Langsung").await;
    let head = app.head(app.workspace).await;
    assert_eq!(texts(&events(up_to(&mut client, head).await)), ["Langsung"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r05_a_place_that_cannot_be_resumed_from_is_answered_with_reset_and_why() {
    let app = TestApp::options()
        .settings(|settings| {
            quick(settings);
            settings.stream.replay_max = 10;
        })
        .start()
        .await;
    let admin = app.admin();
    let head = app.head(app.workspace).await;
    let here = |seq| StreamCursor::new(app.app().epoch, seq).to_string();
    let elsewhere = StreamCursor::new(Uuid::from_u128(7), head).to_string();
    for foreign in [elsewhere, here(head + 1000), "nonsense".to_owned()] {
        resets(&app, &admin, &foreign, ResetReason::Epoch).await;
    }
    let head = app.head(app.workspace).await;
    let (mut client, ready) = StreamClient::of(&app, &admin, Some(&here(head - 10))).await;
    assert_eq!((ready.mode, client.caught_up().await.len()), (Mode::Replay, 10));
    resets(&app, &admin, &here(head - 11), ResetReason::TooFar).await;

    let old = app.head(app.workspace).await;
    app.advance(TimeDelta::days(8));
    assert!(housekeeping::forget(app.app()).await.unwrap() > 0);
    app.conversation("6281200000009", "Setelah lama").await;
    let (mut client, ready) = StreamClient::of(&app, &admin, Some(&here(old))).await;
    assert_eq!((ready.mode, texts(&client.caught_up().await)), (Mode::Replay, vec!["Setelah lama"]));
    resets(&app, &admin, &here(old - 1), ResetReason::Expired).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_scope_resets_the_live_stream_and_every_cursor_of_the_old_one() {
    let app = TestApp::options().settings(quick).start().await;
    let rina = app.agent(2);
    app.conversation("6281200000001", "Belum dipegang").await;
    let (mut client, ready) = StreamClient::of(&app, &rina, None).await;
    app.database.execute(&format!("UPDATE agents SET view_all = false WHERE id = '{}'", rina.id()));
    match client.next().await {
        ServerFrame::Reset(reset) => assert_eq!(reset.reason, ResetReason::ScopeChanged),
        other => panic!("not reset: {other:?}"),
    }
    app.conversation("6281200000001", "Tidak lagi untuknya").await;
    let (_, again) = StreamClient::of(&app, &rina, Some(&ready.cursor)).await;
    assert_eq!((again.mode, again.reason), (Mode::Reset, Some(ResetReason::ScopeChanged)));
    let fresh = rina.get("/v1/conversations").await.expect(200);
    client.send(json!({ "op": "subscribe", "since": fresh.header("stream-cursor").unwrap() })).await;
    assert_eq!(client.ready().await.mode, Mode::Replay);
    assert_eq!(client.caught_up().await, []);
    app.conversation("6281200000001", "Ini juga tidak").await;
    let head = app.head(app.workspace).await;
    assert_eq!(texts(&events(up_to(&mut client, head).await)), Vec::<&str>::new());
}
