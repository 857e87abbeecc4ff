//! What one WhatsApp message says: the table of types in Meta's "webhooks/reference/messages".

use domain::inbound::InboundMedia;
use domain::message::MessageKind;
use domain::resource::{ChoiceType, MediaDetails, MessageForm};
use serde_json::Value;

use super::parts;
use crate::channels::draft::{Draft, NAME_MAX_CHARS};
use crate::channels::json::{clean, cut, id_at, int_at, is_true_at, text_at, value};

/// Reads a message. One whose type is unknown, or whose body is not what its type promises, becomes
/// `unsupported`: an agent shall see that something came.
pub(super) fn read(message: &Value) -> Draft {
    let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
    let mut draft = known(kind, message).unwrap_or_else(|| unsupported(kind, message));
    draft.content.forwarded =
        is_true_at(message, "/context/forwarded") || is_true_at(message, "/context/frequently_forwarded");
    draft.content.product = message.pointer("/context/referred_product").and_then(parts::product);
    draft.referred(message.get("referral").and_then(parts::referral))
}

fn known(kind: &str, message: &Value) -> Option<Draft> {
    let body = message.get(kind)?;
    match kind {
        "text" => Some(Draft::new(MessageKind::Text, Some(text_at(body, "/body")?))),
        "image" => media(MessageKind::Image, body),
        "video" => media(MessageKind::Video, body),
        "document" => media(MessageKind::Document, body),
        "audio" => {
            let voice = is_true_at(body, "/voice");
            Some(media(MessageKind::Audio, body)?.detailed(MediaDetails { voice, ..MediaDetails::default() }))
        }
        "sticker" => {
            let animated = is_true_at(body, "/animated");
            let details = MediaDetails { animated, ..MediaDetails::default() };
            Some(media(MessageKind::Sticker, body)?.detailed(details))
        }
        "location" => location(body),
        "contacts" => contacts(body),
        "order" => {
            let mut draft = Draft::new(MessageKind::Order, text_at(body, "/text"));
            draft.content.order = Some(parts::order(body)?);
            Some(draft)
        }
        // The quick reply of a template; old ones come without a payload.
        "button" => {
            let (payload, words) = (text_at(body, "/payload"), text_at(body, "/text"));
            (payload.is_some() || words.is_some())
                .then(|| Draft::choice(ChoiceType::ButtonReply, payload, words))
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
    let place = parts::location(body)?;
    let mut draft = Draft::new(MessageKind::Location, place.name.clone().or_else(|| place.address.clone()));
    draft.content.location = Some(place);
    Some(draft)
}

fn contacts(body: &Value) -> Option<Draft> {
    let cards = body.as_array().filter(|cards| !cards.is_empty())?;
    let cards: Vec<_> = cards.iter().map(parts::card).collect();
    let first = cards.first()?;
    let phone = first.phones.first().map(|phone| phone.value.clone());
    let mut draft = Draft::new(MessageKind::Contacts, phone.or_else(|| first.name.clone()));
    draft.content.contacts = Some(cards);
    Some(draft)
}

fn interactive(body: &Value) -> Option<Draft> {
    let kind = body.get("type").and_then(Value::as_str)?;
    let chosen = body.get(kind).filter(|chosen| chosen.is_object())?;
    match kind {
        "button_reply" | "list_reply" => {
            let (payload, words) = (text_at(chosen, "/id"), text_at(chosen, "/title"));
            let mut draft = Draft::choice(kind.parse().ok()?, payload, words);
            if let Some(choice) = &mut draft.content.choice {
                choice.description = text_at(chosen, "/description");
            }
            Some(draft)
        }
        "nfm_reply" => {
            // JSON inside a text of JSON: its escapes have not been looked at yet.
            let form = text_at(chosen, "/response_json").map(|text| clean(text.as_bytes()));
            let form = form.map(|text| value(&text).unwrap_or(Value::String(text)));
            let mut draft = Draft::new(MessageKind::Interactive, text_at(chosen, "/body"));
            draft.content.form = Some(MessageForm { name: text_at(chosen, "/name"), response: form });
            Some(draft)
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
    let mut draft = Draft::unsupported(named);
    if let Some(unsupported) = &mut draft.content.unsupported {
        unsupported.error_code = int_at(message, "/errors/0/code");
    }
    draft
}
