//! What one Telegram message says.

use domain::inbound::InboundMedia;
use domain::message::MessageKind;
use domain::resource::{CardEntry, ContactCard, MediaDetails, MessageLocation};
use serde_json::Value;

use crate::channels::draft::{Draft, NAME_MAX_CHARS};
use crate::channels::json::{cut, id_at, int_at, text_at};

/// Reads a message; what this version cannot show becomes `unsupported`.
pub(super) fn read(message: &Value) -> Draft {
    let mut draft = known(message).unwrap_or_else(|| Draft::unsupported(odd_part(message)));
    draft.content.media_group = id_at(message, "/media_group_id");
    draft.content.forwarded = message.get("forward_origin").is_some();
    draft.content.quote = text_at(message, "/quote/text");
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
        let mut draft = Draft::new(MessageKind::Text, Some(text));
        draft.content.start_parameter = start;
        return Some(draft);
    }
    photo(message)
        // An animation is sent as a document as well, a venue as a location: those come first.
        .or_else(|| file(message, "animation", MessageKind::Video))
        .or_else(|| file(message, "video", MessageKind::Video))
        .or_else(|| file(message, "video_note", MessageKind::Video))
        .or_else(|| file(message, "voice", MessageKind::Audio))
        .or_else(|| file(message, "audio", MessageKind::Audio))
        .or_else(|| file(message, "sticker", MessageKind::Sticker))
        .or_else(|| file(message, "document", MessageKind::Document))
        .or_else(|| venue(message.get("venue")?))
        .or_else(|| place(message.get("location")?, None, None))
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

/// A file under `key`.
fn file(message: &Value, key: &str, kind: MessageKind) -> Option<Draft> {
    let body = message.get(key)?;
    let flag = |key: &str| body.get(key).and_then(Value::as_bool).unwrap_or_default();
    let sticker = kind == MessageKind::Sticker;
    let details = MediaDetails {
        voice: key == "voice",
        video_note: key == "video_note",
        animated: key == "animation" || (sticker && (flag("is_animated") || flag("is_video"))),
        duration_seconds: int_at(body, "/duration"),
        title: text_at(body, "/title"),
        performer: text_at(body, "/performer"),
        emoji: text_at(body, "/emoji").filter(|_| sticker),
        sticker_id: None,
    };
    Some(Draft::file(kind, text_at(message, "/caption"), media(body)?).detailed(details))
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
    place(venue.get("location")?, text_at(venue, "/title"), text_at(venue, "/address"))
}

fn place(location: &Value, name: Option<String>, address: Option<String>) -> Option<Draft> {
    let degrees = |key: &str| location.get(key).and_then(Value::as_f64);
    let place = MessageLocation {
        latitude: degrees("latitude")?,
        longitude: degrees("longitude")?,
        name,
        address,
        url: None,
        live_period: int_at(location, "/live_period"),
    };
    let mut draft = Draft::new(MessageKind::Location, place.name.clone().or_else(|| place.address.clone()));
    draft.content.location = Some(place);
    Some(draft)
}

fn contact(contact: &Value) -> Option<Draft> {
    let phone = text_at(contact, "/phone_number");
    let names = [text_at(contact, "/first_name"), text_at(contact, "/last_name")];
    let name = names.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let name = Some(name).filter(|name| !name.is_empty());
    let text = phone.clone().or_else(|| name.clone())?;
    let external_id = id_at(contact, "/user_id");
    let phones = phone.map(|value| CardEntry { value, label: None, external_id });
    let card = ContactCard { name, phones: phones.into_iter().collect(), ..ContactCard::default() };
    let mut draft = Draft::new(MessageKind::Contacts, Some(text));
    draft.content.contacts = Some(vec![card]);
    Some(draft)
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
