//! In Telegram's words.

use serde_json::{Map, Value, json};

use super::{Kind, Written, need, unknown_here};
use crate::sandbox::channel::SandboxKind;
use crate::sandbox::control::refusal::Refusal;
use crate::sandbox::ids::media_id;

/// Telegram's message content, without ids, people and times. A pressed button is no message and has its own update.
pub(in crate::sandbox) fn telegram(written: &Written) -> Result<Map<String, Value>, Refusal> {
    let kind = written.kind();
    let mut content = Map::new();
    let (name, value) = match kind {
        Kind::Text => ("text", json!(written.text(4096)?)),
        Kind::Location => {
            let place = need(&written.location, kind, "location")?;
            ("location", json!({"latitude": place.latitude, "longitude": place.longitude}))
        }
        Kind::Contact => {
            let card = need(&written.contact, kind, "contact")?;
            ("contact", json!({"phone_number": card.phone, "first_name": card.name}))
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
        "file_id": id, "file_unique_id": format!("u{id}"), "file_size": written.size_bytes,
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
        let entity = json!([{"offset": 0, "length": command.encode_utf16().count(), "type": "bot_command"}]);
        content.insert("entities".to_owned(), entity);
    }
}
