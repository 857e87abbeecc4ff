//! In WhatsApp's words.

use serde_json::{Map, Value, json};

use super::{Kind, Written, need};
use crate::sandbox::control::refusal::Refusal;

/// WhatsApp's message object, without ids and times.
pub(in crate::sandbox) fn whatsapp(written: &Written) -> Result<Map<String, Value>, Refusal> {
    let kind = written.kind();
    let (name, content) = match kind {
        Kind::Text => ("text", json!({"body": written.text(4096)?})),
        Kind::Image | Kind::Video | Kind::Document | Kind::Audio => (kind.as_str(), whatsapp_media(written)),
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
            let reply = json!({"id": need(&written.payload, kind, "payload")?, "title": written.text(20)?});
            ("interactive", json!({"type": "button_reply", "button_reply": reply}))
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
    media.insert("sha256".to_owned(), json!(written.sha256));
    Value::Object(media)
}
