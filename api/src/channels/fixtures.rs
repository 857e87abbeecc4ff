//! The recorded webhook bodies, and the check of every parser against what they must give.

use std::collections::BTreeMap;
use std::path::PathBuf;

use domain::inbound::{InboundEvent, InboundKind, InboundMessage, Sender};
use domain::resource::MessageContent;
use domain::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{messenger, telegram, whatsapp};

pub(super) const BOT_ID: &str = "6900112233";
pub(super) const OWN_APP_ID: &str = "1517776481860111";

/// What `expected.json` names and the events do not carry, because nothing needs it: applying a
/// reaction, an edit or an identity change twice changes nothing, and the `recipient` of a status
/// is known from the message. `file_unique_id` and `num_edit` stay in the raw JSON.
const NOT_CARRIED: [(&str, &[&str]); 7] = [
    ("reaction", &["provider_id"]),
    ("identity_change", &["provider_id", "system_type"]),
    ("status", &["recipient"]),
    ("message", &["update_id"]),
    ("edit", &["update_id", "num_edit"]),
    ("ignored", &["update_id"]),
    ("delivery", &["expect"]),
];

pub(super) fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures")).join(name)
}

pub(super) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(super) fn text(name: &str) -> String {
    String::from_utf8(bytes(name)).unwrap()
}

/// A moment that no fixture contains.
pub(super) fn received_at() -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000).unwrap()
}

/// Every body, by `<provider>/<file>`.
pub(super) fn all() -> Vec<String> {
    let mut names = Vec::new();
    for provider in ["whatsapp", "messenger", "telegram"] {
        for entry in std::fs::read_dir(path(provider)).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            names.push(format!("{provider}/{file}"));
        }
    }
    names.sort();
    names
}

/// What a message has beside its text is of the documented shape, and is read back as it was stored.
pub(super) fn fits(content: &MessageContent) {
    assert_eq!(content.raw, None, "a parser has a word for all that it keeps");
    let read = content.to_stored().map(MessageContent::stored).unwrap_or_default();
    assert_eq!(read, *content);
}

pub(super) fn parse(name: &str, body: &[u8]) -> Option<Vec<InboundEvent>> {
    match name.split('/').next().unwrap() {
        "whatsapp" => whatsapp::inbound::parse(body, received_at()).ok(),
        "messenger" => messenger::inbound::parse(body, Some(OWN_APP_ID), received_at()).ok(),
        _ => telegram::inbound::parse(body, BOT_ID, received_at()).ok(),
    }
}

#[test]
fn every_fixture_gives_exactly_what_is_expected() {
    let expected: BTreeMap<String, Vec<Map<String, Value>>> =
        serde_json::from_str(&text("expected.json")).unwrap();
    assert_eq!(expected.keys().cloned().collect::<Vec<_>>(), {
        let mut names = all();
        names.sort();
        names
    });
    for (file, expected) in &expected {
        let events = parse(file, &bytes(file)).unwrap_or_else(|| panic!("{file} is refused"));
        let actual = in_words(file.split('/').next().unwrap(), &events);
        assert_eq!(actual.len(), expected.len(), "{file}: {actual:#?}");
        for (actual, expected) in actual.iter().zip(expected) {
            compare(file, actual, expected);
        }
    }
}

fn compare(file: &str, actual: &Value, expected: &Map<String, Value>) {
    let kind = expected["type"].as_str().unwrap();
    let skipped = NOT_CARRIED.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, keys)| keys);
    for (key, value) in expected {
        let found = &actual[key];
        if skipped.contains(&key.as_str()) || (kind, key.as_str()) == ("read", "expect") {
            continue;
        }
        let same = match (key.as_str(), value) {
            // Prose; ours is fixed text without the provider's words in it.
            ("why", Value::String(why)) => why.starts_with(found.as_str().unwrap()),
            ("referral", Value::Object(parts)) => {
                parts.iter().filter_map(referral_words).all(|(part, value)| found[part] == value)
            }
            ("media" | "location", Value::Object(parts)) => parts
                .iter()
                .filter(|(part, _)| part.as_str() != "file_unique_id")
                .all(|(part, value)| found.get(part) == Some(value)),
            _ => found == value,
        };
        assert!(same, "{file}: {key} is {found}, expected {value}\n{actual:#}");
    }
    for key in ["text", "reply_to", "media", "payload", "forwarded", "referral", "emoji", "location"] {
        let invented = expected.get(key).is_none() && !actual[key].is_null();
        assert!(!invented, "{file}: {key} is not expected\n{actual:#}");
    }
    let url = |event: &Value| event.pointer("/media/url").is_some_and(Value::is_string);
    assert_eq!(url(actual), url(&json!(expected)), "{file}: url");
}

/// Events in the vocabulary of `expected.json`.
fn in_words(provider: &str, events: &[InboundEvent]) -> Vec<Value> {
    let mut words: Vec<Value> = Vec::new();
    let mut seen = Vec::new();
    let mut mids = Vec::new();
    for event in events {
        let mut word = match &event.what {
            InboundKind::Message(message) if seen.contains(&message.provider_message_id) => json!({
                "type": "duplicate",
                "provider_id": message.provider_message_id,
                "why": "same provider id already stored",
            }),
            InboundKind::Message(message) => {
                seen.push(message.provider_message_id.clone());
                message_words(provider, message)
            }
            // Messenger names some of the delivered messages beside the watermark.
            InboundKind::Status(status) if provider == "messenger" => {
                mids.push(status.provider_message_id.clone());
                continue;
            }
            other => other_words(provider, other, &mids),
        };
        word["phone_number_id"] = json!(event.account);
        word["page"] = json!(event.account);
        words.push(word);
    }
    words
}

/// A part of a provider's referral in our words; `None` for what tells nothing.
fn referral_words((part, value): (&String, &Value)) -> Option<(&'static str, Value)> {
    Some(match part.as_str() {
        "ref" => ("parameter", value.clone()),
        "source" if value == "ADS" => ("source_type", json!("ad")),
        "source" => ("source_type", json!(value.as_str()?.to_lowercase())),
        "type" => return None,
        "ad_id" | "source_id" => ("source_id", value.clone()),
        "ctwa_clid" => ("click_id", value.clone()),
        "source_type" => ("source_type", value.clone()),
        "headline" => ("headline", value.clone()),
        other => panic!("say what {other} is in our words"),
    })
}

fn put_time(words: &mut Value, at: Timestamp) {
    words["ts"] = json!(at.unix_seconds());
    words["ts_ms"] = json!(at.unix_micros() / 1000);
}

fn put_sender(words: &mut Value, provider: &str, sender: &Sender) {
    words["sender_user_id"] = json!(sender.external_id);
    words["sender_name"] = json!(sender.name);
    words["sender"] = match provider {
        "whatsapp" => json!(sender.phone),
        _ => json!(sender.external_id),
    };
}

fn message_words(provider: &str, message: &InboundMessage) -> Value {
    fits(&message.content);
    let content = json!(message.content);
    let kind = match (message.kind.as_str(), content["media"]["voice"].as_bool()) {
        ("audio", Some(true)) => "voice",
        ("interactive", _) => content["choice"]["type"].as_str().unwrap(),
        (kind, _) => kind,
    };
    let mut words = json!({
        "type": "message",
        "provider_id": message.provider_message_id,
        "kind": kind,
        "text": message.text,
        "reply_to": message.reply_to,
        "start_param": content["start_parameter"],
    });
    for (key, place) in [
        ("referral", "/referral"),
        ("location", "/location"),
        ("payload", "/choice/payload"),
        ("unsupported_type", "/unsupported/type"),
        ("error_code", "/unsupported/error_code"),
        ("media_group", "/media_group"),
    ] {
        words[key] = content.pointer(place).cloned().unwrap_or_default();
    }
    if message.content.forwarded {
        words["forwarded"] = json!(true);
    }
    if let Some(media) = &message.media {
        words["media"] = json!({
            "id": media.provider_media_id, "file_id": media.provider_media_id,
            "mime_type": media.content_type, "sha256": media.sha256, "url": media.url,
            "filename": media.filename, "file_name": media.filename,
            "file_size": media.size_bytes, "animated": content["media"]["animated"],
        });
    }
    put_time(&mut words, message.at);
    put_sender(&mut words, provider, &message.sender);
    words
}

fn other_words(provider: &str, what: &InboundKind, mids: &[String]) -> Value {
    let mut words = json!({});
    match what {
        InboundKind::Edit(edit) => {
            words = message_words(provider, &edit.message);
            words["type"] = json!("edit");
            words["target"] = json!(edit.message.provider_message_id);
            put_time(&mut words, edit.edited_at);
        }
        InboundKind::Reaction { sender, target, emoji, at } => {
            let action = if emoji.is_some() { "add" } else { "remove" };
            words = json!({"type": "reaction", "target": target, "emoji": emoji, "action": action});
            put_sender(&mut words, provider, sender);
            put_time(&mut words, *at);
        }
        InboundKind::Status(status) => {
            let code = status.error.as_ref().map(|error| error.code.parse::<i64>().unwrap());
            words = json!({
                "type": "status", "provider_id": status.provider_message_id,
                "status": status.status, "opaque": status.our_reference, "error_code": code,
            });
            put_time(&mut words, status.at);
        }
        InboundKind::Watermark { customer, status, up_to } => {
            let kind = if status.as_str() == "read" { "read" } else { "delivery" };
            words = json!({
                "type": kind, "customer": customer, "mids": mids,
                "watermark_ms": up_to.unix_micros() / 1000,
            });
        }
        InboundKind::IdentityChange(change) => {
            words = json!({
                "type": "identity_change", "old": change.old,
                "new_wa_id": change.new_phone, "new_user_id": change.new_external_id,
            });
            put_time(&mut words, change.at);
        }
        InboundKind::Referral { sender, referral, at } => {
            words = json!({"type": "referral", "referral": referral});
            put_sender(&mut words, provider, sender);
            put_time(&mut words, *at);
        }
        InboundKind::MarketingPreference { sender, stopped, at } => {
            let value = if *stopped { "stop" } else { "resume" };
            words = json!({"type": "marketing_preference", "value": value});
            put_sender(&mut words, provider, sender);
            put_time(&mut words, *at);
        }
        other => words = channel_words(other),
    }
    words
}

/// What concerns the channel and no customer.
fn channel_words(what: &InboundKind) -> Value {
    match what {
        InboundKind::TemplateStatus { template_id, name, language, status, reason } => {
            json!({
                "type": "template_status", "template_id": template_id, "name": name,
                "lang": language, "status": status, "reason": reason,
            })
        }
        InboundKind::TemplateCategory { template_id, from, to } => {
            json!({
                "type": "template_category", "template_id": template_id, "from": from, "to": to,
            })
        }
        InboundKind::ChannelError { code, .. } => {
            json!({"type": "channel_error", "code": code})
        }
        InboundKind::ChannelAlert { event } => {
            json!({"type": "channel_alert", "event": event})
        }
        InboundKind::Ignored { why } => json!({"type": "ignored", "why": why}),
        other => panic!("no fixture gives {other:?}"),
    }
}
