//! Methods that a customer notices.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use domain::channel::ChannelKind;
use serde_json::{Map, Value, json};

use super::compose::Composed;
use super::events::{message, message_id};
use crate::sandbox::channel::SandboxKind;
use crate::sandbox::exchange::{Accepted, Parties, exchange};
use crate::sandbox::faults::Target;
use crate::sandbox::reply::{Reply, telegram_error};
use crate::sandbox::shared::Shared;
use crate::sandbox::world::{Direction, Entry, World};

type Arguments = Map<String, Value>;

fn parties(bot: &str, arguments: &Arguments) -> Parties {
    Parties {
        target: Target::Send,
        account: bot.to_owned(),
        kind: SandboxKind::Telegram,
        customer: digits_of(arguments.get("chat_id")).unwrap_or_default(),
    }
}

/// A message that is well formed, or why it is not.
pub(in crate::sandbox) async fn send(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    bot: &str,
    arguments: &Arguments,
    composed: Result<Composed, Reply>,
) -> HttpResponse {
    let parties = parties(bot, arguments);
    exchange(shared, request, parties, |shared| accept(shared, bot, arguments, composed?)).await
}

/// `setMessageReaction`.
pub(in crate::sandbox) async fn set_reaction(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    bot: &str,
    arguments: &Arguments,
) -> HttpResponse {
    exchange(shared, request, parties(bot, arguments), |shared| {
        let mut world = shared.world();
        let chat = chat_of(&world, bot, arguments)?;
        let emoji = reaction_of(arguments)?;
        let id = digits_of(arguments.get("message_id")).unwrap_or_default();
        if !world.react(bot, &chat, &format!("{chat}:{id}"), emoji.as_deref()) {
            return Err(telegram_error(400, "Bad Request: message to react not found"));
        }
        Ok(Accepted { reply: Reply::ok(json!({"ok": true, "result": true})), callbacks: Vec::new() })
    })
    .await
}

/// At most one emoji of those that everybody may use.
fn reaction_of(arguments: &Arguments) -> Result<Option<String>, Reply> {
    let list = match arguments.get("reaction") {
        None => return Ok(None),
        Some(list) => list.as_array().map(Vec::as_slice),
    };
    match list {
        Some([]) => Ok(None),
        Some([one]) => {
            let known = ChannelKind::Telegram.reaction_emojis().unwrap_or_default();
            let emoji = one.get("emoji").and_then(Value::as_str).filter(|emoji| known.contains(emoji));
            let emoji = emoji.filter(|_| one.get("type") == Some(&json!("emoji")));
            emoji
                .map(|emoji| Some(emoji.to_owned()))
                .ok_or_else(|| telegram_error(400, "Bad Request: REACTION_INVALID"))
        }
        _ => Err(telegram_error(400, "Bad Request: REACTIONS_TOO_MANY")),
    }
}

/// A number, given as such or as text.
fn digits_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// The chat, if the customer has started one and not blocked the bot.
fn chat_of(world: &World, bot: &str, arguments: &Arguments) -> Result<String, Reply> {
    let chat = digits_of(arguments.get("chat_id"))
        .ok_or_else(|| telegram_error(400, "Bad Request: chat_id is empty"))?;
    // A bot can only write to people who wrote to it first.
    let customer = world
        .known_customer(bot, &chat)
        .filter(|customer| customer.last_wrote_at.is_some())
        .ok_or_else(|| telegram_error(400, "Bad Request: chat not found"))?;
    if customer.blocked {
        return Err(telegram_error(403, "Forbidden: bot was blocked by the user"));
    }
    Ok(chat)
}

/// `sendChatAction`.
pub(in crate::sandbox) fn send_chat_action(shared: &Arc<Shared>, bot: &str, arguments: &Arguments) -> Reply {
    let known = [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    ];
    let action = arguments.get("action").and_then(Value::as_str);
    let mut world = shared.world();
    let chat = match chat_of(&world, bot, arguments) {
        Ok(chat) => chat,
        Err(reply) => return reply,
    };
    if !action.is_some_and(|action| known.contains(&action)) {
        return telegram_error(400, "Bad Request: wrong parameter action in request");
    }
    if action == Some("typing") {
        world.customer(bot, &chat).typing_seen += 1;
    }
    drop(world);
    shared.notify();
    Reply::ok(json!({"ok": true, "result": true}))
}

fn accept(
    shared: &Arc<Shared>,
    bot: &str,
    arguments: &Arguments,
    composed: Composed,
) -> Result<Accepted, Reply> {
    let now = shared.now();
    let mut world = shared.world();
    let chat = chat_of(&world, bot, arguments)?;
    let replied = replied_to(&world, bot, &chat, arguments)?;
    let id = world.next_telegram_id(now);
    let name = world.customer(bot, &chat).name.clone();
    let entry = Entry {
        n: 0,
        at: now,
        channel: bot.to_owned(),
        channel_kind: SandboxKind::Telegram,
        customer: chat.clone(),
        direction: Direction::Outbound,
        kind: composed.kind.to_owned(),
        text: composed.text,
        provider_message_id: format!("{chat}:{id}"),
        reply_to: replied.as_ref().map(|entry| entry.provider_message_id.clone()),
        // Telegram tells bots nothing after this.
        status: "delivered",
        our_reference: None,
        content: composed.content,
        file: composed.file,
        reaction: None,
        webhooks: Vec::new(),
    };
    let replied = replied.map(|entry| message(bot, &entry, name.as_deref(), None));
    let result = message(bot, &entry, name.as_deref(), replied);
    world.record(entry);
    Ok(Accepted { reply: Reply::ok(json!({"ok": true, "result": result})), callbacks: Vec::new() })
}

/// The message that `reply_parameters` names.
fn replied_to(world: &World, bot: &str, chat: &str, arguments: &Arguments) -> Result<Option<Entry>, Reply> {
    let Some(parameters) = arguments.get("reply_parameters") else {
        return Ok(None);
    };
    let id = digits_of(parameters.get("message_id")).ok_or_else(|| {
        telegram_error(400, "Bad Request: can't parse reply parameters: Can't find field \"message_id\"")
    })?;
    let found = world.by_provider_id(bot, &format!("{chat}:{}", message_id(&id)));
    let may_miss = parameters.get("allow_sending_without_reply") == Some(&json!(true));
    match found {
        None if !may_miss => Err(telegram_error(400, "Bad Request: message to be replied not found")),
        found => Ok(found.cloned()),
    }
}
