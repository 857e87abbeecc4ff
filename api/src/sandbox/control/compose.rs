//! What a customer wrote, in each provider's words.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

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

/// WhatsApp's message object, without ids and times.
pub(in crate::sandbox) fn whatsapp(written: &Written) -> Result<Map<String, Value>, Refusal> {
    let kind = written.kind();
    let (name, content) = match kind {
        Kind::Text => ("text", json!({"body": written.text(4096)?})),
        Kind::Image | Kind::Video | Kind::Document | Kind::Audio => {
            (kind.as_str(), whatsapp_media(written))
        }
        Kind::Voice => {
            let mut media = whatsapp_media(written);
            media["voice"] = json!(true);
            ("audio", media)
        }
        Kind::Sticker => {
            let mut media = whatsapp_media(written);
            media["animated"] = json!(false);
            ("sticker", media)
        }
        Kind::Location => {
            let place = need(&written.location, kind, "location")?;
            ("location", json!(place))
        }
        Kind::Contact => {
            let card = need(&written.contact, kind, "contact")?;
            (
                "contacts",
                json!([{"name": {"formatted_name": card.name, "first_name": card.name},
                        "phones": [{"phone": card.phone, "type": "CELL"}]}]),
            )
        }
        Kind::Reaction => {
            let mut reaction = json!({"message_id": need(&written.reply_to, kind, "reply_to")?});
            if let Some(emoji) = &written.emoji {
                reaction["emoji"] = json!(emoji);
            }
            ("reaction", reaction)
        }
        Kind::ButtonReply => {
            let reply =
                json!({"id": need(&written.payload, kind, "payload")?, "title": written.text(20)?});
            (
                "interactive",
                json!({"type": "button_reply", "button_reply": reply}),
            )
        }
        Kind::Unsupported => ("unsupported", json!({"type": "poll"})),
    };
    let mut message = Map::new();
    message.insert("type".to_owned(), json!(name));
    message.insert(name.to_owned(), content);
    if kind == Kind::Unsupported {
        message.insert(
            "errors".to_owned(),
            json!([{"code": 131_051, "title": "Message type unknown", "message": "Message type unknown",
                    "error_data": {"details": "Message type is currently not supported."}}]),
        );
    }
    Ok(message)
}

fn whatsapp_media(written: &Written) -> Value {
    let mut media = written.media();
    // The hash of no bytes: the sandbox keeps no media.
    media.insert(
        "sha256".to_owned(),
        json!("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    );
    Value::Object(media)
}

/// Messenger's event: its name and what it holds, without ids.
pub(in crate::sandbox) fn messenger(
    written: &Written,
) -> Result<(&'static str, Map<String, Value>), Refusal> {
    let kind = written.kind();
    let mut event = Map::new();
    let attachment = match kind {
        Kind::Text => {
            event.insert("text".to_owned(), json!(written.text(20_000)?));
            None
        }
        Kind::ButtonReply => {
            event.insert("text".to_owned(), json!(written.text(2000)?));
            let payload = need(&written.payload, kind, "payload")?;
            event.insert("quick_reply".to_owned(), json!({"payload": payload}));
            None
        }
        Kind::Reaction => {
            event.insert(
                "mid".to_owned(),
                json!(need(&written.reply_to, kind, "reply_to")?),
            );
            let action = if let Some(emoji) = &written.emoji {
                event.insert("reaction".to_owned(), json!("other"));
                event.insert("emoji".to_owned(), json!(emoji));
                "react"
            } else {
                "unreact"
            };
            event.insert("action".to_owned(), json!(action));
            return Ok(("reaction", event));
        }
        Kind::Image | Kind::Video | Kind::Audio | Kind::Sticker => Some(kind.as_str()),
        Kind::Voice => Some("audio"),
        Kind::Document => Some("file"),
        Kind::Unsupported => Some("fallback"),
        Kind::Location | Kind::Contact => return Err(unknown_here(kind, SandboxKind::Messenger)),
    };
    if let Some(attachment) = attachment {
        let url = written.url.clone().unwrap_or_else(|| {
            let id = written.media_id.clone().unwrap_or_else(media_id);
            format!("https://scontent.example/{id}")
        });
        event.insert(
            "attachments".to_owned(),
            json!([{"type": attachment, "payload": {"url": url}}]),
        );
        if let Some(caption) = &written.caption {
            event.insert("text".to_owned(), json!(caption));
        }
    }
    Ok(("message", event))
}

fn unknown_here(kind: Kind, channel: SandboxKind) -> Refusal {
    Refusal::invalid(format!(
        "a customer cannot send kind `{}` on {}",
        kind.as_str(),
        channel.as_str()
    ))
}

/// Telegram's message content, without ids, people and times. A pressed button is no message and has its own update.
pub(in crate::sandbox) fn telegram(written: &Written) -> Result<Map<String, Value>, Refusal> {
    let kind = written.kind();
    let mut content = Map::new();
    let (name, value) = match kind {
        Kind::Text => ("text", json!(written.text(4096)?)),
        Kind::Location => {
            let place = need(&written.location, kind, "location")?;
            (
                "location",
                json!({"latitude": place.latitude, "longitude": place.longitude}),
            )
        }
        Kind::Contact => {
            let card = need(&written.contact, kind, "contact")?;
            (
                "contact",
                json!({"phone_number": card.phone, "first_name": card.name}),
            )
        }
        Kind::Image => {
            let size = |name: &str, width: u32, height: u32| {
                let id = written.media_id.clone().unwrap_or_else(media_id);
                json!({"file_id": format!("{id}{name}"), "file_unique_id": format!("u{id}{name}"),
                       "width": width, "height": height, "file_size": width * height / 8})
            };
            ("photo", json!([size("-s", 90, 67), size("", 1280, 960)]))
        }
        Kind::Video | Kind::Document | Kind::Audio | Kind::Voice | Kind::Sticker => {
            (kind.as_str(), telegram_file(written))
        }
        Kind::ButtonReply => {
            need(&written.payload, kind, "payload")?;
            return Ok(content);
        }
        Kind::Unsupported => ("dice", json!({"emoji": "🎲", "value": 4})),
        Kind::Reaction => return Err(unknown_here(kind, SandboxKind::Telegram)),
    };
    content.insert(name.to_owned(), value);
    if let Some(caption) = &written.caption {
        content.insert("caption".to_owned(), json!(caption));
    }
    if name == "text" {
        command_entities(&mut content);
    }
    Ok(content)
}

fn telegram_file(written: &Written) -> Value {
    let kind = written.kind();
    let id = written.media_id.clone().unwrap_or_else(media_id);
    let mime_type = written.mime_type.as_deref();
    let mut file = json!({
        "file_id": id, "file_unique_id": format!("u{id}"), "file_size": 48_213,
        "mime_type": mime_type.unwrap_or_else(|| kind.mime_type()),
    });
    if let Some(filename) = &written.filename {
        file["file_name"] = json!(filename);
    }
    if matches!(kind, Kind::Video | Kind::Audio | Kind::Voice) {
        file["duration"] = json!(7);
    }
    if matches!(kind, Kind::Video | Kind::Sticker) {
        file["width"] = json!(512);
        file["height"] = json!(512);
    }
    if kind == Kind::Sticker {
        file["type"] = json!("regular");
        file["is_animated"] = json!(false);
        file["is_video"] = json!(false);
    }
    file
}

/// Marks a command at the start, as Telegram does.
fn command_entities(content: &mut Map<String, Value>) {
    let Some(text) = content.get("text").and_then(Value::as_str) else {
        return;
    };
    if let Some(command) = text.split_whitespace().next()
        && command.starts_with('/')
        && command.len() > 1
    {
        let entity =
            json!([{"offset": 0, "length": command.encode_utf16().count(), "type": "bot_command"}]);
        content.insert("entities".to_owned(), entity);
    }
}
