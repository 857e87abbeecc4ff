//! Whether the real WhatsApp would take a message.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::sandbox::reply::GraphError;

/// A message that is well formed.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Checked {
    pub(in crate::sandbox) kind: String,
    pub(in crate::sandbox) text: Option<String>,
    pub(in crate::sandbox) content: Value,
    pub(in crate::sandbox) reply_to: Option<String>,
    pub(in crate::sandbox) reference: Option<String>,
}

type Object = Map<String, Value>;

/// Checks a message's form. Whom it goes to and when is not looked at.
pub(in crate::sandbox) fn message(body: &Object) -> Result<Checked, GraphError> {
    match body.get("recipient_type").and_then(Value::as_str) {
        None => return Err(GraphError::required("recipient_type")),
        Some("individual") => {}
        Some(_) => {
            return Err(GraphError::invalid("Param recipient_type must be one of {individual}"));
        }
    }
    if text_of(body, "to").is_none() && text_of(body, "recipient").is_none() {
        return Err(GraphError::required("to"));
    }
    let reference = match body.get("biz_opaque_callback_data") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.chars().count() <= 512 => Some(text.clone()),
        Some(_) => {
            return Err(GraphError::new(
                100,
                "Param biz_opaque_callback_data must be a string of at most 512 characters long.",
            ));
        }
    };
    let kind = text_of(body, "type").unwrap_or("text").to_owned();
    if !is_known(&kind) {
        return Err(GraphError::new(131_051, "Unsupported message type")
            .details(format!("Message type '{kind}' is not currently supported.")));
    }
    let content = body.get(&kind).cloned().ok_or_else(|| GraphError::required(&kind))?;
    let text = checked_content(&kind, &content)?;
    let reply_to = match body.get("context") {
        None | Some(Value::Null) => None,
        Some(context) => Some(
            context
                .get("message_id")
                .and_then(Value::as_str)
                .ok_or_else(|| GraphError::required("context['message_id']"))?
                .to_owned(),
        ),
    };
    Ok(Checked { kind, text, content, reply_to, reference })
}

fn is_known(kind: &str) -> bool {
    matches!(
        kind,
        "text"
            | "image"
            | "video"
            | "document"
            | "audio"
            | "sticker"
            | "location"
            | "contacts"
            | "reaction"
            | "interactive"
            | "template"
    )
}

/// A string that is there and not empty.
pub(in crate::sandbox) fn text_of<'a>(body: &'a Object, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Checks what goes with the type; yields the text that the customer reads.
fn checked_content(kind: &str, content: &Value) -> Result<Option<String>, GraphError> {
    if kind == "contacts" {
        return contacts(content).map(|()| None);
    }
    let Value::Object(object) = content else {
        return Err(GraphError::invalid(format!("Param {kind} must be an object.")));
    };
    match kind {
        "text" => required_text("text['body']", object.get("body"), 4096).map(Some),
        "image" | "video" | "document" => media(kind, object),
        "audio" | "sticker" => media(kind, object),
        "location" => location(object).map(|()| None),
        "reaction" => {
            required_text("reaction['message_id']", object.get("message_id"), 1024)?;
            Ok(object.get("emoji").and_then(Value::as_str).map(str::to_owned))
        }
        "template" => template(object),
        _ => interactive(object),
    }
}

/// A string that has to be there, of 1 to `limit` characters.
fn required_text(name: &str, value: Option<&Value>, limit: usize) -> Result<String, GraphError> {
    let Some(value) = value else {
        return Err(GraphError::required(name));
    };
    match value.as_str() {
        None => Err(GraphError::invalid(format!("Param {name} must be a string."))),
        Some("") => Err(GraphError::invalid(format!("Param {name} cannot be empty."))),
        Some(text) if text.chars().count() > limit => {
            Err(GraphError::new(100, format!("Param {name} must be at most {limit} characters long.")))
        }
        Some(text) => Ok(text.to_owned()),
    }
}

fn optional_text(name: &str, value: Option<&Value>, limit: usize) -> Result<Option<String>, GraphError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        some => required_text(name, some, limit).map(Some),
    }
}

fn media(kind: &str, object: &Object) -> Result<Option<String>, GraphError> {
    match (text_of(object, "id"), text_of(object, "link")) {
        (None, None) => return Err(GraphError::required(&format!("{kind}['id']"))),
        (Some(_), Some(_)) => {
            return Err(GraphError::invalid(format!("Param {kind} must have either id or link, not both.")));
        }
        (None, Some(link)) if !link.starts_with("https://") && !link.starts_with("http://") => {
            return Err(GraphError::invalid(format!("Param {kind}['link'] must be a valid URL.")));
        }
        _ => {}
    }
    let with_caption = !matches!(kind, "audio" | "sticker");
    if !with_caption && object.contains_key("caption") {
        return Err(GraphError::new(100, format!("Unexpected key \"caption\" on param \"{kind}\".")));
    }
    optional_text(&format!("{kind}['caption']"), object.get("caption"), 1024)
}

fn location(object: &Object) -> Result<(), GraphError> {
    for (name, limit) in [("latitude", 90.0), ("longitude", 180.0)] {
        // Both numbers and numbers in strings are taken.
        let number = match object.get(name) {
            Some(Value::String(text)) => text.parse::<f64>().ok(),
            other => other.and_then(Value::as_f64),
        };
        match number {
            None if !object.contains_key(name) => {
                return Err(GraphError::required(&format!("location['{name}']")));
            }
            Some(number) if number.abs() <= limit => {}
            _ => {
                return Err(GraphError::invalid(format!("Param location['{name}'] is out of range.")));
            }
        }
    }
    Ok(())
}

fn contacts(content: &Value) -> Result<(), GraphError> {
    let Some(list) = content.as_array() else {
        return Err(GraphError::invalid("Param contacts must be an array."));
    };
    if list.is_empty() || list.len() > 257 {
        return Err(GraphError::invalid("Param contacts must have 1 to 257 elements."));
    }
    for contact in list {
        required_text("contacts['name']['formatted_name']", contact.pointer("/name/formatted_name"), 1024)?;
    }
    Ok(())
}

fn template(object: &Object) -> Result<Option<String>, GraphError> {
    let name = required_text("template['name']", object.get("name"), 512)?;
    let language = object.get("language").and_then(|value| value.get("code"));
    required_text("template['language']['code']", language, 16)?;
    if !matches!(object.get("components"), None | Some(Value::Array(_))) {
        return Err(GraphError::invalid("Param template['components'] must be an array."));
    }
    Ok(Some(format!("[template {name}]")))
}

fn interactive(object: &Object) -> Result<Option<String>, GraphError> {
    let kind = text_of(object, "type").ok_or_else(|| GraphError::required("interactive['type']"))?;
    let body = required_text(
        "interactive['body']['text']",
        object.get("body").and_then(|body| body.get("text")),
        1024,
    )?;
    for part in ["header", "footer"] {
        let text = object.get(part).and_then(|value| value.get("text"));
        optional_text(&format!("interactive['{part}']['text']"), text, 60)?;
    }
    let action = object.get("action").ok_or_else(|| GraphError::required("interactive['action']"))?;
    match kind {
        "button" => buttons(action)?,
        "list" => list(action)?,
        // The others (flows, products, locations) are taken as they are.
        _ => {}
    }
    Ok(Some(body))
}

fn buttons(action: &Value) -> Result<(), GraphError> {
    let buttons = elements("buttons", action.get("buttons"), 3)?;
    let mut known = BTreeSet::new();
    for button in buttons {
        let reply = button.get("reply").filter(|_| button.get("type") == Some(&json!("reply")));
        let title = required_text("button title", reply.and_then(|reply| reply.get("title")), 20)?;
        let id = required_text("button id", reply.and_then(|reply| reply.get("id")), 256)?;
        if id.trim() != id || !known.insert(("id", id)) || !known.insert(("title", title)) {
            return Err(GraphError::invalid(
                "Buttons must have different ids and titles, ids without spaces around.",
            ));
        }
    }
    Ok(())
}

fn list(action: &Value) -> Result<(), GraphError> {
    required_text("interactive['action']['button']", action.get("button"), 20)?;
    let sections = elements("sections", action.get("sections"), 10)?;
    let (mut count, mut known) = (0, BTreeSet::new());
    for section in sections {
        if optional_text("section title", section.get("title"), 24)?.is_none() && sections.len() > 1 {
            return Err(GraphError::required("interactive['action']['sections'][0]['title']"));
        }
        let rows = elements("rows", section.get("rows"), 10)?;
        count += rows.len();
        for row in rows {
            required_text("row title", row.get("title"), 24)?;
            if !known.insert(required_text("row id", row.get("id"), 200)?) {
                return Err(GraphError::invalid("Rows must have different ids."));
            }
            optional_text("row description", row.get("description"), 72)?;
        }
    }
    if count > 10 {
        return Err(GraphError::invalid("Total row count exceed max allowed count: 10"));
    }
    Ok(())
}

fn elements<'a>(name: &str, value: Option<&'a Value>, limit: usize) -> Result<&'a [Value], GraphError> {
    match value.and_then(Value::as_array) {
        Some(list) if (1..=limit).contains(&list.len()) => Ok(list),
        _ => Err(GraphError::invalid(format!("Param {name} must have 1 to {limit} elements."))),
    }
}
