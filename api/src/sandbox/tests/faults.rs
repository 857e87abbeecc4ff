//! Each scripted fault does what it says.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::setup::{CHAT, NUMBER, PSID, SITI, Setup, text};

fn once(target: &str, action: Value) -> Value {
    json!([{"target": target, "times": 1, "action": action}])
}

async fn ready(channel: &str, id: &str) -> Setup {
    let mut setup = Setup::new().await;
    setup.customer_writes(channel, id).await;
    setup
}

async fn received_by(setup: &Setup, id: &str) -> usize {
    let path = format!("customers/{id}/messages?direction=outbound");
    setup.get(&path).await["items"].as_array().unwrap().len()
}

#[actix_web::test]
async fn refusals_have_the_providers_shape() {
    let mut setup = ready("whatsapp", SITI).await;
    setup.customer_writes("messenger", PSID).await;
    setup.customer_writes("telegram", CHAT).await;
    let refuse = json!({"type": "refuse", "status": 500, "code": 131_016, "subcode": 7, "message": "Service overloaded"});
    setup
        .set_faults(json!([
            {"target": "send", "channel": "whatsapp", "times": 1, "action": refuse},
            {"target": "send", "channel": "whatsapp", "customer": "6280000000", "action": {"type": "drop"}},
            {"target": "send", "channel": NUMBER, "customer": format!("+{SITI}"), "times": 1, "action": {"type": "rate_limit"}},
            {"target": "send", "channel": "messenger", "customer": PSID, "times": 1, "action": {"type": "rate_limit"}},
            {"target": "send", "channel": "telegram", "times": 1, "action": {"type": "rate_limit", "retry_after": 9}},
        ]))
        .await;
    let (status, body) = setup.send_whatsapp(text("Siap")).await;
    assert_eq!((status, &body["error"]["code"]), (500, &json!(131_016)));
    assert_eq!(body["error"]["message"], "(#131016) Service overloaded");
    assert_eq!(body["error"]["error_subcode"], 7);
    let (status, body) = setup.send_whatsapp(text("Siap")).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!(130_429)));
    let message =
        json!({"recipient": {"id": PSID}, "messaging_type": "RESPONSE", "message": {"text": "Siap"}});
    let (_, body) = setup.send_messenger(message).await;
    assert_eq!(body["error"]["code"], 613);
    let message = json!({"chat_id": CHAT, "text": "Siap"});
    let (status, body) = setup.telegram("sendMessage", message.clone()).await;
    assert_eq!(status, 429);
    assert_eq!(
        body,
        json!({"ok": false, "error_code": 429, "description": "Too Many Requests: retry after 9", "parameters": {"retry_after": 9}})
    );
    assert_eq!(setup.telegram("sendMessage", message).await.0, 200, "once means once");
    let shown = setup.get("faults").await;
    let applied: Vec<_> =
        shown["rules"].as_array().unwrap().iter().map(|rule| rule["applied"].as_u64().unwrap()).collect();
    assert_eq!(applied, [1, 0, 1, 1, 1], "{shown}");
    assert_eq!(received_by(&setup, SITI).await, 0);
}

#[actix_web::test]
async fn a_gateway_page_with_and_without_the_message_behind_it() {
    let setup = ready("whatsapp", SITI).await;
    for (accepted, expected) in [(false, 0), (true, 1)] {
        let action = json!({"type": "server_error_html", "accepted": accepted});
        setup.set_faults(once("send", action)).await;
        let (status, body) = setup.send_whatsapp(text("Siap")).await;
        assert_eq!(status, 502);
        assert!(body.as_str().unwrap().starts_with("<html>"), "{body}");
        assert_eq!(received_by(&setup, SITI).await, expected);
    }
}

#[actix_web::test]
async fn a_dropped_send_is_cut_and_leaves_nothing() {
    let setup = ready("whatsapp", SITI).await;
    setup.set_faults(once("send", json!({"type": "drop"}))).await;
    let error = setup.graph(NUMBER, "wa-token", &text("Siap")).send().await;
    let error = error.unwrap_err();
    assert!(!error.is_timeout() && error.is_request(), "{error:?}");
    assert_eq!(received_by(&setup, SITI).await, 0);
    assert_eq!(setup.send_whatsapp(text("Siap")).await.0, 200);
}

#[actix_web::test]
async fn a_hanging_send_reaches_the_customer() {
    let mut setup = ready("whatsapp", SITI).await;
    for (ms, timeout) in [(Value::Null, true), (json!(50), false)] {
        setup.set_faults(once("send", json!({"type": "accept_then_hang", "ms": ms}))).await;
        let request = setup.graph(NUMBER, "wa-token", &text("Siap"));
        let error = request
            .timeout(Duration::from_millis(if timeout { 300 } else { 10_000 }))
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.is_timeout(), timeout, "{error:?}");
        for expected in ["sent", "delivered", "read"] {
            assert_eq!(setup.receiver.next().await.status()["status"], expected);
        }
    }
    assert_eq!(received_by(&setup, SITI).await, 2);
}

#[actix_web::test]
async fn statuses_come_before_the_answer() {
    let mut setup = ready("whatsapp", SITI).await;
    setup.set_faults(once("send", json!({"type": "status_before_response"}))).await;
    let (status, answer) = setup.send_whatsapp(text("Siap")).await;
    assert_eq!(status, 200);
    for expected in ["sent", "delivered", "read"] {
        let status = setup.receiver.ready().expect("already there").status();
        assert_eq!(status["status"], expected);
        assert_eq!(status["id"], answer["messages"][0]["id"]);
    }
}

#[actix_web::test]
async fn delays_take_their_time() {
    let setup = ready("whatsapp", SITI).await;
    setup
        .set_faults(json!([
            {"target": "send", "times": 1, "action": {"type": "delay", "ms": 200}},
            {"target": "webhook", "event": "message", "times": 1, "action": {"type": "delay", "ms": 200}},
        ]))
        .await;
    let started = Instant::now();
    assert_eq!(setup.send_whatsapp(text("Siap")).await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(200));
    let started = Instant::now();
    setup.customer_writes_again(SITI).await;
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[actix_web::test]
async fn statuses_are_reordered() {
    let mut setup = ready("whatsapp", SITI).await;
    setup.set_faults(once("webhook", json!({"type": "reorder"}))).await;
    setup.send_whatsapp(text("Siap")).await;
    for expected in ["read", "delivered", "sent"] {
        assert_eq!(setup.receiver.next().await.status()["status"], expected);
    }
    setup.send_whatsapp(text("Siap")).await;
    assert_eq!(setup.receiver.next().await.status()["status"], "sent");
}

#[actix_web::test]
async fn a_message_is_held_until_the_next_one() {
    let mut setup = ready("whatsapp", SITI).await;
    setup.set_faults(json!([{"target": "webhook", "event": "message", "action": {"type": "reorder"}}])).await;
    let path = format!("customers/{SITI}/messages");
    let write = async |text: &str| setup.control(Method::POST, &path, json!({"text": text})).await;
    let (status, answer) = write("satu").await;
    assert_eq!((status, &answer["fault"]), (202, &json!("reorder")));
    assert_eq!(write("dua").await.0, 200);
    let mut texts = Vec::new();
    for _ in 0..2 {
        texts.push(setup.receiver.next().await.message()["text"]["body"].clone());
    }
    assert_eq!(texts, ["dua", "satu"]);
    // Removing the faults lets go of what is held.
    assert_eq!(setup.control(Method::POST, &path, json!({"text": "tiga"})).await.0, 202);
    setup.control(Method::DELETE, "faults", Value::Null).await;
    assert_eq!(setup.receiver.next().await.message()["text"]["body"], "tiga");
}

#[actix_web::test]
async fn webhooks_are_dropped_and_duplicated() {
    let mut setup = ready("whatsapp", SITI).await;
    setup
        .set_faults(json!([
            {"target": "webhook", "event": "message", "times": 1, "action": {"type": "drop"}},
            {"target": "webhook", "event": "message", "times": 1, "action": {"type": "duplicate", "count": 2}},
        ]))
        .await;
    let path = format!("customers/{SITI}/messages");
    let (status, answer) = setup.control(Method::POST, &path, json!({"text": "satu"})).await;
    assert_eq!((status, &answer["fault"]), (202, &json!("drop")));
    assert_eq!(setup.control(Method::POST, &path, json!({"text": "dua"})).await.0, 200);
    let first = setup.receiver.next().await;
    assert_eq!(first.message()["text"]["body"], "dua", "the first never came");
    for _ in 0..2 {
        assert_eq!(setup.receiver.next().await.bytes, first.bytes);
    }
    setup.customer_writes_again(SITI).await;
    assert_eq!(setup.receiver.next().await.message()["text"]["body"], "Halo lagi");
}

#[actix_web::test]
async fn a_rule_that_makes_no_sense_is_refused() {
    let setup = Setup::new().await;
    let (status, answer) = setup
        .control(Method::PUT, "faults", json!({"rules": [{"target": "send", "action": {"type": "reorder"}}]}))
        .await;
    assert_eq!(status, 422);
    assert!(answer["detail"].as_str().unwrap().contains("rules[0]"), "{answer}");
    let (status, answer) = setup
        .control(Method::PUT, "faults", json!({"rules": [{"target": "send", "action": {"type": "explode"}}]}))
        .await;
    assert_eq!(status, 422, "{answer}");
}
