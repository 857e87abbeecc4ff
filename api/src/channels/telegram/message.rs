//! What one Telegram message says.

use domain::inbound::InboundMedia;
use domain::message::MessageKind;
use serde_json::{Map, Value, json};

use crate::channels::draft::{Draft, NAME_MAX_CHARS};
use crate::channels::json::{cut, id_at, int_at, text_at};

/// Reads a message; what this version cannot show becomes `unsupported`.
pub(super) fn read(message: &Value) -> Draft {
    let mut draft = known(message).unwrap_or_else(|| Draft::unsupported(odd_part(message)));
    draft.note("media_group", id_at(message, "/media_group_id"));
    draft.note("forwarded", message.get("forward_origin").map(|_| true));
    draft.note("quote", text_at(message, "/quote/text"));
    draft
}

/// What Telegram notes in the chat by itself; nobody wrote it.
pub(super) fn is_service_note(message: &Value) -> bool {
    const NOTES: [&str; 5] = [
        "pinned_message",
        "message_auto_delete_timer_changed",
        "write_access_allowed",
        "connected_website",
        "chat_background_set",
    ];
    NOTES.iter().any(|note| message.get(note).is_some())
}

/// The words on the inline button that carries `data`, in the message that it belongs to.
pub(super) fn button_words(press: &Value, data: &str) -> Option<String> {
    let rows = press.pointer("/message/reply_markup/inline_keyboard")?.as_array()?;
    rows.iter()
        .filter_map(Value::as_array)
        .flatten()
        .find(|button| button.get("callback_data").and_then(Value::as_str) == Some(data))
        .and_then(|button| text_at(button, "/text"))
}

fn known(message: &Value) -> Option<Draft> {
    if let Some(text) = text_at(message, "/text") {
        let start = start_parameter(&text);
        return Some(Draft::new(MessageKind::Text, Some(text)).with("start_parameter", start));
    }
    photo(message)
        // An animation is sent as a document as well, a venue as a location: those come first.
        .or_else(|| file(message, "animation", MessageKind::Video, "animation"))
        .or_else(|| file(message, "video", MessageKind::Video, ""))
        .or_else(|| file(message, "video_note", MessageKind::Video, "video_note"))
        .or_else(|| file(message, "voice", MessageKind::Audio, "voice"))
        .or_else(|| file(message, "audio", MessageKind::Audio, ""))
        .or_else(|| file(message, "sticker", MessageKind::Sticker, ""))
        .or_else(|| file(message, "document", MessageKind::Document, ""))
        .or_else(|| venue(message.get("venue")?))
        .or_else(|| place(message.get("location")?, Map::new(), None))
        .or_else(|| contact(message.get("contact")?))
}

/// The parameter of a deep link: `/start <up to 64 of A-Za-z0-9_->` (Bot API, "deep linking").
fn start_parameter(text: &str) -> Option<String> {
    let (command, parameter) = text.split_once(' ')?;
    let is_start = command == "/start" || command.starts_with("/start@");
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let fits = (1..=64).contains(&parameter.len()) && parameter.bytes().all(allowed);
    (is_start && fits).then(|| parameter.to_owned())
}

/// The same picture in several sizes, the largest last.
fn photo(message: &Value) -> Option<Draft> {
    let largest = message.get("photo")?.as_array()?.last()?;
    let media = media(largest)?;
    Some(Draft::file(MessageKind::Image, text_at(message, "/caption"), media))
}

/// A file under `key`; `mark` is noted in the content where the kind alone does not tell it.
fn file(message: &Value, key: &str, kind: MessageKind, mark: &str) -> Option<Draft> {
    let body = message.get(key)?;
    let draft = Draft::file(kind, text_at(message, "/caption"), media(body)?)
        .with(mark, (!mark.is_empty()).then_some(true))
        .with("duration_seconds", int_at(body, "/duration"))
        .with("title", text_at(body, "/title"))
        .with("performer", text_at(body, "/performer"));
    if kind != MessageKind::Sticker {
        return Some(draft);
    }
    let flag = |key: &str| body.get(key).and_then(Value::as_bool).unwrap_or_default();
    Some(
        draft
            .with("animated", Some(flag("is_animated") || flag("is_video")))
            .with("emoji", text_at(body, "/emoji")),
    )
}

fn media(body: &Value) -> Option<InboundMedia> {
    Some(InboundMedia {
        provider_media_id: Some(id_at(body, "/file_id")?),
        // The link to the bytes holds the bot's token and is made only when they are fetched.
        url: None,
        content_type: text_at(body, "/mime_type").map(|text| cut(text, NAME_MAX_CHARS)),
        filename: text_at(body, "/file_name").map(|text| cut(text, NAME_MAX_CHARS)),
        size_bytes: int_at(body, "/file_size"),
        sha256: None,
    })
}

fn venue(venue: &Value) -> Option<Draft> {
    let (name, address) = (text_at(venue, "/title"), text_at(venue, "/address"));
    let mut words = Map::new();
    for (key, value) in [("name", &name), ("address", &address)] {
        if let Some(value) = value {
            words.insert(key.to_owned(), json!(value));
        }
    }
    place(venue.get("location")?, words, name.or(address))
}

fn place(location: &Value, mut place: Map<String, Value>, text: Option<String>) -> Option<Draft> {
    for key in ["latitude", "longitude"] {
        let number = location.get(key).filter(|number| number.is_number())?;
        place.insert(key.to_owned(), number.clone());
    }
    if let Some(period) = location.get("live_period") {
        place.insert("live_period".to_owned(), period.clone());
    }
    Some(Draft::new(MessageKind::Location, text).with("location", Some(place)))
}

/// One card, in the shape of WhatsApp's so that a client shows both alike.
fn contact(contact: &Value) -> Option<Draft> {
    let phone = text_at(contact, "/phone_number");
    let names = [text_at(contact, "/first_name"), text_at(contact, "/last_name")];
    let name = names.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    if phone.is_none() && name.is_empty() {
        return None;
    }
    let phones: Vec<Value> = phone.iter().map(|phone| json!({ "phone": phone })).collect();
    let card = json!({ "name": { "formatted_name": name }, "phones": phones });
    let text = phone.or(Some(name));
    Some(Draft::new(MessageKind::Contacts, text).with("contacts", Some(vec![card])))
}

/// The part that makes a message what it is, for one of a kind that is not known here.
fn odd_part(message: &Value) -> Option<String> {
    const COMMON: [&str; 18] = [
        "message_id",
        "from",
        "chat",
        "date",
        "edit_date",
        "caption",
        "caption_entities",
        "entities",
        "media_group_id",
        "reply_to_message",
        "quote",
        "external_reply",
        "forward_origin",
        "sender_chat",
        "via_bot",
        "has_protected_content",
        "reply_markup",
        "link_preview_options",
    ];
    let parts = message.as_object()?;
    parts.keys().find(|key| !COMMON.contains(&key.as_str())).cloned()
}
