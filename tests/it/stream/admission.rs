//! Who gets in, and how the others are sent away.

use std::time::Duration;

use api::auth::keys::Keys;
use api::stream::protocol::{Mode, ServerFrame};
use chrono::TimeDelta;
use harness::app::SECRET_KEY;
use harness::stream::Received;
use harness::{Caller, StreamClient, TestApp};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use super::seq;

/// What comes before the end, and the close code.
async fn until_closed(client: &mut StreamClient) -> (Vec<ServerFrame>, Option<u16>) {
    let mut frames = Vec::new();
    loop {
        match client.receive().await {
            Received::Frame(frame) => frames.push(frame),
            Received::Closed(code) => return (frames, code),
        }
    }
}

/// The same claims with another header type.
fn retyped(token: &str, typ: &str) -> String {
    let keys = Keys::from_secret(SECRET_KEY).unwrap();
    let header = decode_header(token).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_secret(&keys.access_tokens);
    let claims = decode::<Value>(token, &key, &validation).unwrap().claims;
    let header = Header { typ: Some(typ.to_owned()), ..header };
    encode(&header, &claims, &EncodingKey::from_secret(&keys.access_tokens)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r01_who_does_not_say_who_it_is_gets_hello_and_no_more() {
    let short = Duration::from_millis(100);
    let app = TestApp::options().settings(move |settings| settings.stream.auth = short).start().await;
    let mut client = StreamClient::open(&app, "", &[]).await.unwrap();
    app.conversation("6281234567890", "Halo").await;
    let (frames, code) = until_closed(&mut client).await;
    assert!(matches!(frames[..], [ServerFrame::Hello(_)]), "{frames:?}");
    assert_eq!(code, Some(4408));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r02_a_bad_token_is_closed_after_the_upgrade_and_before_ready() {
    let app = TestApp::start().await;
    let old = app.agent(0).token().await.unwrap();
    app.clock.advance(TimeDelta::minutes(20));
    let tokens = app.agent(1).sign_in().await;
    let good = tokens["access_token"].as_str().unwrap();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let mut forged = good.to_owned();
    let at = forged.len() - 5..forged.len() - 4;
    let other = if &forged[at.clone()] == "A" { "B" } else { "A" };
    forged.replace_range(at, other);
    let (same_type, other_type) = (retyped(good, "at+jwt"), retyped(good, "JWT"));
    for bad in ["", "x", &forged, &old, refresh, &other_type] {
        let mut first_frame = StreamClient::connect(&app).await;
        first_frame.auth(bad, None).await;
        let header = [("Authorization", format!("Bearer {bad}"))];
        let mut with_header = StreamClient::open(&app, "", &header).await.unwrap();
        for client in [&mut first_frame, &mut with_header] {
            let (frames, code) = until_closed(client).await;
            assert_eq!(code, Some(4401), "{bad}");
            assert!(frames.iter().all(|frame| matches!(frame, ServerFrame::Hello(_))), "{bad}: {frames:?}");
        }
    }
    let header = [("Authorization", "Basic c2l0aTpyYWhhc2lh".to_owned())];
    let mut basic = StreamClient::open(&app, "", &header).await.unwrap();
    assert_eq!(basic.closed().await, Some(4401));
    let mut early = StreamClient::connect(&app).await;
    early.send(json!({ "op": "subscribe", "since": null })).await;
    assert_eq!(early.closed().await, Some(4401));
    // What the bad ones were made from is good, so that it was not something else.
    StreamClient::of(&app, &app.bearer(&same_type), None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r03_a_fresh_subscription_is_live_and_begins_at_the_cursor_of_ready() {
    let app = TestApp::start().await;
    app.conversation("6281200000001", "Sebelumnya").await;
    let siti = app.agent(0);
    let (by_header, header_ready) = StreamClient::of(&app, &siti, None).await;
    let (by_frame, frame_ready) = StreamClient::by_frame(&app, &siti, None).await;
    let head = app.head(app.workspace).await;
    app.conversation("6281200000002", "Sesudahnya").await;
    for (mut client, ready) in [(by_header, header_ready), (by_frame, frame_ready)] {
        assert_eq!((ready.mode, ready.reason), (Mode::Live, None));
        assert_eq!((ready.agent_id.to_string(), seq(&ready.cursor)), (siti.id(), head));
        let mut last = head;
        while last < app.head(app.workspace).await {
            let event = client.next_event().await;
            assert_eq!((event.prev, seq(&event.cursor)), (last, event.seq));
            last = event.seq;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r13_a_fresh_token_in_time_keeps_the_connection_and_no_other_does() {
    let app = TestApp::start().await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    let token = siti.token().await.unwrap();
    // One second is left of it, and the leeway.
    app.clock.advance(TimeDelta::seconds(899));
    let old = app.bearer(&token);
    let (mut renewed, _) = StreamClient::of(&app, &old, None).await;
    let (mut forgotten, _) = StreamClient::of(&app, &old, None).await;
    let (mut swapped, _) = StreamClient::of(&app, &old, None).await;
    for client in [&mut renewed, &mut forgotten, &mut swapped] {
        assert!(matches!(client.next().await, ServerFrame::AuthDue(_)));
    }
    renewed.auth(&siti.token().await.unwrap(), None).await;
    swapped.auth(&agus.token().await.unwrap(), None).await;
    assert_eq!(swapped.closed().await, Some(4401));
    let (frames, code) = until_closed(&mut forgotten).await;
    assert_eq!((frames.len(), code), (0, Some(4401)));
    app.conversation("6281234567890", "Halo").await;
    renewed.next_event().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s09_only_pages_of_allowed_origins_connect_and_no_token_is_taken_from_an_address() {
    let app = TestApp::start().await;
    let token = app.agent(0).token().await.unwrap();
    let open = async |origin: Option<&str>, query: &str| {
        let mut headers = vec![("Authorization", format!("Bearer {token}"))];
        headers.extend(origin.map(|origin| ("Origin", origin.to_owned())));
        StreamClient::open(&app, query, &headers).await
    };
    for foreign in ["https://evil.example", "null", "https://app.example.evil.example", "http://app.example"]
    {
        match open(Some(foreign), "").await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{foreign}"),
            other => panic!("{foreign}: {other:?}"),
        }
    }
    for allowed in [None, Some("https://app.example")] {
        let mut client = open(allowed, "").await.unwrap();
        assert!(matches!(client.next().await, ServerFrame::Hello(_)));
        assert_eq!(client.ready().await.mode, Mode::Live);
    }
    for query in [format!("?token={token}"), format!("?access_token={token}"), format!("?%54oken={token}")] {
        let mut client = open(None, &query).await.unwrap();
        let (frames, code) = until_closed(&mut client).await;
        assert_eq!((frames.len(), code), (0, Some(4400)), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protocol_that_is_not_spoken_is_named_and_closed() {
    let app = TestApp::start().await;
    let token = app.agent(0).token().await.unwrap();
    let header = |protocol: &str| {
        [("Authorization", format!("Bearer {token}")), ("Sec-WebSocket-Protocol", protocol.to_owned())]
    };
    let mut other = StreamClient::open(&app, "", &header("chat.v7")).await.unwrap();
    assert_eq!(other.closed().await, Some(4406));
    let mut among_others = StreamClient::open(&app, "", &header("chat.v7, tanggap.v1")).await.unwrap();
    assert!(matches!(among_others.next().await, ServerFrame::Hello(_)));
    assert_eq!(among_others.ready().await.mode, Mode::Live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_eleventh_connection_of_a_member_closes_its_oldest() {
    let app = TestApp::start().await;
    let (siti, agus): (Caller, Caller) = (app.agent(0), app.agent(1));
    let (mut neighbour, _) = StreamClient::of(&app, &agus, None).await;
    let (mut oldest, _) = StreamClient::of(&app, &siti, None).await;
    let mut others = Vec::new();
    for _ in 0..9 {
        others.push(StreamClient::of(&app, &siti, None).await.0);
    }
    app.conversation("6281234567890", "Sepuluh").await;
    assert!(oldest.next_event().await.seq > 0);
    others.push(StreamClient::of(&app, &siti, None).await.0);
    assert_eq!(oldest.closed().await, Some(4409));
    app.conversation("6281234567891", "Sebelas").await;
    neighbour.next_event().await;
    for client in &mut others {
        client.next_event().await;
    }
}
