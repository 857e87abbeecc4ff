//! Telegram's objects and updates.

use domain::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::sandbox::world::{Direction, Entry};

/// The bot as a user.
pub(in crate::sandbox) fn bot(bot_id: &str) -> Value {
    json!({
        "id": number(bot_id),
        "is_bot": true,
        "first_name": "Tanggap Sandbox",
        "username": format!("tanggap_sandbox_{bot_id}_bot"),
    })
}

/// A number where the text is one.
pub(in crate::sandbox) fn number(text: &str) -> Value {
    text.parse::<i64>().map_or(Value::Null, Value::from)
}

fn names(name: Option<&str>) -> (String, Option<String>) {
    let name = name.unwrap_or("Pelanggan").trim();
    match name.split_once(' ') {
        Some((first, last)) => (first.to_owned(), Some(last.trim().to_owned())),
        None => (name.to_owned(), None),
    }
}

fn person(chat_id: &str, name: Option<&str>) -> Map<String, Value> {
    let (first, last) = names(name);
    let mut person = Map::new();
    person.insert("id".to_owned(), number(chat_id));
    person.insert("first_name".to_owned(), json!(first));
    if let Some(last) = last {
        person.insert("last_name".to_owned(), json!(last));
    }
    person
}

/// The customer as a user.
pub(in crate::sandbox) fn user(chat_id: &str, name: Option<&str>) -> Value {
    let mut user = person(chat_id, name);
    user.insert("is_bot".to_owned(), json!(false));
    user.insert("language_code".to_owned(), json!("id"));
    Value::Object(user)
}

/// The private chat with the customer.
pub(in crate::sandbox) fn chat(chat_id: &str, name: Option<&str>) -> Value {
    let mut chat = person(chat_id, name);
    chat.insert("type".to_owned(), json!("private"));
    Value::Object(chat)
}

/// The message id inside `<chat id>:<message id>`, or the text itself.
pub(in crate::sandbox) fn message_id(provider_id: &str) -> &str {
    provider_id.rsplit_once(':').map_or(provider_id, |(_, id)| id)
}

/// The Message object of something that was written.
pub(in crate::sandbox) fn message(
    bot_id: &str,
    entry: &Entry,
    name: Option<&str>,
    replied: Option<Value>,
) -> Value {
    let mut message = match &entry.content {
        Value::Object(content) => content.clone(),
        _ => Map::new(),
    };
    let from = match entry.direction {
        Direction::Inbound => user(&entry.customer, name),
        Direction::Outbound => bot(bot_id),
    };
    message.insert("message_id".to_owned(), number(message_id(&entry.provider_message_id)));
    message.insert("from".to_owned(), from);
    message.insert("chat".to_owned(), chat(&entry.customer, name));
    message.entry("date").or_insert_with(|| json!(entry.at.unix_seconds()));
    if let Some(replied) = replied {
        message.insert("reply_to_message".to_owned(), replied);
    }
    Value::Object(message)
}

/// An update: one kind of event under its name.
pub(in crate::sandbox) fn update(update_id: i64, name: &str, event: &Value) -> Value {
    json!({"update_id": update_id, name: event})
}

/// A customer who blocked the bot, or took it back.
pub(in crate::sandbox) fn membership(
    bot_id: &str,
    chat_id: &str,
    name: Option<&str>,
    at: Timestamp,
    blocked: bool,
) -> Value {
    let member = |status: &str| {
        if status == "kicked" {
            json!({"user": bot(bot_id), "status": status, "until_date": 0})
        } else {
            json!({"user": bot(bot_id), "status": status})
        }
    };
    let (old, new) = if blocked { ("member", "kicked") } else { ("kicked", "member") };
    json!({
        "chat": chat(chat_id, name),
        "from": user(chat_id, name),
        "date": at.unix_seconds(),
        "old_chat_member": member(old),
        "new_chat_member": member(new),
    })
}
