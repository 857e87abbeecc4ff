//! Telegram's updates (Bot API 10.0): one per webhook call.

use domain::inbound::{InboundEdit, InboundEvent, InboundKind, Sender};
use domain::resource::ChoiceType;
use domain::time::Timestamp;
use serde_json::Value;

use super::message;
use crate::channels::InboundBodyError;
use crate::channels::draft::{self, Draft, Envelope, event, ignored};
use crate::channels::json::{self, field, id, id_at, text_at};

/// Takes an update apart. Telegram does not name the bot in it, so the caller says whose webhook was
/// called: the events are addressed to `bot_id`. `received_at` stands in where the provider's time
/// is missing or absurd.
///
/// A pressed button has no message of its own; its id here is `<chat id>:callback:<callback id>`,
/// and `content.choice.press_id` is what `answerCallbackQuery` needs within seconds.
///
/// # Errors
///
/// [`InboundBodyError`] if the bytes are no JSON object with an `update_id`.
pub fn parse(
    body: &[u8],
    bot_id: &str,
    received_at: Timestamp,
) -> Result<Vec<InboundEvent>, InboundBodyError> {
    let text = json::clean(body);
    let root = json::root(&text)?;
    if id(&field(&root, "update_id")).is_none() {
        return Err(InboundBodyError::NotThisProvider);
    }
    let raw = |key: &str| root.get(key).map(|raw| raw.get());
    let what = if let Some(raw) = raw("message") {
        read_message(raw, received_at)
    } else if let Some(raw) = raw("edited_message") {
        read_edit(raw, received_at)
    } else if let Some(raw) = raw("callback_query") {
        press(raw, received_at)
    } else if let Some(raw) = raw("my_chat_member") {
        membership(raw, received_at)
    } else if raw("channel_post").or(raw("edited_channel_post")).is_some() {
        ignored("channel post")
    } else {
        ignored("update of an unused kind")
    };
    Ok(vec![event(bot_id, what)])
}

/// The parts of a message that say who, when and which; the reason to ignore it otherwise.
fn envelope(raw: &str, received_at: Timestamp) -> Result<Envelope, &'static str> {
    let head = json::object(raw).ok_or("message is not an object")?;
    let chat = field(&head, "chat");
    if !is_private(&chat) {
        return Err("not a private chat");
    }
    let sender = sender(&chat, &field(&head, "from"));
    let (Some(sender), Some(message)) = (sender, id(&field(&head, "message_id"))) else {
        return Err("message without id or sender");
    };
    let replied = id_at(&field(&head, "reply_to_message"), "/message_id");
    Ok(Envelope {
        id: in_chat(&sender, &message),
        reply_to: replied.map(|replied| in_chat(&sender, &replied)),
        at: json::seconds(&field(&head, "date")).unwrap_or(received_at),
        sender,
        raw: raw.to_owned(),
    })
}

fn read_message(raw: &str, received_at: Timestamp) -> InboundKind {
    let envelope = match envelope(raw, received_at) {
        Ok(envelope) => envelope,
        Err(why) => return ignored(why),
    };
    match json::value(raw) {
        Some(body) if message::is_service_note(&body) => ignored("service message"),
        Some(body) => draft::message(message::read(&body), envelope),
        None => draft::message(Draft::unsupported(None), envelope),
    }
}

fn read_edit(raw: &str, received_at: Timestamp) -> InboundKind {
    let envelope = match envelope(raw, received_at) {
        Ok(envelope) => envelope,
        Err(why) => return ignored(why),
    };
    let Some(body) = json::value(raw) else {
        return ignored("edit cannot be read");
    };
    let edited_at = body.get("edit_date").and_then(json::seconds);
    InboundKind::Edit(Box::new(InboundEdit {
        message: message::read(&body).into_message(envelope),
        edited_at: edited_at.unwrap_or(received_at),
    }))
}

/// A pressed inline button. The pressed message may be too old to come along whole (its date is 0
/// then), and the press itself has no time.
fn press(raw: &str, received_at: Timestamp) -> InboundKind {
    let body = json::value(raw).unwrap_or_default();
    let chat = body.pointer("/message/chat").cloned().unwrap_or_default();
    if !is_private(&chat) {
        return ignored("button outside of a private chat");
    }
    let sender = sender(&chat, body.get("from").unwrap_or(&Value::Null));
    let (Some(query), Some(sender)) = (id_at(&body, "/id"), sender) else {
        return ignored("button press without id or sender");
    };
    let payload = text_at(&body, "/data");
    let words = payload.as_ref().and_then(|data| message::button_words(&body, data));
    let mut draft = Draft::choice(ChoiceType::ButtonReply, payload, words);
    if let Some(choice) = &mut draft.content.choice {
        choice.press_id = Some(query.clone());
    }
    let pressed = id_at(&body, "/message/message_id");
    let envelope = Envelope {
        id: format!("{}:callback:{query}", sender.external_id),
        reply_to: pressed.map(|pressed| in_chat(&sender, &pressed)),
        at: received_at,
        sender,
        raw: raw.to_owned(),
    };
    draft::message(draft, envelope)
}

/// In a private chat `kicked` means that the customer blocked the bot, `member` that it is let in.
fn membership(raw: &str, received_at: Timestamp) -> InboundKind {
    let body = json::value(raw).unwrap_or_default();
    let chat = body.get("chat").cloned().unwrap_or_default();
    if !is_private(&chat) {
        return ignored("not a private chat");
    }
    let blocked = match body.pointer("/new_chat_member/status").and_then(Value::as_str) {
        Some("kicked") => true,
        Some("member") => false,
        _ => return ignored("membership of an unknown status"),
    };
    match sender(&chat, body.get("from").unwrap_or(&Value::Null)) {
        Some(sender) => InboundKind::BotBlocked {
            sender,
            blocked,
            at: body.get("date").and_then(json::seconds).unwrap_or(received_at),
        },
        None => ignored("membership without a chat"),
    }
}

fn is_private(chat: &Value) -> bool {
    chat.get("type").and_then(Value::as_str) == Some("private")
}

/// The customer: a private chat's id is the customer's id, and the chat repeats the names.
fn sender(chat: &Value, from: &Value) -> Option<Sender> {
    let word = |pointer| text_at(from, pointer).or_else(|| text_at(chat, pointer));
    let names = [word("/first_name"), word("/last_name")];
    let names = names.into_iter().flatten().collect::<Vec<_>>();
    Some(Sender {
        external_id: id_at(chat, "/id")?,
        phone: None,
        username: draft::username(word("/username")),
        name: draft::name(Some(names.join(" "))),
        email: None,
    })
}

/// A message id is unique inside its chat only.
fn in_chat(sender: &Sender, message_id: &str) -> String {
    format!("{}:{message_id}", sender.external_id)
}
