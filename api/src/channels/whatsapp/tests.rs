//! Types and fields of which no recorded body exists.

use domain::inbound::{InboundKind, InboundMessage};
use serde_json::{Value, json};

use super::inbound::parse;
use crate::channels::fixtures::received_at;

/// What a change of field `name` gives.
fn change(name: &str, value: Value) -> Vec<InboundKind> {
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "W", "changes": [{"field": name, "value": value}]}],
    });
    let events = parse(body.to_string().as_bytes(), received_at()).unwrap();
    events.into_iter().map(|event| event.what).collect()
}

/// What one message gives, with the parts that every message has.
fn one(mut message: Value) -> InboundKind {
    let rest = json!({"id": "wamid.1", "from": "6281", "from_user_id": "ID.1"});
    for (key, value) in rest.as_object().unwrap() {
        message[key] = value.clone();
    }
    let value = json!({"metadata": {"phone_number_id": "P"}, "messages": [message]});
    change("messages", value).remove(0)
}

fn message(body: Value) -> InboundMessage {
    match one(body) {
        InboundKind::Message(message) => *message,
        other => panic!("{other:?}"),
    }
}

/// A card with these parts and no others.
fn card(parts: Value) -> Value {
    let mut card = json!({"name": null, "phones": [], "emails": [], "organization": null, "title": null,
        "addresses": [], "urls": [], "birthday": null});
    card.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    card
}

#[test]
fn types_become_kinds_with_text_and_content() {
    let cases = [
        (json!({"type": "audio", "audio": {"id": "1"}}), ("audio", None, json!({}))),
        (
            json!({"type": "contacts", "contacts": [{"name": {"formatted_name": "Ani"}}]}),
            ("contacts", Some("Ani"), json!({"contacts": [card(json!({"name": "Ani"}))]})),
        ),
        (
            json!({"type": "contacts", "contacts": [{
                "name": {"first_name": "Ani", "last_name": "Putri"},
                "phones": [{"phone": "+62 811", "type": "CELL", "wa_id": "62811"}, {"type": "HOME"}],
                "emails": [{"email": "ani@x.example"}], "org": {"company": "Toko", "title": "Kasir"},
                "addresses": [{"street": "Jl. 1", "city": "Yogya", "type": "HOME"}],
                "urls": [{"url": "https://x.example"}], "birthday": "1990-01-02"}]}),
            (
                "contacts",
                Some("+62 811"),
                json!({"contacts": [card(json!({
                    "name": "Ani Putri", "organization": "Toko", "title": "Kasir", "birthday": "1990-01-02",
                    "phones": [{"value": "+62 811", "label": "CELL", "external_id": "62811"}],
                    "emails": [{"value": "ani@x.example", "label": null, "external_id": null}],
                    "addresses": [{"value": "Jl. 1, Yogya", "label": "HOME", "external_id": null}],
                    "urls": [{"value": "https://x.example", "label": null, "external_id": null}],
                }))]}),
            ),
        ),
        (
            json!({"type": "order", "order": {"catalog_id": "c", "text": "ini", "product_items": [
                {"product_retailer_id": "sku-1", "quantity": 2, "item_price": "12500.5", "currency": "IDR"},
                {"quantity": "banyak"}]}}),
            (
                "order",
                Some("ini"),
                json!({"order": {"catalog_id": "c", "items": [
                    {"product_id": "sku-1", "quantity": 2, "price": 12500.5, "currency": "IDR"},
                    {"product_id": null, "quantity": null, "price": null, "currency": null}]}}),
            ),
        ),
        (
            json!({"type": "button", "button": {"text": "Ya"}}),
            (
                "interactive",
                Some("Ya"),
                json!({"choice": {"type": "button_reply", "payload": null, "title": "Ya", "description": null,
                    "press_id": null}}),
            ),
        ),
        (
            json!({"type": "interactive", "interactive": {"type": "list_reply", "list_reply":
                {"id": "divisi:komplain", "title": "Komplain", "description": "Barang rusak"}}}),
            (
                "interactive",
                Some("Komplain"),
                json!({"choice": {"type": "list_reply", "payload": "divisi:komplain", "title": "Komplain",
                    "description": "Barang rusak", "press_id": null}}),
            ),
        ),
        (
            json!({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply":
                {"name": "flow", "body": "Sent", "response_json": "{\"a\":\"\\u0000\"}"}}}),
            ("interactive", Some("Sent"), json!({"form": {"name": "flow", "response": {"a": "\u{fffd}"}}})),
        ),
        (
            json!({"type": "interactive", "errors": [{"code": 131000}]}),
            ("unsupported", None, json!({"unsupported": {"type": "interactive", "error_code": 131000}})),
        ),
        (
            json!({"type": "hologram", "hologram": {"x": 1}}),
            ("unsupported", None, json!({"unsupported": {"type": "hologram", "error_code": null}})),
        ),
        (
            json!({"type": "image", "image": {"caption": "no file"}, "errors": [{"code": 131052}]}),
            ("unsupported", None, json!({"unsupported": {"type": "image", "error_code": 131052}})),
        ),
        (
            json!({"text": {"body": "no type"}}),
            ("unsupported", None, json!({"unsupported": {"type": null, "error_code": null}})),
        ),
        (
            json!({"type": "text", "text": {"body": "x"}, "context": {"frequently_forwarded": true,
                "referred_product": {"catalog_id": "c", "product_retailer_id": "sku-1"}}}),
            (
                "text",
                Some("x"),
                json!({"forwarded": true, "product": {"catalog_id": "c", "product_id": "sku-1"}}),
            ),
        ),
    ];
    for (body, (kind, text, content)) in cases {
        let found = message(body.clone());
        assert_eq!(found.kind.as_str(), kind, "{body}");
        assert_eq!(found.text.as_deref(), text, "{body}");
        assert_eq!(found.content.to_stored().unwrap_or_else(|| json!({})), content, "{body}");
        assert_eq!(found.at, received_at(), "{body}");
    }
}

#[test]
fn edits_and_revocations_name_the_original() {
    let edited = one(json!({"type": "edit", "timestamp": "1795140843", "edit": {
        "original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "baru"}}}}));
    let InboundKind::Edit(edit) = edited else {
        panic!("{edited:?}");
    };
    assert_eq!(edit.message.provider_message_id, "wamid.0");
    assert_eq!(edit.message.text.as_deref(), Some("baru"));
    assert_eq!(edit.edited_at.unix_seconds(), 1_795_140_843);
    let revoked = one(json!({"type": "revoke", "revoke": {"original_message_id": "wamid.0"}}));
    assert!(matches!(revoked, InboundKind::Revoke { target, .. } if target == "wamid.0"));
    // Without the original's id it is at least seen that something came.
    assert_eq!(message(json!({"type": "edit"})).kind.as_str(), "unsupported");
}

#[test]
fn an_empty_emoji_takes_the_reaction_back() {
    let body = json!({"type": "reaction", "reaction": {"message_id": "wamid.0", "emoji": ""}});
    assert!(matches!(one(body), InboundKind::Reaction { emoji: None, .. }));
}

#[test]
fn contacts_are_matched_by_id_whatever_their_order() {
    let what = change(
        "messages",
        json!({
            "metadata": {"phone_number_id": "P"},
            "contacts": [
                {"wa_id": "62822", "user_id": "ID.2", "profile": {"name": "Dua"}},
                {"wa_id": "62811", "user_id": "ID.1", "profile": {"name": "Satu"}},
                {"user_id": "ID.3"},
            ],
            "messages": [
                {"id": "a", "from": "62811", "type": "text", "text": {"body": "x"}},
                {"id": "b", "from_user_id": "ID.2", "type": "text", "text": {"body": "x"}},
                {"id": "c", "from_user_id": "ID.3", "type": "text", "text": {"body": "x"}},
                {"id": "d", "from": "62844", "type": "text", "text": {"body": "x"}},
                {"id": "e", "type": "text", "text": {"body": "x"}},
            ],
        }),
    );
    let who: Vec<_> = what
        .iter()
        .map(|what| match what {
            InboundKind::Message(message) => {
                let sender = &message.sender;
                (sender.external_id.as_str(), sender.phone.as_deref(), sender.name.as_deref())
            }
            _ => ("ignored", None, None),
        })
        .collect();
    let expected = [
        ("ID.1", Some("62811"), Some("Satu")),
        ("ID.2", Some("62822"), Some("Dua")),
        ("ID.3", None, None),
        ("62844", Some("62844"), None),
        ("ignored", None, None),
    ];
    assert_eq!(who, expected);
}

#[test]
fn a_status_keeps_our_reference_and_the_providers_words() {
    let what = change(
        "messages",
        json!({"statuses": [
            {"id": "wamid.0", "status": "played", "biz_opaque_callback_data": "ours"},
            {"id": "wamid.0", "status": "failed",
             "errors": [{"code": 131026, "title": "t", "error_data": {"details": "d"}}]},
            {"id": "wamid.0", "status": "warming up"},
            {"status": "sent"},
        ]}),
    );
    let InboundKind::Status(played) = &what[0] else {
        panic!("{what:?}");
    };
    assert_eq!(played.status.as_str(), "read");
    assert_eq!(played.our_reference.as_deref(), Some("ours"));
    let InboundKind::Status(failed) = &what[1] else {
        panic!("{what:?}");
    };
    let error = failed.error.as_ref().unwrap();
    assert_eq!((error.code.as_str(), error.detail.as_str()), ("131026", "d"));
    assert!(matches!(what[2], InboundKind::Ignored { .. }));
    assert!(matches!(what[3], InboundKind::Ignored { .. }));
}

#[test]
fn a_new_number_can_bring_a_new_id_along() {
    let changed = one(json!({"type": "system", "system":
        {"type": "user_changed_number", "wa_id": "62899", "user_id": "ID.9"}}));
    let InboundKind::IdentityChange(change) = changed else {
        panic!("{changed:?}");
    };
    assert_eq!(change.old, "6281");
    assert_eq!(change.new_phone.as_deref(), Some("62899"));
    assert_eq!(change.new_external_id.as_deref(), Some("ID.9"));
    let key = json!({"type": "system", "system": {"type": "customer_identity_changed"}});
    assert!(matches!(one(key), InboundKind::Ignored { .. }));
}

#[test]
fn other_fields_are_alerts_or_ignored() {
    let alert = |name: &str, value: Value| match change(name, value).remove(0) {
        InboundKind::ChannelAlert { event } => event,
        other => panic!("{other:?}"),
    };
    assert_eq!(alert("account_alerts", json!({"alert_type": "OBA_APPROVED"})), "OBA_APPROVED");
    assert_eq!(alert("phone_number_quality_update", json!({"event": "FLAGGED"})), "FLAGGED");
    let limit = json!({"max_daily_conversations_per_business": "TIER_2K"});
    assert_eq!(alert("business_capability_update", limit), "business_capability_update");
    for name in ["smb_message_echoes", "history", "message_template_quality_update", ""] {
        assert!(matches!(change(name, json!({}))[0], InboundKind::Ignored { .. }), "{name}");
    }
}
