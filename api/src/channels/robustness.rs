//! Whatever a provider sends, a parser neither panics nor loses what stands beside the odd part.

use domain::inbound::{InboundEvent, InboundKind, InboundMessage};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::Index;
use serde_json::{Value, json};

use super::fixtures;

const PROVIDERS: [&str; 3] = ["whatsapp/", "messenger/", "telegram/"];

/// Any JSON, with the words in it that the parsers look for.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "type",
        "id",
        "text",
        "message",
        "image",
        "reaction",
        "edit",
        "system",
        "from",
        "body",
        "chat",
        "private",
        "interactive",
        "button_reply",
        "attachments",
        "payload",
        "contacts",
        "phones",
        "phone",
        "name",
        "location",
        "latitude",
        "longitude",
        "order",
        "product_items",
        "quantity",
        "nfm_reply",
        "response_json",
        "referral",
        "sticker",
        "voice",
        "venue",
        "\u{0}",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(word.clone().prop_map(String::from), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Pointers to all parts of a value.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                pointers(item, &format!("{at}/{key}"), found);
            }
        }
        _ => {}
    }
}

/// The message that an event brings, if it brings one.
fn message_of(event: &InboundEvent) -> Option<&InboundMessage> {
    match &event.what {
        InboundKind::Message(message) => Some(message),
        InboundKind::Edit(edit) => Some(&edit.message),
        _ => None,
    }
}

/// `Debug` writes a NUL as `\0`, and a backslash as two.
fn has_nul(event: &InboundEvent) -> bool {
    format!("{event:?}").replace("\\\\", "").contains("\\0")
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for provider in PROVIDERS {
            fixtures::parse(provider, &bytes);
        }
    }

    #[test]
    fn any_json_is_survived_as_a_message(value in any_json()) {
        let mut message = json!({
            "id": "1", "message_id": 1, "mid": "1", "from": "6281234567890",
            "chat": {"id": 1, "type": "private"}, "type": "text", "text": value, "contact": value,
            "photo": value, "attachments": [value], "referral": value, "contacts": [value], "order": value,
            "location": value, "venue": value, "sticker": value, "context": {"referred_product": value},
        });
        if let Value::Object(parts) = &value {
            for (key, part) in parts {
                message[key] = part.clone();
            }
        }
        let change = json!({"field": "messages", "value": {"contacts": [value], "messages": [message]}});
        for object in ["page", "whatsapp_business_account"] {
            let event = json!({"sender": {"id": 1}, "message": message});
            let body = json!({
                "object": object, "update_id": 1, "message": message,
                "entry": [{"id": "1", "messaging": [event], "changes": [change]}],
            });
            for provider in PROVIDERS {
                for event in fixtures::parse(provider, body.to_string().as_bytes()).unwrap_or_default() {
                    prop_assert!(!has_nul(&event), "a NUL came through");
                    message_of(&event).into_iter().for_each(|message| fixtures::fits(&message.content));
                }
            }
        }
    }

    #[test]
    fn bent_bytes_are_survived(file in any::<Index>(), at in any::<Index>(), byte in any::<u8>()) {
        let files = fixtures::all();
        let file = file.get(&files);
        let mut body = fixtures::bytes(file);
        let at = at.index(body.len());
        body[at] = byte;
        fixtures::parse(file, &body);
        body.truncate(at);
        fixtures::parse(file, &body);
    }

    #[test]
    fn any_part_can_be_anything(file in any::<Index>(), at in any::<Index>(), odd in any_json()) {
        let files = fixtures::all();
        let file = file.get(&files);
        let mut body: Value = serde_json::from_slice(&fixtures::bytes(file)).unwrap();
        let mut places = Vec::new();
        pointers(&body, "", &mut places);
        *body.pointer_mut(at.get(&places[..]).as_str()).unwrap() = odd;
        if let Some(events) = fixtures::parse(file, body.to_string().as_bytes()) {
            prop_assert!(!events.iter().any(has_nul), "a NUL came through");
            events.iter().filter_map(message_of).for_each(|message| fixtures::fits(&message.content));
        }
    }

    #[test]
    fn an_odd_message_loses_only_itself(odd in any_json(), at in any::<Index>()) {
        let file = "whatsapp/02_text_reply_context_and_ctwa_referral.json";
        let mut body: Value = serde_json::from_slice(&fixtures::bytes(file)).unwrap();
        let untouched = fixtures::parse(file, body.to_string().as_bytes()).unwrap();
        let messages = body.pointer_mut("/entry/0/changes/0/value/messages").unwrap();
        let mut places = Vec::new();
        pointers(&messages[0], "", &mut places);
        *messages[0].pointer_mut(at.get(&places[..]).as_str()).unwrap() = odd;
        let events = fixtures::parse(file, body.to_string().as_bytes()).unwrap();
        prop_assert_eq!(events.len(), 2);
        prop_assert_eq!(&events[1], &untouched[1]);
    }
}

#[test]
fn what_cannot_be_held_in_memory_is_kept_as_unsupported() {
    let deep = format!("{}{}", "[".repeat(400), "]".repeat(400));
    for body in [&deep, "1e999"] {
        let message = format!(
            r#"{{"id":"wamid.1","from":"6281234567890","timestamp":"1795140843","type":"text","text":{{"body":{body}}}}}"#
        );
        let change = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"phone_number_id":"2"}},"messages":[{message}]}}}}]}}]}}"#
        );
        let events = fixtures::parse("whatsapp/", change.as_bytes()).unwrap();
        let InboundKind::Message(found) = &events[0].what else {
            panic!("{events:?}");
        };
        assert_eq!(found.kind.as_str(), "unsupported");
        assert_eq!(found.sender.external_id, "6281234567890");
        assert_eq!(found.at.unix_seconds(), 1_795_140_843);
        assert_eq!(found.raw, message);
    }
}

#[test]
fn nul_never_comes_through_and_long_names_are_cut() {
    let body = json!({"update_id": 1, "message": {
        "message_id": 5, "date": 0, "text": "a\u{0}b",
        "chat": {"id": 7, "type": "private", "first_name": "\u{0}".repeat(300)},
    }});
    let events = fixtures::parse("telegram/", body.to_string().as_bytes()).unwrap();
    let InboundKind::Message(found) = &events[0].what else {
        panic!("{events:?}");
    };
    assert_eq!(found.text.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(found.sender.name.as_ref().map(|name| name.chars().count()), Some(200));
    assert_eq!(found.at, fixtures::received_at());
}

#[test]
fn a_body_of_somebody_else_is_refused() {
    for body in ["", "null", "[]", "{", "3", "{}", r#"{"object":"instagram"}"#] {
        for provider in PROVIDERS {
            assert_eq!(fixtures::parse(provider, body.as_bytes()), None, "{provider} {body}");
        }
    }
}
