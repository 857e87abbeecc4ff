//! Customers write, and what they wrote arrives.

use reqwest::Method;
use serde_json::{Value, json};

use super::setup::{CHAT, NUMBER, PAGE, PSID, SITI, Setup, text};
use crate::sandbox::sign::hub_signature;

#[actix_web::test]
async fn a_whatsapp_message_arrives_signed_over_its_bytes() {
    let mut setup = Setup::new().await;
    let (status, answer) = setup
        .control(
            Method::POST,
            &format!("customers/+{SITI}/messages"),
            json!({"text": "Paket saya kok belum sampai? 🙏", "name": "Siti Rahmawati"}),
        )
        .await;
    assert_eq!((status, &answer["delivered"]), (200, &json!(true)));
    assert_eq!(answer["webhook_status"], 200);

    let hook = setup.receiver.next().await;
    assert!(hook.bytes.is_ascii(), "unicode is escaped");
    assert_eq!(hook.signature.as_deref(), Some(hub_signature("wa-secret", &hook.bytes).as_str()));
    let value = hook.json()["entry"][0]["changes"][0]["value"].clone();
    assert_eq!(
        value["metadata"],
        json!({"display_phone_number": "6281119876543", "phone_number_id": NUMBER})
    );
    assert_eq!(value["contacts"][0]["profile"]["name"], "Siti Rahmawati");
    assert_eq!(value["contacts"][0]["wa_id"], SITI);
    let message = hook.message();
    assert_eq!(message["from"], SITI);
    assert_eq!(message["from_user_id"], value["contacts"][0]["user_id"]);
    assert_eq!(message["id"], answer["provider_message_id"]);
    assert_eq!(message["timestamp"], "1795140843");
    assert_eq!(message["text"], json!({"body": "Paket saya kok belum sampai? 🙏"}));
}

#[actix_web::test]
async fn a_username_only_customer_has_no_number_in_webhooks() {
    let mut setup = Setup::new().await;
    let written = json!({"text": "COD bisa?", "username_only": true, "name": "Mawar"});
    setup.control(Method::POST, &format!("customers/{SITI}/messages"), written).await;
    let hook = setup.receiver.next().await;
    let raw = String::from_utf8(hook.bytes.to_vec()).unwrap();
    assert!(!raw.contains(SITI), "{raw}");
    let user_id = hook.message()["from_user_id"].clone();

    let mut reply = text("Bisa kak");
    reply.as_object_mut().unwrap().remove("to");
    reply["recipient"] = user_id.clone();
    let (status, answer) = setup.send_whatsapp(reply).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["contacts"], json!([{"input": user_id, "user_id": user_id}]));
    let sent = setup.receiver.next().await.status();
    assert_eq!(sent["recipient_user_id"], user_id);
    assert_eq!(sent.get("recipient_id"), None);
}

#[actix_web::test]
async fn a_messenger_message_has_escaped_slashes_and_its_own_secret() {
    let mut setup = Setup::new().await;
    let written = json!({"channel": "messenger", "kind": "image", "url": "https://cdn.example/a.jpg"});
    setup.control(Method::POST, &format!("customers/{PSID}/messages"), written).await;
    let hook = setup.receiver.next().await;
    let raw = String::from_utf8(hook.bytes.to_vec()).unwrap();
    assert!(raw.contains(r"https:\/\/cdn.example\/a.jpg"), "{raw}");
    assert_eq!(hook.signature.as_deref(), Some(hub_signature("page-secret", &hook.bytes).as_str()));
    let event = hook.json()["entry"][0]["messaging"][0].clone();
    assert_eq!(event["sender"]["id"], PSID);
    assert_eq!(event["recipient"]["id"], PAGE);
    assert_eq!(event["timestamp"], 1_795_140_843_000_i64);
}

#[actix_web::test]
async fn each_kind_of_message_arrives_or_is_refused_with_a_reason() {
    let mut setup = Setup::new().await;
    let place = json!({"kind": "location", "location": {"latitude": -7.79, "longitude": 110.37}});
    let answer = json!({"text": "Ya", "reply_to": "wamid.x"});
    let from_ad = json!({"text": "Halo", "raw": {"referral": {"source_id": "120226"}}});
    let cases = [
        ("whatsapp", SITI, answer, r#""context":{"from":"6281119876543","id":"wamid.x"}"#),
        ("whatsapp", SITI, from_ad, "120226"),
        ("whatsapp", SITI, json!({"kind": "image", "media_id": "99", "caption": "Bukti"}), "image"),
        ("whatsapp", SITI, json!({"kind": "voice"}), "\"voice\":true"),
        ("whatsapp", SITI, place.clone(), "latitude"),
        ("whatsapp", SITI, json!({"kind": "unsupported"}), "131051"),
        ("whatsapp", SITI, json!({"kind": "reaction", "reply_to": "wamid.x", "emoji": "❤️"}), "emoji"),
        ("messenger", PSID, json!({"kind": "button_reply", "text": "Ya", "payload": "yes"}), "quick_reply"),
        ("messenger", PSID, json!({"kind": "reaction", "reply_to": "m_1"}), "unreact"),
        ("telegram", CHAT, json!({"kind": "image"}), "file_unique_id"),
        ("telegram", CHAT, json!({"kind": "button_reply", "payload": "yes"}), "callback_query"),
        ("telegram", CHAT, place, "longitude"),
    ];
    for (channel, id, mut written, expected) in cases {
        written["channel"] = json!(channel);
        let path = format!("customers/{id}/messages");
        let (status, answer) = setup.control(Method::POST, &path, written.clone()).await;
        assert_eq!(status, 200, "{written} {answer}");
        let raw = String::from_utf8(setup.receiver.next().await.bytes.to_vec()).unwrap();
        assert!(raw.contains(expected), "{raw}");
    }
    let refused = [
        (SITI, json!({"kind": "location"}), 422),
        (SITI, json!({"txt": "Halo"}), 422),
        (SITI, json!({"text": ""}), 422),
        (SITI, json!({"channel": "line", "text": "Halo"}), 404),
        ("siti", json!({"text": "Halo"}), 422),
        (PSID, json!({"channel": "messenger", "kind": "location"}), 422),
    ];
    for (id, written, expected) in refused {
        let path = format!("customers/{id}/messages");
        let (status, answer) = setup.control(Method::POST, &path, written.clone()).await;
        assert_eq!(status, expected, "{written} {answer}");
        assert!(answer["detail"].is_string(), "{answer}");
    }
    assert!(setup.receiver.ready().is_none(), "nothing of it was sent");
}

#[actix_web::test]
async fn the_phone_shows_both_sides_and_waits_for_more() {
    let mut setup = Setup::new().await;
    let written = setup.customer_writes("whatsapp", SITI).await;
    let n = written["n"].as_u64().unwrap();
    let wait = format!("customers/{SITI}/messages?after={n}&status=read&wait=10");
    let (shown, sent) = tokio::join!(setup.get(&wait), setup.send_whatsapp(text("Siap kak")));
    assert_eq!(sent.0, 200);
    let items = shown["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{shown}");
    assert_eq!(items[0]["text"], "Siap kak");
    assert_eq!(items[0]["direction"], "outbound");
    assert_eq!(items[0]["our_reference"], "msg_1");
    assert_eq!(items[0]["provider_message_id"], sent.1["messages"][0]["id"]);

    let all = setup.get(&format!("customers/{SITI}/messages")).await;
    let directions: Vec<_> =
        all["items"].as_array().unwrap().iter().map(|item| item["direction"].as_str().unwrap()).collect();
    assert_eq!(directions, ["inbound", "outbound"]);
    let newer = setup.get(&format!("customers/{SITI}/messages?after={n}")).await;
    let numbers: Vec<_> =
        newer["items"].as_array().unwrap().iter().map(|item| item["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [n + 1]);
    assert_eq!(all["items"][0]["webhooks"][0]["state"], "delivered", "{all}");
}

#[actix_web::test]
async fn a_read_mark_and_typing_reach_the_phone() {
    let mut setup = Setup::new().await;
    let written = setup.customer_writes("whatsapp", SITI).await;
    let mark = json!({
        "messaging_product": "whatsapp", "status": "read",
        "message_id": written["provider_message_id"], "typing_indicator": {"type": "text"},
    });
    assert_eq!(setup.send_whatsapp(mark).await, (200, json!({"success": true})));
    let shown = setup.get(&format!("customers/{SITI}/messages")).await;
    assert_eq!(shown["items"][0]["status"], "seen");
    let customer = setup.get(&format!("customers/{SITI}")).await;
    assert_eq!(customer["typing_seen"], 1);
}

#[actix_web::test]
async fn channels_are_registered_over_http_with_masked_secrets() {
    let setup = Setup::new().await;
    let channel = json!({
        "kind": "messenger", "page_id": PAGE, "app_id": "1", "page_access_token": "another-long-token",
        "app_secret": "another-long-secret", "webhook_url": "http://127.0.0.1:1/hooks",
    });
    let (status, _) = setup.control(Method::POST, "channels", channel.clone()).await;
    assert_eq!(status, 201);
    let list = setup.get("channels").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 3, "replaced");
    for secret in ["another-long", "wa-token", "wa-secret", "AAtest", "tg-secret"] {
        assert!(!list.to_string().contains(secret), "{secret} in {list}");
    }
    assert_eq!(list["items"][1]["webhook_url"], "http://127.0.0.1:1/hooks");

    let mut broken = channel;
    broken["webhook_url"] = json!("ftp://nowhere");
    let (status, answer) = setup.control(Method::POST, "channels", broken).await;
    assert_eq!(status, 422, "{answer}");

    let (status, _) = setup.control(Method::POST, "reset", Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(setup.get("channels").await, list, "reset keeps channels");
    setup.control(Method::POST, "reset?channels=true", Value::Null).await;
    assert_eq!(setup.get("channels").await, json!({"items": []}));
}

#[actix_web::test]
async fn the_help_page_knows_its_own_address() {
    let setup = Setup::new().await;
    let page = setup.http.get(setup.sandbox.base_url()).send().await;
    let page = page.unwrap().text().await.unwrap();
    assert!(page.contains(&setup.sandbox.base_url()) && !page.contains("{base}"));
    assert_eq!(setup.control(Method::GET, "nowhere", Value::Null).await.0, 404);
    let path = format!("customers/{SITI}/messages?after=x");
    let (status, answer) = setup.control(Method::GET, &path, Value::Null).await;
    assert_eq!((status, &answer["code"]), (422, &json!("invalid")));
}
