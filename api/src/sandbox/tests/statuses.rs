//! What comes back after a send.

use reqwest::Method;
use serde_json::{Value, json};

use super::setup::{CHAT, NUMBER, PAGE, PSID, SITI, Setup, text};
use crate::sandbox::sign::hub_signature;

#[actix_web::test]
async fn whatsapp_statuses_come_signed_and_in_order() {
    let mut setup = Setup::new().await;
    setup.customer_writes("whatsapp", SITI).await;
    let (status, answer) = setup.send_whatsapp(text("Siap kak 🙏")).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["contacts"][0]["wa_id"], SITI);
    let id = answer["messages"][0]["id"].clone();
    for expected in ["sent", "delivered", "read"] {
        let hook = setup.receiver.next().await;
        let status = hook.status();
        assert_eq!(status["status"], expected);
        assert_eq!(status["id"], id);
        assert_eq!(status["recipient_id"], SITI);
        assert_eq!(status["biz_opaque_callback_data"], "msg_1");
        assert_eq!(status.get("pricing").is_some(), expected != "read");
        assert_eq!(status.get("conversation"), None);
        assert_eq!(hook.signature.as_deref(), Some(hub_signature("wa-secret", &hook.bytes).as_str()));
    }
}

#[actix_web::test]
async fn a_customer_who_does_not_look_reads_later() {
    let mut setup = Setup::new().await;
    setup.customer_writes("whatsapp", SITI).await;
    for (auto, expected) in [("none", &["sent"][..]), ("delivered", &["sent", "delivered"])] {
        let path = format!("customers/{SITI}");
        let (status, _) = setup.control(Method::PUT, &path, json!({ "auto": auto })).await;
        assert_eq!(status, 200);
        setup.send_whatsapp(text("Siap")).await;
        for expected in expected {
            assert_eq!(setup.receiver.next().await.status()["status"], *expected);
        }
    }
    let path = format!("customers/{SITI}/read");
    let (_, answer) = setup.control(Method::POST, &path, Value::Null).await;
    assert_eq!(answer, json!({"read": 2}));
    for _ in 0..2 {
        assert_eq!(setup.receiver.next().await.status()["status"], "read");
    }
    let (_, answer) = setup.control(Method::POST, &path, Value::Null).await;
    assert_eq!(answer, json!({"read": 0}), "nothing is read twice");
}

#[actix_web::test]
async fn reading_on_telegram_tells_nobody() {
    let mut setup = Setup::new().await;
    setup.customer_writes("telegram", CHAT).await;
    setup.telegram("sendMessage", json!({"chat_id": CHAT, "text": "Siap"})).await;
    let path = format!("customers/{CHAT}/read");
    for expected in [1, 0] {
        let (_, answer) = setup.control(Method::POST, &path, Value::Null).await;
        assert_eq!(answer, json!({ "read": expected }));
    }
    // Had the mark gone out, it would be before this.
    let written = json!({"channel": "telegram", "text": "Terima kasih"});
    let path = format!("customers/{CHAT}/messages");
    setup.control(Method::POST, &path, written).await;
    let update = setup.receiver.next().await.json();
    assert_eq!(update["message"]["text"], "Terima kasih");
}

#[actix_web::test]
async fn messenger_tells_watermarks() {
    let mut setup = Setup::new().await;
    setup.customer_writes("messenger", PSID).await;
    let sent = json!({"recipient": {"id": PSID}, "messaging_type": "RESPONSE", "message": {"text": "Siap"}});
    let (status, answer) = setup.send_messenger(sent).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["recipient_id"], PSID);
    let event = |hook: Value| hook["entry"][0]["messaging"][0].clone();
    let delivery = event(setup.receiver.next().await.json());
    assert_eq!(
        delivery["delivery"],
        json!({"mids": [answer["message_id"]], "watermark": 1_795_140_843_000_i64})
    );
    let read = event(setup.receiver.next().await.json());
    assert_eq!(read["read"], json!({"watermark": 1_795_140_843_000_i64}));
    assert_eq!(read["recipient"]["id"], PAGE);
}

#[actix_web::test]
async fn a_number_without_plus_reaches_nobody() {
    let mut setup = Setup::new().await;
    setup.customer_writes("whatsapp", SITI).await;
    let mut message = text("Siap");
    message["to"] = json!(SITI);
    let (status, answer) = setup.send_whatsapp(message.clone()).await;
    assert_eq!(status, 200, "accepted all the same: {answer}");
    let hook = setup.receiver.next().await;
    assert_eq!(hook.status()["status"], "failed");
    assert_eq!(hook.status()["errors"][0]["code"], 131_026);
    assert_eq!(hook.status()["recipient_id"], format!("62{SITI}"));
    assert_eq!(hook.json()["entry"][0]["changes"][0]["value"].get("contacts"), None);
    // A national number becomes the right one.
    message["to"] = json!(SITI.trim_start_matches("62"));
    setup.send_whatsapp(message).await;
    assert_eq!(setup.receiver.next().await.status()["status"], "sent");
}

#[actix_web::test]
async fn who_blocked_the_business_gets_nothing() {
    let mut setup = Setup::new().await;
    for (channel, id) in [("whatsapp", SITI), ("messenger", PSID), ("telegram", CHAT)] {
        setup.customer_writes(channel, id).await;
        let path = format!("customers/{id}");
        setup.control(Method::PUT, &path, json!({"blocked": true})).await;
    }
    let told = setup.receiver.next().await.json();
    assert_eq!(told["my_chat_member"]["new_chat_member"]["status"], "kicked");
    let (status, _) = setup.send_whatsapp(text("Halo?")).await;
    assert_eq!(status, 200);
    let failed = setup.receiver.next().await.status();
    assert_eq!(failed["errors"][0]["code"], 131_026);
    let message =
        json!({"recipient": {"id": PSID}, "messaging_type": "RESPONSE", "message": {"text": "Halo?"}});
    let (_, answer) = setup.send_messenger(message).await;
    assert_eq!(answer["error"]["error_subcode"], 1_545_041);
    let (status, answer) = setup
        .telegram("sendMessage", json!({"chat_id": CHAT.parse::<i64>().unwrap(), "text": "Halo?"}))
        .await;
    assert_eq!(status, 403);
    assert_eq!(answer["description"], "Forbidden: bot was blocked by the user");
    let (status, answer) = setup
        .control(Method::POST, &format!("customers/{SITI}/messages"), json!({"text": "x", "channel": NUMBER}))
        .await;
    assert_eq!(status, 409, "{answer}");
}
