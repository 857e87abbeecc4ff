//! Types and fields of which no recorded body exists.

use domain::inbound::{InboundKind, InboundMessage};
use serde_json::{Value, json};

use super::inbound::parse;
use crate::channels::fixtures::{OWN_APP_ID, received_at};

fn events(mut event: Value) -> Vec<InboundKind> {
    event["sender"] = json!({"id": "S"});
    event["timestamp"] = json!(1_795_154_400_417_i64);
    let body = json!({"object": "page", "entry": [{"id": "P", "messaging": [event]}]});
    let events = parse(body.to_string().as_bytes(), Some(OWN_APP_ID), received_at()).unwrap();
    events.into_iter().map(|event| event.what).collect()
}

fn messages(message: Value) -> Vec<InboundMessage> {
    let what = events(json!({"message": message})).into_iter();
    what.map(|what| match what {
        InboundKind::Message(message) => *message,
        other => panic!("{other:?}"),
    })
    .collect()
}

fn why(event: Value) -> &'static str {
    match events(event).remove(0) {
        InboundKind::Ignored { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn attachments_become_kinds() {
    let url = "https://cdn.example/x";
    let cases = [
        ("image", json!({"url": url}), "image"),
        ("image", json!({"url": url, "sticker_id": 369}), "sticker"),
        ("sticker", json!({"url": url, "sticker_id": 369}), "sticker"),
        ("audio", json!({"url": url}), "audio"),
        ("video", json!({"url": url}), "video"),
        ("file", json!({"url": url}), "document"),
        ("location", json!({"coordinates": {"lat": -7.7, "long": 110.3}}), "location"),
        ("reel", json!({"url": url, "title": "R"}), "text"),
        ("fallback", Value::Null, "unsupported"),
        ("appointment_booking", json!({}), "unsupported"),
        ("image", json!({}), "unsupported"),
    ];
    for (kind, payload, expected) in cases {
        let body = json!({"mid": "m", "attachments": [{"type": kind, "payload": payload}]});
        let found = messages(body).remove(0);
        assert_eq!(found.kind.as_str(), expected, "{kind} {payload}");
        let fetched = ["image", "sticker", "audio", "video", "document"].contains(&expected);
        assert_eq!(found.media.is_some(), fetched, "{kind} {payload}");
        if expected == "unsupported" {
            assert_eq!(found.content.unsupported.unwrap().provider_type.as_deref(), Some(kind));
        }
    }
}

#[test]
fn each_attachment_is_a_message_and_the_text_goes_with_the_first() {
    let image = |url: &str| json!({"type": "image", "payload": {"url": url}});
    let found = messages(json!({"mid": "m", "text": "dua", "attachments": [image("a"), image("b")]}));
    let ids: Vec<_> = found.iter().map(|one| one.provider_message_id.as_str()).collect();
    assert_eq!(ids, ["m", "m#2"]);
    assert_eq!(found[0].text.as_deref(), Some("dua"));
    assert_eq!(found[1].text, None);
    assert!(found.iter().all(|one| one.content.media_group.as_deref() == Some("m")));
    let shared = messages(json!({"mid": "m", "text": "lihat", "attachments": [{"type": "fallback"}]}));
    assert_eq!(shared[0].kind.as_str(), "text");
    assert_eq!(shared[0].text.as_deref(), Some("lihat"));
    assert_eq!(messages(json!({"mid": "m"}))[0].kind.as_str(), "unsupported");
}

#[test]
fn echoes_are_told_apart_and_ignored() {
    let echo = |app: Value| json!({"message": {"mid": "m", "is_echo": true, "app_id": app, "text": "x"}});
    let own = why(echo(json!(1_517_776_481_860_111_i64)));
    assert_eq!(own, why(echo(json!(OWN_APP_ID))));
    assert_ne!(own, why(echo(json!(263_902_037_430_900_i64))));
    assert_ne!(own, why(echo(Value::Null)));
}

#[test]
fn reactions_are_told_by_emoji_or_by_name() {
    let emoji = |body: Value| match events(json!({"reaction": body})).remove(0) {
        InboundKind::Reaction { emoji, .. } => emoji,
        other => panic!("{other:?}"),
    };
    let react = |key: &str, value: &str| json!({"mid": "m", "action": "react", key: value});
    assert_eq!(emoji(react("emoji", "🙏")).as_deref(), Some("🙏"));
    assert_eq!(emoji(react("reaction", "sad")).as_deref(), Some("😢"));
    assert_eq!(emoji(react("emoji", "")), None);
    assert_eq!(emoji(json!({"mid": "m", "action": "unreact", "emoji": "🙏"})), None);
}

#[test]
fn a_postback_without_an_id_gets_the_same_one_each_time() {
    let body = json!({"postback": {"title": "Mulai", "payload": "GET_STARTED"}});
    assert_eq!(events(body.clone()), events(body.clone()));
    let found = events(body).remove(0);
    let InboundKind::Message(message) = found else {
        panic!("{found:?}");
    };
    assert_eq!(message.provider_message_id, "postback:S:1795154400417");
}

#[test]
fn what_has_no_effect_is_ignored() {
    why(json!({"message": {"text": "no id"}}));
    why(json!({"message": 3}));
    why(json!({"optin": {}}));
    why(json!({"read": {}}));
    let body = json!({"object": "page", "entry": [
        {"id": "P", "standby": [{"sender": {"id": "S"}, "message": {"mid": "m", "text": "x"}}]}]});
    let found = parse(body.to_string().as_bytes(), None, received_at()).unwrap();
    assert!(matches!(found[..], [ref one] if matches!(one.what, InboundKind::Ignored { .. })));
}
