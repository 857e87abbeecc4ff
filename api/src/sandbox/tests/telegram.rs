//! The Bot API.

use serde_json::{Value, json};

use super::setup::{BOT, CHAT, Setup, read};
use reqwest::Method;

fn to_chat(text: &str) -> Value {
    json!({"chat_id": CHAT.parse::<i64>().unwrap(), "text": text})
}

#[actix_web::test]
async fn an_update_arrives_and_is_answered() {
    let mut setup = Setup::new().await;
    let path = format!("customers/{CHAT}/messages");
    let written = json!({"channel": "telegram", "text": "/start promo", "name": "Siti Rahmawati"});
    let (_, answer) = setup.control(Method::POST, &path, written).await;
    let hook = setup.receiver.next().await;
    assert_eq!(hook.secret.as_deref(), Some("tg-secret"));
    assert_eq!(hook.signature, None);
    let message = &hook.json()["message"];
    assert_eq!(message["chat"]["id"], CHAT.parse::<i64>().unwrap());
    assert_eq!(message["from"]["last_name"], "Rahmawati");
    assert_eq!(message["date"], 1_795_140_843);
    assert_eq!(message["entities"][0]["type"], "bot_command");
    assert_eq!(answer["provider_message_id"], format!("{CHAT}:{}", message["message_id"]));

    let mut reply = to_chat("Halo kak");
    reply["reply_parameters"] = json!({"message_id": message["message_id"]});
    let (status, sent) = setup.telegram("SENDmessage", reply).await;
    assert_eq!((status, &sent["ok"]), (200, &json!(true)), "{sent}");
    assert_eq!(sent["result"]["from"]["is_bot"], true);
    assert_eq!(sent["result"]["reply_to_message"]["message_id"], message["message_id"]);
    let quoted = format!("{}", sent["result"]["message_id"]);
    let written = json!({"channel": BOT, "text": "Yang itu", "reply_to": quoted});
    setup.control(Method::POST, &path, written).await;
    let update = setup.receiver.next().await.json();
    assert_eq!(update["message"]["reply_to_message"]["text"], "Halo kak");
    assert!(update["update_id"].as_i64() > hook.json()["update_id"].as_i64());
}

#[actix_web::test]
async fn telegram_is_strict() {
    let mut setup = Setup::new().await;
    let (status, body) = setup.telegram("sendMessage", to_chat("Halo")).await;
    assert_eq!(
        (status, body),
        (400, json!({"ok": false, "error_code": 400, "description": "Bad Request: chat not found"}))
    );
    setup.customer_writes("telegram", CHAT).await;
    let mut lost = to_chat("Halo");
    lost["reply_parameters"] = json!({"message_id": 1});
    let cases = [
        (to_chat(""), "Bad Request: message text is empty"),
        (to_chat(" \n"), "Bad Request: message text is empty"),
        (to_chat(&"a".repeat(4097)), "Bad Request: message is too long"),
        (json!({"text": "Halo"}), "Bad Request: chat_id is empty"),
        (lost, "Bad Request: message to be replied not found"),
    ];
    for (body, description) in cases {
        let (status, answer) = setup.telegram("sendMessage", body).await;
        assert_eq!((status, &answer["description"]), (400, &json!(description)));
    }
    assert_eq!(setup.telegram("sendMessage", to_chat(&"a".repeat(4096))).await.0, 200);
    assert_eq!(setup.telegram("sendDice", to_chat("x")).await.0, 404);
    let url = format!("{}/bot6900112233:wrong/getMe", setup.sandbox.base_url());
    let (status, body) = read(setup.http.get(url).send().await.unwrap()).await;
    assert_eq!((status, body), (401, json!({"ok": false, "error_code": 401, "description": "Unauthorized"})));
    let action = json!({"chat_id": CHAT, "action": "typing"});
    assert_eq!(setup.telegram("sendChatAction", action).await.0, 200);
    assert_eq!(setup.get(&format!("customers/{CHAT}")).await["typing_seen"], 1);
}

#[actix_web::test]
async fn the_webhook_is_set_by_the_bot() {
    let mut setup = Setup::new().await;
    let url = format!("http://{}/hooks/elsewhere", setup.receiver.addr);
    let hook = json!({"url": url, "secret_token": "new_secret"});
    let (_, answer) = setup.telegram("setWebhook", hook.clone()).await;
    assert_eq!(answer["description"], "Webhook was set");
    let (_, answer) = setup.telegram("setWebhook", hook).await;
    assert_eq!(answer["description"], "Webhook is already set");
    let path = format!("customers/{CHAT}/messages");
    let written = json!({"channel": "telegram", "text": "Halo"});
    setup.control(Method::POST, &path, written.clone()).await;
    assert_eq!(setup.receiver.next().await.secret.as_deref(), Some("new_secret"));
    for refused in ["http://example.com/hook", "https://example.com:9999/hook", "nothing"] {
        let (status, _) = setup.telegram("setWebhook", json!({"url": refused})).await;
        assert_eq!(status, 400, "{refused}");
    }
    setup.telegram("deleteWebhook", json!({})).await;
    let (status, answer) = setup.control(Method::POST, &path, written).await;
    assert_eq!((status, &answer["delivered"]), (202, &json!(false)));
    let (_, info) = setup.telegram("getWebhookInfo", json!({})).await;
    assert_eq!(info["result"]["url"], "");
    assert_eq!(info["result"]["pending_update_count"], 1, "{info}");
    assert_eq!(info["result"]["last_error_message"], "no webhook is set");
}

#[actix_web::test]
async fn one_chat_waits_for_its_head_and_others_pass() {
    let mut setup = Setup::new().await;
    // The head is refused twice: at first, and on the retry that follows at once.
    setup.receiver.answer_with([500, 500]);
    let base = setup.sandbox.base_url();
    let http = setup.http.clone();
    let write = async |chat: &str, text: &str| {
        let url = format!("{base}/sandbox/customers/{chat}/messages");
        let written = json!({"channel": "telegram", "text": text}).to_string();
        read(http.post(url).body(written).send().await.unwrap()).await.0
    };
    assert_eq!(write(CHAT, "satu").await, 202);
    for _ in 0..2 {
        let update = setup.receiver.next().await.json();
        assert_eq!(update["message"]["text"], "satu");
    }
    // The second of this chat has to wait until the head is tried again; the other chat does not.
    let (_, other) = tokio::join!(write(CHAT, "dua"), write("7599999999", "lain"));
    assert_eq!(other, 200);
    let mut order = Vec::new();
    for _ in 0..3 {
        let update = setup.receiver.next().await.json();
        order.push(update["message"]["text"].clone());
    }
    assert_eq!(order, ["lain", "satu", "dua"]);
}
