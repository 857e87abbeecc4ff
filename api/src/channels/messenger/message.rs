//! What one Messenger message says.

use domain::inbound::InboundMedia;
use domain::message::MessageKind;
use domain::resource::{ChoiceType, MediaDetails, MessageLocation, MessageReferral, SharedLink};
use serde_json::Value;

use crate::channels::draft::{Draft, NAME_MAX_CHARS};
use crate::channels::json::{cut, id_at, text_at};

/// Reads a message: at least one draft, and one more for each attachment after the first. The text
/// goes with the first.
pub(super) fn read(message: &Value, mid: &str) -> Vec<Draft> {
    let text = text_at(message, "/text");
    let attachments = message.get("attachments").and_then(Value::as_array);
    let mut drafts: Vec<Draft> = attachments.into_iter().flatten().map(attachment).collect();
    if drafts.len() > 1 {
        for draft in &mut drafts {
            draft.content.media_group = Some(mid.to_owned());
        }
    }
    match drafts.first_mut() {
        // A shared link or post comes with the words that the customer wrote beside it.
        Some(first) if text.is_some() => {
            first.text.clone_from(&text);
            if first.kind == MessageKind::Unsupported {
                first.kind = MessageKind::Text;
            }
        }
        Some(_) => {}
        None => drafts.push(words(message, text)),
    }
    if let Some(first) = drafts.first_mut() {
        first.content.referral = message.get("referral").and_then(referral);
    }
    drafts
}

fn words(message: &Value, text: Option<String>) -> Draft {
    match text_at(message, "/quick_reply/payload") {
        Some(payload) => Draft::choice(ChoiceType::ButtonReply, Some(payload), text),
        None if text.is_some() => Draft::new(MessageKind::Text, text),
        None => Draft::unsupported(None),
    }
}

fn attachment(attachment: &Value) -> Draft {
    let kind = attachment.get("type").and_then(Value::as_str).unwrap_or_default();
    let url = text_at(attachment, "/payload/url");
    let title = text_at(attachment, "/payload/title").or_else(|| text_at(attachment, "/title"));
    let sticker = id_at(attachment, "/payload/sticker_id");
    let file = match kind {
        // Until August 2026 a sticker came as an image with a sticker's id.
        "image" if sticker.is_some() => Some(MessageKind::Sticker),
        "image" => Some(MessageKind::Image),
        "sticker" => Some(MessageKind::Sticker),
        "audio" => Some(MessageKind::Audio),
        "video" => Some(MessageKind::Video),
        "file" => Some(MessageKind::Document),
        _ => None,
    };
    match (file, url) {
        (Some(file), Some(url)) => {
            let details = MediaDetails { sticker_id: sticker, ..MediaDetails::default() };
            Draft::file(file, None, media(url, title)).detailed(details)
        }
        (None, _) if kind == "location" => location(attachment),
        // Shared posts, reels and links: the link is all that there is to show.
        (None, Some(url)) => {
            let link_type = (!kind.is_empty()).then(|| cut(kind.to_owned(), NAME_MAX_CHARS));
            let mut draft = Draft::new(MessageKind::Text, Some(url.clone()));
            draft.content.shared = Some(SharedLink { link_type, title, url: Some(url) });
            draft
        }
        (_, None) => Draft::unsupported((!kind.is_empty()).then(|| kind.to_owned())),
    }
}

fn media(url: String, title: Option<String>) -> InboundMedia {
    InboundMedia {
        provider_media_id: None,
        url: Some(url),
        content_type: None,
        filename: title.map(|title| cut(title, NAME_MAX_CHARS)),
        size_bytes: None,
        sha256: None,
    }
}

fn location(attachment: &Value) -> Draft {
    let number = |pointer: &str| attachment.pointer(pointer).and_then(Value::as_f64);
    let latitude = number("/payload/coordinates/lat");
    let longitude = number("/payload/coordinates/long");
    match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => {
            let name = text_at(attachment, "/title");
            let mut draft = Draft::new(MessageKind::Location, name.clone());
            draft.content.location =
                Some(MessageLocation { latitude, longitude, name, ..MessageLocation::default() });
            draft
        }
        _ => Draft::unsupported(Some("location".into())),
    }
}

/// The advertisement or link through which a customer came.
pub(super) fn referral(body: &Value) -> Option<MessageReferral> {
    let source_type = text_at(body, "/source").map(|source| match source.as_str() {
        "ADS" => "ad".to_owned(),
        _ => cut(source.to_lowercase(), NAME_MAX_CHARS),
    });
    let context = |name: &str| text_at(body, &format!("/ads_context_data/{name}"));
    let referral = MessageReferral {
        source_type,
        source_id: id_at(body, "/ad_id").or_else(|| id_at(body, "/ads_context_data/post_id")),
        source_url: text_at(body, "/referer_uri"),
        headline: context("ad_title"),
        body: None,
        media_url: context("photo_url").or_else(|| context("video_url")),
        parameter: text_at(body, "/ref"),
        click_id: None,
        product_id: id_at(body, "/product/id").or_else(|| id_at(body, "/ads_context_data/product_id")),
    };
    (referral != MessageReferral::default()).then_some(referral)
}

/// The emoji of a reaction that is told by its name only (Meta, "webhook-events/message-reactions").
pub(super) fn emoji_of(reaction: &Value) -> Option<String> {
    let emoji = match reaction.get("reaction").and_then(Value::as_str)? {
        "love" => "❤️",
        "smile" => "😆",
        "wow" => "😮",
        "sad" => "😢",
        "angry" => "😠",
        "like" => "👍",
        "dislike" => "👎",
        _ => return None,
    };
    Some(emoji.to_owned())
}
