//! Whether the real Messenger would take a message.

use serde_json::{Map, Value, json};

use crate::sandbox::reply::GraphError;

type Object = Map<String, Value>;

/// Tags that were retired on 27 April 2026.
const RETIRED_TAGS: [&str; 3] = ["CONFIRMED_EVENT_UPDATE", "ACCOUNT_UPDATE", "POST_PURCHASE_UPDATE"];

/// What a call asks for.
#[derive(Debug, Clone)]
pub(in crate::sandbox) enum Asked {
    /// `sender_action`.
    Action(String),
    /// An emoji to be put on a message, or taken off.
    Reaction { mid: String, emoji: Option<String> },
    /// A message.
    Message(Checked),
}

/// A message that is well formed.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Checked {
    pub(in crate::sandbox) kind: String,
    pub(in crate::sandbox) text: Option<String>,
    pub(in crate::sandbox) content: Value,
    pub(in crate::sandbox) reply_to: Option<String>,
    pub(in crate::sandbox) reference: Option<String>,
    /// Whether a person wrote it, which opens the seven-day window.
    pub(in crate::sandbox) human_agent: bool,
}

/// Checks a call's form. Whom it goes to and when is not looked at.
pub(in crate::sandbox) fn call(body: &Object) -> Result<Asked, GraphError> {
    if let Some(action) = body.get("sender_action") {
        let action = action.as_str().unwrap_or_default();
        let known = ["typing_on", "typing_off", "mark_seen", "react", "unreact"];
        if !known.contains(&action) {
            return Err(GraphError::new(
                100,
                "Param sender_action must be one of {MARK_SEEN, TYPING_ON, TYPING_OFF, REACT, UNREACT}",
            ));
        }
        return match (body.contains_key("message"), action) {
            (true, _) => Err(GraphError::new(100, "Cannot send both a message and a sender_action")),
            (false, "react" | "unreact") => reaction(action, body.get("payload")),
            (false, _) => Ok(Asked::Action(action.to_owned())),
        };
    }
    let human_agent = tag(body)?;
    let Some(Value::Object(message)) = body.get("message") else {
        return Err(GraphError::new(100, "Param message must be non-empty, a template, or an attachment"));
    };
    let (kind, text) = content(message)?;
    quick_replies(message)?;
    Ok(Asked::Message(Checked {
        kind,
        text,
        content: json!(message),
        reply_to: body
            .get("reply_to")
            .and_then(|reply| reply.get("mid"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        reference: message.get("metadata").and_then(Value::as_str).map(str::to_owned),
        human_agent,
    }))
}

fn reaction(action: &str, payload: Option<&Value>) -> Result<Asked, GraphError> {
    let word = |name: &str| payload.and_then(|payload| payload.get(name)).and_then(Value::as_str);
    let mid = word("message_id").ok_or_else(|| GraphError::required("payload[message_id]"))?.to_owned();
    let emoji = match action {
        "react" => {
            let emoji = word("reaction").filter(|emoji| !emoji.is_empty());
            Some(emoji.ok_or_else(|| GraphError::required("payload[reaction]"))?.to_owned())
        }
        _ => None,
    };
    Ok(Asked::Reaction { mid, emoji })
}

/// Reads `messaging_type` and `tag`; whether the tag is HUMAN_AGENT.
fn tag(body: &Object) -> Result<bool, GraphError> {
    let tag = body.get("tag").and_then(Value::as_str);
    match (body.get("messaging_type").and_then(Value::as_str), tag) {
        (Some("RESPONSE" | "UPDATE"), None) => Ok(false),
        (Some("MESSAGE_TAG"), Some("HUMAN_AGENT")) => Ok(true),
        (Some("MESSAGE_TAG"), Some(tag)) if RETIRED_TAGS.contains(&tag) => {
            Err(GraphError::new(100, format!("Message tag {tag} is no longer supported.")))
        }
        (Some("MESSAGE_TAG"), Some(_)) => Err(GraphError::new(100, "Param tag must be one of {HUMAN_AGENT}")),
        (Some("MESSAGE_TAG"), None) => {
            Err(GraphError::new(100, "Tag is required when messaging_type is MESSAGE_TAG"))
        }
        (Some("RESPONSE" | "UPDATE"), Some(_)) => {
            Err(GraphError::new(100, "Param tag is only valid with messaging_type MESSAGE_TAG"))
        }
        _ => Err(GraphError::new(100, "Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}")),
    }
}

/// Exactly one of text, attachment, attachments.
fn content(message: &Object) -> Result<(String, Option<String>), GraphError> {
    let parts = ["text", "attachment", "attachments"];
    let present: Vec<&str> = parts.into_iter().filter(|part| message.contains_key(*part)).collect();
    match present[..] {
        ["text"] => text(message.get("text")).map(|text| ("text".to_owned(), Some(text))),
        ["attachment"] => {
            attachment(message.get("attachment").unwrap_or(&Value::Null)).map(|kind| (kind, None))
        }
        ["attachments"] => attachments(message.get("attachments")).map(|kind| (kind, None)),
        [] => Err(GraphError::new(100, "Param message must be non-empty, a template, or an attachment")),
        _ => Err(GraphError::new(100, "Cannot send both text and attachment in one message")),
    }
}

fn text(value: Option<&Value>) -> Result<String, GraphError> {
    match value.and_then(Value::as_str) {
        None => Err(GraphError::new(100, "Param message[text] must be a string")),
        Some("") => Err(GraphError::new(100, "Param message[text] must be non-empty")),
        Some(text) if text.chars().count() > 2000 => {
            Err(GraphError::new(100, "Length of param message[text] must be less than or equal to 2000"))
        }
        Some(text) => Ok(text.to_owned()),
    }
}

fn attachment(value: &Value) -> Result<String, GraphError> {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    if !["image", "audio", "video", "file", "template"].contains(&kind) {
        return Err(GraphError::new(
            100,
            "Param attachment[type] must be one of {audio, file, image, template, video}",
        )
        .subcode(2_018_047));
    }
    let payload = value.get("payload");
    let has = |name: &str| payload.is_some_and(|payload| payload.get(name).is_some());
    if kind != "template" && !has("url") && !has("attachment_id") {
        return Err(GraphError::new(100, "Param attachment[payload] must have a url or an attachment_id"));
    }
    Ok(kind.to_owned())
}

fn attachments(value: Option<&Value>) -> Result<String, GraphError> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice);
    let Some(list @ [_, ..]) = list else {
        return Err(GraphError::new(100, "Param message[attachments] must be a non-empty array"));
    };
    if list.len() > 30 {
        return Err(GraphError::new(100, "Param message[attachments] must have at most 30 elements"));
    }
    for one in list {
        if attachment(one)? != "image" {
            return Err(GraphError::new(100, "Param message[attachments] may hold images only"));
        }
    }
    Ok("image".to_owned())
}

fn quick_replies(message: &Object) -> Result<(), GraphError> {
    match message.get("quick_replies") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(list)) if (1..=13).contains(&list.len()) => list.iter().try_for_each(quick_reply),
        Some(_) => {
            Err(GraphError::new(100, "Param message[quick_replies] must be an array of at most 13 elements"))
        }
    }
}

fn quick_reply(reply: &Value) -> Result<(), GraphError> {
    let fits = |name: &str, limit: usize| {
        let text = reply.get(name).and_then(Value::as_str);
        text.is_some_and(|text| (1..=limit).contains(&text.chars().count()))
    };
    if reply.get("content_type") != Some(&json!("text")) {
        return Err(GraphError::new(100, "Param quick_replies[content_type] must be text"));
    }
    if !fits("title", 20) || !fits("payload", 1000) {
        return Err(GraphError::new(
            100,
            "Param quick_replies[title] must have 1 to 20 characters, quick_replies[payload] 1 to 1000",
        ));
    }
    Ok(())
}
