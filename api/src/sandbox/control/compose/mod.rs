//! What a customer wrote, in each provider's words.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

mod file;
mod messenger;
mod telegram;
mod whatsapp;

pub(in crate::sandbox) use file::with_file;
pub(in crate::sandbox) use messenger::messenger;
pub(in crate::sandbox) use telegram::telegram;
pub(in crate::sandbox) use whatsapp::whatsapp;

use super::refusal::Refusal;
use crate::sandbox::channel::SandboxKind;
use crate::sandbox::ids::media_id;

/// What a customer can send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum Kind {
    /// Words.
    #[default]
    Text,
    /// A picture.
    Image,
    /// A video.
    Video,
    /// A file.
    Document,
    /// A sound.
    Audio,
    /// A voice note.
    Voice,
    /// A sticker.
    Sticker,
    /// A place.
    Location,
    /// A contact card.
    Contact,
    /// A reaction to `reply_to`; without `emoji` it is taken back.
    Reaction,
    /// A button of ours that was pressed.
    ButtonReply,
    /// Something that the provider does not hand on.
    Unsupported,
}

impl Kind {
    /// The word for it.
    pub(in crate::sandbox) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Sticker => "sticker",
            Self::Location => "location",
            Self::Contact => "contact",
            Self::Reaction => "reaction",
            Self::ButtonReply => "button_reply",
            Self::Unsupported => "unsupported",
        }
    }

    /// The MIME type that a customer's phone would give.
    fn mime_type(self) -> &'static str {
        match self {
            Self::Image => "image/jpeg",
            Self::Video => "video/mp4",
            Self::Document => "application/pdf",
            Self::Audio => "audio/mpeg",
            Self::Voice => "audio/ogg; codecs=opus",
            _ => "image/webp",
        }
    }
}

/// A place.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sandbox) struct Place {
    latitude: f64,
    longitude: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

/// A message as the control API takes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::sandbox) struct Written {
    pub(in crate::sandbox) channel: Option<String>,
    pub(in crate::sandbox) name: Option<String>,
    pub(in crate::sandbox) username_only: Option<bool>,
    pub(in crate::sandbox) provider_message_id: Option<String>,
    pub(in crate::sandbox) reply_to: Option<String>,
    pub(in crate::sandbox) kind: Option<Kind>,
    pub(in crate::sandbox) text: Option<String>,
    pub(in crate::sandbox) caption: Option<String>,
    pub(in crate::sandbox) media_id: Option<String>,
    pub(in crate::sandbox) mime_type: Option<String>,
    pub(in crate::sandbox) filename: Option<String>,
    pub(in crate::sandbox) url: Option<String>,
    /// The bytes of the file, in base64; otherwise a small one of its kind.
    pub(in crate::sandbox) bytes: Option<String>,
    /// What is said of the bytes: their SHA-256 in base64, and how many there are. The truth, unless it is given.
    pub(in crate::sandbox) sha256: Option<String>,
    pub(in crate::sandbox) size_bytes: Option<u64>,
    /// Whether the webhook names no link, only an id (WhatsApp).
    pub(in crate::sandbox) without_link: bool,
    pub(in crate::sandbox) location: Option<Place>,
    pub(in crate::sandbox) contact: Option<Card>,
    pub(in crate::sandbox) emoji: Option<String>,
    pub(in crate::sandbox) payload: Option<String>,
    pub(in crate::sandbox) raw: Map<String, Value>,
}

/// A contact card.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sandbox) struct Card {
    name: String,
    phone: String,
}

fn missing(kind: Kind, field: &str) -> Refusal {
    Refusal::invalid(format!("kind `{}` needs `{field}`", kind.as_str()))
}

fn need<'a, T>(value: &'a Option<T>, kind: Kind, field: &str) -> Result<&'a T, Refusal> {
    value.as_ref().ok_or_else(|| missing(kind, field))
}

impl Written {
    /// What it is; the kind is text unless said otherwise.
    pub(in crate::sandbox) fn kind(&self) -> Kind {
        self.kind.unwrap_or_default()
    }

    /// The words that a reader sees.
    pub(in crate::sandbox) fn words(&self) -> Option<String> {
        self.text.clone().or_else(|| self.caption.clone())
    }

    /// Text of 1 to `limit` characters.
    fn text(&self, limit: usize) -> Result<&str, Refusal> {
        let text = need(&self.text, self.kind(), "text")?;
        match text.chars().count() {
            0 => Err(Refusal::invalid("`text` is empty")),
            length if length > limit => Err(Refusal::invalid(format!(
                "`text` has {length} characters; a customer can write {limit} here"
            ))),
            _ => Ok(text),
        }
    }

    fn media(&self) -> Map<String, Value> {
        let mut media = Map::new();
        let mut put = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                media.insert(name.to_owned(), json!(value));
            }
        };
        put("caption", &self.caption);
        put("filename", &self.filename);
        put("url", &self.url);
        let mime_type = self.mime_type.as_deref();
        let mime_type = mime_type.unwrap_or_else(|| self.kind().mime_type());
        media.insert("mime_type".to_owned(), json!(mime_type));
        let id = self.media_id.clone().unwrap_or_else(media_id);
        media.insert("id".to_owned(), json!(id));
        media
    }
}

fn unknown_here(kind: Kind, channel: SandboxKind) -> Refusal {
    Refusal::invalid(format!("a customer cannot send kind `{}` on {}", kind.as_str(), channel.as_str()))
}
