//! In Messenger's words.

use serde_json::{Map, Value, json};

use super::{Kind, Written, need, unknown_here};
use crate::sandbox::channel::SandboxKind;
use crate::sandbox::control::refusal::Refusal;

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
            event.insert("mid".to_owned(), json!(need(&written.reply_to, kind, "reply_to")?));
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
        let payload = json!({"type": attachment, "payload": {"url": written.url}});
        event.insert("attachments".to_owned(), json!([payload]));
        if let Some(caption) = &written.caption {
            event.insert("text".to_owned(), json!(caption));
        }
    }
    Ok(("message", event))
}
