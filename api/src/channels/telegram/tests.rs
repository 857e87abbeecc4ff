//! Types and fields of which no recorded body exists.

use domain::inbound::{InboundKind, InboundMessage};
use serde_json::{Value, json};

use super::inbound::parse;
use crate::channels::fixtures::{BOT_ID, received_at};

fn update(kind: &str, body: Value) -> InboundKind {
    let body = json!({"update_id": 1, kind: body});
    let mut events = parse(body.to_string().as_bytes(), BOT_ID, received_at()).unwrap();
    assert_eq!(events.len(), 1);
    let event = events.remove(0);
    assert_eq!(event.account, BOT_ID);
    event.what
}

fn private() -> Value {
    json!({"id": 7_512_345_678_i64, "type": "private", "first_name": "Siti"})
}

fn message(mut body: Value) -> InboundMessage {
    body["message_id"] = json!(5);
    body["chat"] = private();
    match update("message", body) {
        InboundKind::Message(message) => *message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn parts_become_kinds() {
    let file = json!({"file_id": "F", "duration": 3});
    let place = json!({"latitude": -7.7, "longitude": 110.3});
    let cases = [
        (json!({"animation": file, "document": {"file_id": "D"}}), "video", "animated"),
        (json!({"document": file}), "document", ""),
        (json!({"audio": file}), "audio", ""),
        (json!({"voice": file}), "audio", "voice"),
        (json!({"video_note": file}), "video", "video_note"),
        (json!({"sticker": {"file_id": "F", "is_animated": true}}), "sticker", "animated"),
    ];
    for (body, kind, mark) in cases {
        let found = message(body.clone());
        assert_eq!(found.kind.as_str(), kind, "{body}");
        assert_eq!(found.media.unwrap().provider_media_id.as_deref(), Some("F"), "{body}");
        assert!(mark.is_empty() || json!(found.content)["media"][mark] == true, "{body}");
    }
    let venue = message(
        json!({"venue": {"location": place, "title": "Pasar", "address": "Jl. 1"}, "location": place}),
    );
    assert_eq!((venue.kind.as_str(), venue.text.as_deref()), ("location", Some("Pasar")));
    let expected = |name: Value, address: Value, live: Value| json!({"latitude": -7.7, "longitude": 110.3, "name": name, "address": address, "url": null, "live_period": live});
    assert_eq!(json!(venue.content)["location"], expected(json!("Pasar"), json!("Jl. 1"), Value::Null));
    let live = json!({"latitude": -7.7, "longitude": 110.3, "live_period": 60});
    let bare = message(json!({"location": live, "forward_origin": {"type": "user"}}));
    let expected = json!({"location": expected(Value::Null, Value::Null, json!(60)), "forwarded": true});
    assert_eq!(bare.content.to_stored(), Some(expected));
    let contact = message(json!({"contact": {"phone_number": "+62811", "first_name": "Ani", "user_id": 7}}));
    let card = &contact.content.contacts.unwrap()[0];
    assert_eq!((card.name.as_deref(), card.phones[0].value.as_str()), (Some("Ani"), "+62811"));
    assert_eq!(card.phones[0].external_id.as_deref(), Some("7"));
    let dice = message(json!({"dice": {"value": 3}}));
    assert_eq!(dice.kind.as_str(), "unsupported");
    assert_eq!(dice.content.unsupported.unwrap().provider_type.as_deref(), Some("dice"));
}

#[test]
fn only_a_deep_link_has_a_start_parameter() {
    let parameter = |text: &str| json!(message(json!({"text": text})).content.start_parameter);
    assert_eq!(parameter("/start promo_1-a"), "promo_1-a");
    assert_eq!(parameter("/start@cs_tokotani_bot x"), "x");
    for no in ["/start", "/start ", "/start dua kata", "/started x", "start x"] {
        assert_eq!(parameter(no), Value::Null, "{no:?}");
    }
}

#[test]
fn a_pressed_button_is_a_choice_that_answers_its_message() {
    let press = json!({"id": "4382", "from": private(), "data": "csat:4", "message": {
        "message_id": 9, "date": 0, "chat": private(),
        "reply_markup": {"inline_keyboard": [[{"text": "Buruk", "callback_data": "csat:1"}],
                                             [{"text": "Puas", "callback_data": "csat:4"}]]}}});
    let found = update("callback_query", press);
    let InboundKind::Message(message) = found else {
        panic!("{found:?}");
    };
    assert_eq!(message.provider_message_id, "7512345678:callback:4382");
    assert_eq!(message.reply_to.as_deref(), Some("7512345678:9"));
    assert_eq!(message.text.as_deref(), Some("Puas"));
    let expected = json!({"choice": {"type": "button_reply", "payload": "csat:4", "title": "Puas", "description": null,
        "press_id": "4382"}});
    assert_eq!(message.content.to_stored(), Some(expected));
    let group = json!({"message_id": 9, "chat": {"id": -100, "type": "supergroup"}});
    for elsewhere in [
        json!({"id": "1", "from": private(), "inline_message_id": "x", "data": "y"}),
        json!({"id": "1", "from": private(), "message": group, "data": "y"}),
    ] {
        let found = update("callback_query", elsewhere);
        assert!(matches!(found, InboundKind::Ignored { .. }), "{found:?}");
    }
}

#[test]
fn blocking_and_unblocking_are_told() {
    let member = |status: &str| {
        let new = json!({"status": status});
        update("my_chat_member", json!({"chat": private(), "from": private(), "new_chat_member": new}))
    };
    assert!(matches!(member("kicked"), InboundKind::BotBlocked { blocked: true, .. }));
    assert!(matches!(member("member"), InboundKind::BotBlocked { blocked: false, .. }));
    assert!(matches!(member("administrator"), InboundKind::Ignored { .. }));
}

#[test]
fn what_no_customer_wrote_is_ignored() {
    let group = json!({"id": -100, "type": "supergroup"});
    let cases = [
        ("channel_post", json!({"message_id": 1, "chat": {"id": 1, "type": "channel"}, "text": "x"})),
        ("edited_message", json!({"message_id": 1, "chat": group, "text": "x"})),
        ("my_chat_member", json!({"chat": group, "new_chat_member": {"status": "kicked"}})),
        ("message", json!({"message_id": 1, "chat": private(), "pinned_message": {}})),
        ("message", json!({"chat": private(), "text": "no id"})),
        ("poll", json!({})),
    ];
    for (kind, body) in cases {
        assert!(matches!(update(kind, body.clone()), InboundKind::Ignored { .. }), "{kind} {body}");
    }
}
