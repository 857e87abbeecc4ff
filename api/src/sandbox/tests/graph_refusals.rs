//! What WhatsApp and Messenger refuse, with which code.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::setup::{NUMBER, PAGE, PSID, SITI, Setup, read, text};

/// Changes a message: a `null` removes the field.
fn with(mut message: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap().clone() {
        if value.is_null() {
            message.as_object_mut().unwrap().remove(&name);
        } else {
            message[name] = value;
        }
    }
    message
}

#[actix_web::test]
async fn credentials_and_ids() {
    let setup = Setup::new().await;
    let base = setup.sandbox.base_url();
    let url = format!("{base}/v25.0/{NUMBER}/messages");
    let (status, body) = read(setup.http.post(url).json(&text("x")).send().await.unwrap()).await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!(190)));
    let cases = [
        (NUMBER, "wrong", 401, 190, Value::Null),
        ("999", "wa-token", 400, 100, json!(33)),
        (PAGE, "wa-token", 400, 100, json!(33)),
        (NUMBER, "6900112233:AAtestTokenOfTheSandbox", 401, 190, Value::Null),
    ];
    for (id, token, status, code, subcode) in cases {
        let answer = setup.graph(id, token, &text("x")).send().await.unwrap();
        let (got, body) = read(answer).await;
        let error = &body["error"];
        assert_eq!((got, &error["code"]), (status, &json!(code)), "{id} {token}");
        assert_eq!(error["error_subcode"], subcode);
        assert!(error["fbtrace_id"].is_string() && error["type"].is_string());
    }
}

#[actix_web::test]
async fn whatsapp_is_strict() {
    let mut setup = Setup::new().await;
    setup.customer_writes("whatsapp", SITI).await;
    let button = |title: &str| json!({"type": "reply", "reply": {"id": title, "title": title}});
    let interactive = |buttons: Value| {
        json!({"type": "interactive", "interactive":
            {"type": "button", "body": {"text": "Puas?"}, "action": {"buttons": buttons}}})
    };
    let cases = [
        (json!({"messaging_product": null}), 100),
        (json!({"messaging_product": "sms"}), 100),
        (json!({"recipient_type": null}), 100),
        (json!({"recipient_type": "group"}), 131_009),
        (json!({"to": null}), 100),
        (json!({"to": "+62811198765 43"}), 131_021),
        (json!({"text": null}), 100),
        (json!({"text": {}}), 100),
        (json!({"text": {"body": ""}}), 131_009),
        (json!({"text": {"body": 7}}), 131_009),
        (json!({"text": {"body": "a".repeat(4097)}}), 100),
        (json!({"type": "poll", "poll": {}}), 131_051),
        (json!({"type": "image", "image": {}}), 100),
        (json!({"type": "image", "image": {"id": "1", "caption": "a".repeat(1025)}}), 100),
        (json!({"type": "audio", "audio": {"id": "1", "caption": "a"}}), 100),
        (json!({"type": "location", "location": {"latitude": 91, "longitude": 0}}), 131_009),
        (json!({"type": "contacts", "contacts": []}), 131_009),
        (json!({"type": "template", "template": {"name": "halo"}}), 100),
        (interactive(json!([button("1"), button("2"), button("3"), button("4")])), 131_009),
        (interactive(json!([button("Sangat puas sekali kak!")])), 100),
        (json!({"biz_opaque_callback_data": "a".repeat(513)}), 100),
        (json!({"context": {}}), 100),
        (json!({"type": "image", "image": {"id": "1"}}), 100),
        (json!({"type": "reaction", "reaction": {"message_id": "wamid.x", "emoji": ""}}), 131_009),
        (interactive(json!([button("Ya"), button("Ya")])), 131_009),
        (json!({"to": "+6289999999999"}), 131_047),
        (json!({"status": "read", "message_id": "wamid.unknown"}), 131_009),
        (json!({"status": "seen"}), 131_009),
    ];
    for (changes, code) in cases {
        let (status, body) = setup.send_whatsapp(with(text("Siap"), changes.clone())).await;
        let error = &body["error"];
        assert_eq!((status, &error["code"]), (400, &json!(code)), "{changes} {body}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("(#{code}) ")), "{message}");
        if code > 100_000 {
            assert_eq!(error["error_data"]["messaging_product"], "whatsapp");
            assert!(error["error_data"]["details"].is_string(), "{error}");
        }
    }
    let taken = [
        json!({"text": {"body": "🙏".repeat(4096)}}),
        json!({"type": "image", "image": {"link": "https://cdn.example/a.jpg", "caption": "a"}}),
        interactive(json!([button("Ya"), button("Tidak")])),
        json!({"to": "+6289999999999", "type": "template", "template": {"name": "halo", "language": {"code": "id"}}}),
    ];
    let body = json!([{"type": "BODY", "text": "Halo kak"}]);
    let halo = json!({"name": "halo", "components": body});
    setup.control(reqwest::Method::POST, "templates", halo).await;
    for changes in taken {
        let (status, body) = setup.send_whatsapp(with(text("Siap"), changes.clone())).await;
        assert_eq!(status, 200, "{changes} {body}");
    }
    assert_eq!(
        setup.get(&format!("customers/{SITI}/messages?direction=outbound")).await["items"]
            .as_array()
            .map(Vec::len),
        Some(3),
        "nothing refused was recorded"
    );
}

#[actix_web::test]
async fn the_whatsapp_window_is_24_hours_of_the_sandboxs_clock() {
    let mut setup = Setup::new().await;
    setup.customer_writes("whatsapp", SITI).await;
    setup.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    assert_eq!(setup.send_whatsapp(text("Siap")).await.0, 200);
    setup.advance(TimeDelta::seconds(1));
    let (status, body) = setup.send_whatsapp(text("Siap")).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!(131_047)));
    setup.customer_writes_again(SITI).await;
    assert_eq!(setup.send_whatsapp(text("Siap")).await.0, 200);
}

#[actix_web::test]
async fn a_pair_gets_45_messages_at_once() {
    let mut setup = Setup::new().await;
    setup.customer_writes("whatsapp", SITI).await;
    for _ in 0..45 {
        assert_eq!(setup.send_whatsapp(text("Siap")).await.0, 200);
    }
    let (status, body) = setup.send_whatsapp(text("Siap")).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!(131_056)));
    setup.advance(TimeDelta::seconds(6));
    assert_eq!(setup.send_whatsapp(text("Siap")).await.0, 200);
}

#[actix_web::test]
async fn messenger_is_strict() {
    let mut setup = Setup::new().await;
    setup.customer_writes("messenger", PSID).await;
    let message =
        json!({"recipient": {"id": PSID}, "messaging_type": "RESPONSE", "message": {"text": "Siap"}});
    let tag = |tag: &str| json!({"messaging_type": "MESSAGE_TAG", "tag": tag});
    let cases = [
        (json!({"recipient": null}), 100, Value::Null),
        (json!({"recipient": {"id": "1"}}), 100, json!(2_018_001)),
        (json!({"messaging_type": null}), 100, Value::Null),
        (json!({"messaging_type": "MESSAGE_TAG"}), 100, Value::Null),
        (tag("CONFIRMED_EVENT_UPDATE"), 100, Value::Null),
        (tag("ACCOUNT_UPDATE"), 100, Value::Null),
        (tag("POST_PURCHASE_UPDATE"), 100, Value::Null),
        (json!({"message": {}}), 100, Value::Null),
        (json!({"message": {"text": ""}}), 100, Value::Null),
        (json!({"message": {"text": "a".repeat(2001)}}), 100, Value::Null),
        (json!({"message": {"attachment": {"type": "gif", "payload": {"url": "x"}}}}), 100, json!(2_018_047)),
        (json!({"sender_action": "dance", "message": null}), 100, Value::Null),
    ];
    for (changes, code, subcode) in cases {
        let (status, body) = setup.send_messenger(with(message.clone(), changes.clone())).await;
        assert_eq!((status, &body["error"]["code"]), (400, &json!(code)), "{changes} {body}");
        assert_eq!(body["error"]["error_subcode"], subcode, "{changes}");
    }
    for retired in ["CONFIRMED_EVENT_UPDATE", "ACCOUNT_UPDATE", "POST_PURCHASE_UPDATE"] {
        let (_, body) = setup.send_messenger(with(message.clone(), tag(retired))).await;
        let text = body["error"]["message"].as_str().unwrap();
        assert!(text.ends_with(&format!("{retired} is no longer supported.")), "{text}");
    }
    let typing = json!({"recipient": {"id": PSID}, "sender_action": "typing_on"});
    assert_eq!(setup.send_messenger(typing).await.0, 200);

    setup.advance(TimeDelta::hours(24));
    let (status, body) = setup.send_messenger(message.clone()).await;
    assert_eq!(status, 400);
    assert_eq!(body["error"]["code"], 10);
    assert_eq!(body["error"]["error_subcode"], 2_018_278);
    let human = with(message, tag("HUMAN_AGENT"));
    assert_eq!(setup.send_messenger(human.clone()).await.0, 200);
    setup.advance(TimeDelta::days(6));
    assert_eq!(setup.send_messenger(human).await.1["error"]["code"], 10);
}
