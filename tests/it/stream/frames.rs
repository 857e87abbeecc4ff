//! S-10: frames that no honest client sends. Each ends its own connection and nothing else.

use api::stream::protocol::ServerFrame;
use harness::{StreamClient, TestApp, eventually};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

fn text(content: impl Into<Vec<u8>>, last: bool) -> Message {
    Message::Frame(Frame::message(content.into(), OpCode::Data(Data::Text), last))
}

fn more(content: impl Into<Vec<u8>>, last: bool) -> Message {
    Message::Frame(Frame::message(content.into(), OpCode::Data(Data::Continue), last))
}

fn hostile() -> Vec<(&'static str, u16, Vec<Message>)> {
    let small = || Message::text(json!({ "op": "pong", "seq": 0 }).to_string());
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let auth_of = |inner: String| format!(r#"{{"op":"auth","token":{inner}}}"#);
    vec![
        ("1 MB", 4413, vec![Message::text("x".repeat(1 << 20))]),
        ("one byte too many", 4413, vec![Message::text(" ".repeat(16 * 1024 + 1))]),
        ("not UTF-8", 4400, vec![text(*b"{\"op\":\"pong\",\"seq\":0,\"\xff\":1}", true)]),
        ("UTF-8 cut off", 4400, vec![text(*b"{\"\xf0\x9f", true)]),
        ("binary", 4400, vec![Message::binary(&b"{\"op\":\"pong\",\"seq\":0}"[..])]),
        ("nested", 4400, vec![Message::text(nested(8_000))]),
        ("nested in a field", 4400, vec![Message::text(auth_of(nested(8_000)))]),
        ("nested 100,000 deep", 4413, vec![Message::text(nested(100_000))]),
        ("an unknown op", 4400, vec![Message::text(r#"{"op":"dance"}"#)]),
        ("no op", 4400, vec![Message::text("{}")]),
        ("no object", 4400, vec![Message::text("null")]),
        ("nothing", 4400, vec![Message::text("")]),
        ("a wrong type", 4400, vec![Message::text(r#"{"op":"pong","seq":"7"}"#)]),
        ("a continuation of nothing", 4400, vec![more(*b"{}", true)]),
        ("two beginnings", 4400, vec![text(*b"{", false), text(*b"{", false)]),
        ("21 frames", 4429, vec![small(); 21]),
        ("10,000 frames", 4429, vec![small(); 10_000]),
        ("10,000 pings", 4429, vec![Message::Ping(Vec::new().into()); 10_000]),
        ("large fragments without end", 4413, fragments(1024, 64)),
        ("empty fragments without end", 4413, fragments(0, 10_000)),
    ]
}

fn fragments(length: usize, count: usize) -> Vec<Message> {
    let rest = (0..count).map(|_| more(vec![b' '; length], false));
    std::iter::once(text(*b"{", false)).chain(rest).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s10_a_hostile_frame_ends_its_connection_with_the_right_code_and_nobody_elses() {
    let app = TestApp::start().await;
    let (mut bystander, _) = StreamClient::of(&app, &app.agent(1), None).await;
    for (what, code, messages) in hostile() {
        let (mut member, _) = StreamClient::of(&app, &app.agent(0), None).await;
        let mut stranger = StreamClient::connect(&app).await;
        for message in messages {
            member.raw(message.clone()).await;
            stranger.raw(message).await;
        }
        assert_eq!(member.closed().await, Some(code), "{what}");
        // Before authentication the first frame has to be `auth`.
        let closed = stranger.closed().await;
        assert!(closed == Some(code) || (code == 4429 && closed == Some(4401)), "{what}: {closed:?}");
    }
    eventually("everybody but the bystander is gone", || async {
        (app.app().hub.connections() == 1).then_some(())
    })
    .await;
    app.conversation("6281234567890", "Masih hidup").await;
    bystander.next_event().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_up_to_the_bounds_are_taken() {
    let app = TestApp::start().await;
    let (mut client, _) = StreamClient::of(&app, &app.agent(0), None).await;
    let pong = json!({ "op": "pong", "seq": 0, "unknown": { "deep": [[[]]] } }).to_string();
    client.raw(Message::text(format!("{}{pong}", " ".repeat(16 * 1024 - pong.len())))).await;
    let (first, second) = pong.as_bytes().split_at(pong.len() / 2);
    client.raw(text(first, false)).await;
    client.raw(Message::Ping(b"between".to_vec().into())).await;
    client.raw(more(second, true)).await;
    for _ in 0..17 {
        client.raw(Message::text(pong.clone())).await;
    }
    app.conversation("6281234567890", "Masih hidup").await;
    assert!(matches!(client.next().await, ServerFrame::Event(_)));
}
