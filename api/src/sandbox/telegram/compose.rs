//! What a bot's message says, as strictly as the real Bot API takes it.

use serde_json::{Map, Value, json};

use crate::sandbox::ids::media_id;
use crate::sandbox::reply::{Reply, telegram_error};
use crate::sandbox::uploads::Upload;

type Arguments = Map<String, Value>;

/// Characters that a message may have.
const TEXT_LIMIT: usize = 4096;
/// Characters that may go under a file.
const CAPTION_LIMIT: usize = 1024;
/// Bytes that a photo may have.
const PHOTO_LIMIT: usize = 10 * 1024 * 1024;
/// Bytes that any other file may have.
const FILE_LIMIT: usize = 50 * 1024 * 1024;

/// A message that is well formed.
pub(in crate::sandbox) struct Composed {
    pub(super) kind: &'static str,
    pub(super) text: Option<String>,
    pub(super) content: Value,
    pub(super) file: Option<Upload>,
}

/// Reads what a method sends; `None` if it sends nothing.
pub(super) fn compose(
    method: &str,
    arguments: &Arguments,
    file: Option<(String, Upload)>,
) -> Option<Result<Composed, Reply>> {
    Some(match method {
        "sendmessage" => message(arguments),
        "sendphoto" => media("photo", "image", arguments, file),
        "sendvideo" => media("video", "video", arguments, file),
        "sendaudio" => media("audio", "audio", arguments, file),
        "sendvoice" => media("voice", "audio", arguments, file),
        "senddocument" => media("document", "document", arguments, file),
        "sendlocation" => location(arguments),
        "sendvenue" => venue(arguments),
        _ => return None,
    })
}

fn message(arguments: &Arguments) -> Result<Composed, Reply> {
    let text = arguments.get("text").and_then(Value::as_str).unwrap_or("");
    // Telegram cuts white space at both ends; a message of nothing else is empty.
    let text = text.trim();
    if text.is_empty() {
        return Err(telegram_error(400, "Bad Request: message text is empty"));
    }
    if text.chars().count() > TEXT_LIMIT {
        return Err(telegram_error(400, "Bad Request: message is too long"));
    }
    let mut content = json!({"text": text});
    let kind = match arguments.get("reply_markup") {
        Some(markup) => {
            keyboard(markup)?;
            content["reply_markup"] = markup.clone();
            "interactive"
        }
        None => "text",
    };
    Ok(Composed { kind, text: Some(text.to_owned()), content, file: None })
}

fn keyboard(markup: &Value) -> Result<(), Reply> {
    let rows = markup
        .get("inline_keyboard")
        .and_then(Value::as_array)
        .ok_or_else(|| telegram_error(400, "Bad Request: object expected as reply markup"))?;
    for button in rows.iter().flat_map(|row| row.as_array().into_iter().flatten()) {
        let word = |name: &str| button.get(name).and_then(Value::as_str).unwrap_or_default();
        if word("text").trim().is_empty() {
            let words = "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard";
            return Err(telegram_error(400, words));
        }
        if !(1..=64).contains(&word("callback_data").len()) {
            return Err(telegram_error(400, "Bad Request: BUTTON_DATA_INVALID"));
        }
    }
    Ok(())
}

fn media(
    field: &'static str,
    kind: &'static str,
    arguments: &Arguments,
    file: Option<(String, Upload)>,
) -> Result<Composed, Reply> {
    let Some((_, file)) = file.filter(|(name, _)| name == field) else {
        return Err(telegram_error(400, &format!("Bad Request: there is no {field} in the request")));
    };
    let caption =
        arguments.get("caption").and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    if caption.is_some_and(|text| text.chars().count() > CAPTION_LIMIT) {
        return Err(telegram_error(400, "Bad Request: message caption is too long"));
    }
    if file.size == 0 {
        return Err(telegram_error(400, "Bad Request: file must be non-empty"));
    }
    if file.size > FILE_LIMIT {
        return Err(telegram_error(413, "Request Entity Too Large"));
    }
    if field == "photo" && file.size > PHOTO_LIMIT {
        let words = format!(
            "Bad Request: file of size {} bytes is too big for a photo; the maximum size is {PHOTO_LIMIT} bytes",
            file.size
        );
        return Err(telegram_error(400, &words));
    }
    if field == "photo" && !file.content_type.starts_with("image/") {
        return Err(telegram_error(400, "Bad Request: IMAGE_PROCESS_FAILED"));
    }
    let mut about = json!({"file_id": media_id(), "file_unique_id": media_id(), "file_size": file.size});
    if field == "photo" {
        about["width"] = json!(1);
        about["height"] = json!(1);
        about = json!([about]);
    } else {
        about["mime_type"] = json!(file.content_type);
        about["file_name"] = json!(file.filename);
    }
    let mut content = json!({ field: about });
    if let Some(caption) = caption {
        content["caption"] = json!(caption);
    }
    Ok(Composed { kind, text: caption.map(str::to_owned), content, file: Some(file) })
}

/// A number, given as such or as text.
fn number(arguments: &Arguments, name: &str, limit: f64) -> Result<f64, Reply> {
    let number = match arguments.get(name) {
        Some(Value::String(text)) => text.parse().ok(),
        other => other.and_then(Value::as_f64),
    };
    number
        .filter(|number: &f64| number.abs() <= limit)
        .ok_or_else(|| telegram_error(400, &format!("Bad Request: {name} is invalid")))
}

fn location(arguments: &Arguments) -> Result<Composed, Reply> {
    let latitude = number(arguments, "latitude", 90.0)?;
    let longitude = number(arguments, "longitude", 180.0)?;
    let content = json!({"location": {"latitude": latitude, "longitude": longitude}});
    Ok(Composed { kind: "location", text: None, content, file: None })
}

fn venue(arguments: &Arguments) -> Result<Composed, Reply> {
    let place = location(arguments)?;
    let word = |name: &str| {
        let text = arguments.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| telegram_error(400, &format!("Bad Request: {name} must be non-empty")))
    };
    let (title, address) = (word("title")?, word("address")?);
    let mut content = place.content;
    content["venue"] = json!({"location": content["location"], "title": title, "address": address});
    Ok(Composed { text: Some(title.to_owned()), content, ..place })
}
