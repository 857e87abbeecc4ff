//! What one WhatsApp message says: the table of types in Meta's "webhooks/reference/messages".

use domain::inbound::InboundMedia;
use domain::message::MessageKind;
use serde_json::Value;

use crate::channels::draft::{Draft, NAME_MAX_CHARS};
use crate::channels::json::{clean, cut, id_at, int_at, is_true_at, text_at, value};

/// Reads a message. One whose type is unknown, or whose body is not what its type promises, becomes
/// `unsupported`: an agent shall see that something came.
pub(super) fn read(message: &Value) -> Draft {
    let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
    let mut draft = known(kind, message).unwrap_or_else(|| unsupported(kind, message));
    if is_true_at(message, "/context/forwarded") || is_true_at(message, "/context/frequently_forwarded") {
        draft.note("forwarded", Some(true));
    }
    draft.note("referred_product", message.pointer("/context/referred_product").cloned());
    draft.note("referral", message.get("referral").cloned());
    draft
}

fn known(kind: &str, message: &Value) -> Option<Draft> {
    let body = message.get(kind)?;
    match kind {
        "text" => Some(Draft::new(MessageKind::Text, Some(text_at(body, "/body")?))),
        "image" => media(MessageKind::Image, body),
        "video" => media(MessageKind::Video, body),
        "document" => media(MessageKind::Document, body),
        "audio" => {
            let voice = is_true_at(body, "/voice").then_some(true);
            Some(media(MessageKind::Audio, body)?.with("voice", voice))
        }
        "sticker" => {
            let animated = body.get("animated").and_then(Value::as_bool);
            Some(media(MessageKind::Sticker, body)?.with("animated", animated))
        }
        "location" => location(body),
        "contacts" => contacts(body),
        "order" => {
            let order = body.as_object()?.clone();
            Some(Draft::new(MessageKind::Order, text_at(body, "/text")).with("order", Some(order)))
        }
        // The quick reply of a template; old ones come without a payload.
        "button" => {
            let (payload, words) = (text_at(body, "/payload"), text_at(body, "/text"));
            (payload.is_some() || words.is_some()).then(|| Draft::choice("button_reply", payload, words))
        }
        "interactive" => interactive(body),
        _ => None,
    }
}

fn media(kind: MessageKind, body: &Value) -> Option<Draft> {
    let media = InboundMedia {
        provider_media_id: id_at(body, "/id"),
        url: text_at(body, "/url"),
        content_type: text_at(body, "/mime_type").map(|text| cut(text, NAME_MAX_CHARS)),
        filename: text_at(body, "/filename").map(|text| cut(text, NAME_MAX_CHARS)),
        size_bytes: int_at(body, "/file_size"),
        sha256: text_at(body, "/sha256"),
    };
    let found = media.provider_media_id.is_some() || media.url.is_some();
    found.then(|| Draft::file(kind, text_at(body, "/caption"), media))
}

fn location(body: &Value) -> Option<Draft> {
    let is_number = |key: &str| body.get(key).is_some_and(Value::is_number);
    if !is_number("latitude") || !is_number("longitude") {
        return None;
    }
    let words = text_at(body, "/name").or_else(|| text_at(body, "/address"));
    Some(Draft::new(MessageKind::Location, words).with("location", Some(body.clone())))
}

fn contacts(body: &Value) -> Option<Draft> {
    let cards = body.as_array().filter(|cards| !cards.is_empty())?;
    let words = text_at(body, "/0/phones/0/phone").or_else(|| text_at(body, "/0/name/formatted_name"));
    Some(Draft::new(MessageKind::Contacts, words).with("contacts", Some(cards.clone())))
}

fn interactive(body: &Value) -> Option<Draft> {
    let kind = body.get("type").and_then(Value::as_str)?;
    let chosen = body.get(kind).filter(|chosen| chosen.is_object())?;
    match kind {
        "button_reply" | "list_reply" => {
            let (payload, words) = (text_at(chosen, "/id"), text_at(chosen, "/title"));
            let draft = Draft::choice(kind, payload, words);
            Some(draft.with("description", text_at(chosen, "/description")))
        }
        "nfm_reply" => {
            // JSON inside a text of JSON: its escapes have not been looked at yet.
            let form = text_at(chosen, "/response_json").map(|text| clean(text.as_bytes()));
            let form = form.map(|text| value(&text).unwrap_or(Value::String(text)));
            let draft = Draft::choice(kind, None, text_at(chosen, "/body"));
            Some(draft.with("name", text_at(chosen, "/name")).with("response", form))
        }
        _ => None,
    }
}

fn unsupported(kind: &str, message: &Value) -> Draft {
    let named = match kind {
        // Meta says that it cannot pass the message on; what it was is told beside.
        "unsupported" => text_at(message, "/unsupported/type"),
        "interactive" => text_at(message, "/interactive/type").or(Some(kind.to_owned())),
        "" => None,
        other => Some(other.to_owned()),
    };
    Draft::unsupported(named).with("error_code", int_at(message, "/errors/0/code"))
}
