//! `POST /sandbox/customers/{id}/messages`: a customer writes.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpResponse, post};
use domain::time::Timestamp;
use serde_json::{Map, Value, json};

use super::compose::{Kind, Written, messenger, telegram, whatsapp, with_file};
use super::refusal::{Refusal, read_json};
use super::select;
use crate::sandbox::channel::{SandboxChannel, SandboxKind};
use crate::sandbox::deliver::{Outcome, Start, Webhook, start};
use crate::sandbox::faults::Event;
use crate::sandbox::ids::{Way, bsuid, digits, mid, random_token, wamid};
use crate::sandbox::shared::Shared;
use crate::sandbox::sign::{Escaping, encode};
use crate::sandbox::telegram::events as telegram_events;
use crate::sandbox::whatsapp::events::{Number, Person, inbound};
use crate::sandbox::world::{Customer, Direction, Entry, World};
use crate::sandbox::{messenger as messenger_channel, telegram as telegram_channel};

/// Writes as a customer; answered when the webhook's first attempt has ended.
#[post("/sandbox/customers/{id}/messages")]
pub(in crate::sandbox) async fn create_customer_message(
    path: Path<String>,
    body: Bytes,
    shared: Data<Arc<Shared>>,
) -> Result<HttpResponse, Refusal> {
    let written: Written = read_json(&body)?;
    let (webhook, provider_id) = write(&shared, &path, &written)?;
    let n = webhook.entry;
    shared.notify();
    let first = start(&shared, vec![webhook], Start::AtOnce);
    // An earlier update of the same Telegram chat may keep this one waiting for long.
    let patience = shared.webhook_timeout + Duration::from_secs(1);
    let outcome = match tokio::time::timeout(patience, first).await {
        Ok(Ok(outcome)) => outcome,
        _ => Outcome {
            webhook_error: Some("not tried yet: it waits for its turn".to_owned()),
            ..Outcome::default()
        },
    };
    let mut answer = if outcome.delivered { HttpResponse::Ok() } else { HttpResponse::Accepted() };
    Ok(answer.json(json!({
        "n": n,
        "provider_message_id": provider_id,
        "delivered": outcome.delivered,
        "webhook_status": outcome.webhook_status,
        "webhook_error": outcome.webhook_error,
        "fault": outcome.fault,
    })))
}

/// Records the message and makes its webhook.
fn write(shared: &Shared, id: &str, written: &Written) -> Result<(Webhook, String), Refusal> {
    let now = shared.now();
    let mut world = shared.world();
    let channel = select::channel(&world, written.channel.as_deref())?;
    let id = select::customer_id(channel.kind(), id)?;
    let (written, media) = &with_file(written, shared, &channel, &id, now)?;
    // Composed first, so that a refused message leaves nothing behind.
    let (content, event_name) = match channel.kind() {
        SandboxKind::Whatsapp => (whatsapp(written)?, "message"),
        SandboxKind::Messenger => messenger(written).map(|(name, event)| (event, name))?,
        SandboxKind::Telegram => (telegram(written)?, "message"),
    };
    let provider_id = provider_id(&mut world, &channel, &id, written, now)?;
    let customer = customer(&mut world, channel.account(), &id, written, now)?;
    let mut entry = entry(&channel, &id, written, &provider_id, now);
    entry.content = Value::Object(content.clone());
    let draft = Draft { id: &id, customer: &customer, entry: &entry, content, event_name, written, now };
    let body = draft.webhook(&mut world, &channel);
    if let Some(media) = media {
        world.keep_media(media.clone());
    }
    let n = world.record(entry);
    let webhook = Webhook {
        account: channel.account().to_owned(),
        kind: channel.kind(),
        customer: id,
        event: Event::Message,
        label: "message",
        body,
        entry: n,
        at: now,
    };
    Ok((webhook, provider_id))
}

fn provider_id(
    world: &mut World,
    channel: &SandboxChannel,
    customer: &str,
    written: &Written,
    now: Timestamp,
) -> Result<String, Refusal> {
    match (channel.kind(), &written.provider_message_id) {
        (SandboxKind::Telegram, Some(id)) => {
            let id = telegram_events::message_id(id);
            if id.parse::<i64>().is_err() {
                return Err(Refusal::invalid(
                    "`provider_message_id` on telegram is a number, or `<chat id>:<number>`",
                ));
            }
            Ok(format!("{customer}:{id}"))
        }
        (_, Some(id)) if id.is_empty() => Err(Refusal::invalid("`provider_message_id` is empty")),
        (_, Some(id)) => Ok(id.clone()),
        (SandboxKind::Whatsapp, None) if written.username_only == Some(true) => {
            Ok(wamid(&bsuid(customer), Way::FromCustomer))
        }
        (SandboxKind::Whatsapp, None) => Ok(wamid(customer, Way::FromCustomer)),
        (SandboxKind::Messenger, None) => Ok(mid()),
        (SandboxKind::Telegram, None) => Ok(format!("{customer}:{}", world.next_telegram_id(now))),
    }
}

/// Notes what the customer's message says about the customer.
fn customer(
    world: &mut World,
    account: &str,
    id: &str,
    written: &Written,
    now: Timestamp,
) -> Result<Customer, Refusal> {
    let customer = world.customer(account, id);
    if customer.blocked {
        return Err(Refusal::conflict(
            "this customer has blocked the business; unblock with PUT /sandbox/customers/{id} {\"blocked\": false}",
        ));
    }
    if written.name.is_some() {
        customer.name.clone_from(&written.name);
    }
    if let Some(username_only) = written.username_only {
        customer.username_only = username_only;
    }
    customer.last_wrote_at = Some(now);
    Ok(customer.clone())
}

fn entry(
    channel: &SandboxChannel,
    customer: &str,
    written: &Written,
    provider_id: &str,
    now: Timestamp,
) -> Entry {
    Entry {
        n: 0,
        at: now,
        channel: channel.account().to_owned(),
        channel_kind: channel.kind(),
        customer: customer.to_owned(),
        direction: Direction::Inbound,
        kind: written.kind().as_str().to_owned(),
        text: written.words(),
        provider_message_id: provider_id.to_owned(),
        reply_to: written.reply_to.clone(),
        status: "received",
        our_reference: None,
        content: Value::Null,
        file: None,
        reaction: None,
        webhooks: Vec::new(),
    }
}

/// A message on its way into a webhook.
struct Draft<'a> {
    id: &'a str,
    customer: &'a Customer,
    entry: &'a Entry,
    content: Map<String, Value>,
    event_name: &'static str,
    written: &'a Written,
    now: Timestamp,
}

impl Draft<'_> {
    /// The webhook's bytes, in the words of the channel.
    fn webhook(self, world: &mut World, channel: &SandboxChannel) -> Vec<u8> {
        match channel {
            SandboxChannel::Whatsapp { phone_number_id, display_phone_number, waba_id, .. } => {
                let number = Number {
                    phone_number_id: phone_number_id.clone(),
                    display_phone_number: display_phone_number.clone(),
                    waba_id: waba_id.clone(),
                };
                encode(&self.whatsapp(world, &number), Escaping::Unicode)
            }
            SandboxChannel::Messenger { page_id, .. } => {
                encode(&self.messenger(world, page_id), Escaping::UnicodeAndSlash)
            }
            SandboxChannel::Telegram { .. } => {
                encode(&self.telegram(world, channel.account()), Escaping::None)
            }
        }
    }

    fn whatsapp(self, world: &World, number: &Number) -> Value {
        let mut message = self.content;
        if let (Some(reply_to), false) = (&self.written.reply_to, self.written.kind() == Kind::Reaction) {
            let by_customer = world
                .by_provider_id(&number.phone_number_id, reply_to)
                .is_some_and(|entry| entry.direction == Direction::Inbound);
            let from = if by_customer { self.id.to_owned() } else { digits(&number.display_phone_number) };
            message.insert("context".to_owned(), json!({"from": from, "id": reply_to}));
        }
        message.extend(self.written.raw.clone());
        let person = Person {
            phone: self.id.to_owned(),
            name: self.customer.name.clone(),
            username_only: self.customer.username_only,
        };
        let id = &self.entry.provider_message_id;
        inbound(number, &person, id, self.now, message)
    }

    fn messenger(self, world: &World, page_id: &str) -> Value {
        let mut event = self.content;
        if self.event_name == "message" {
            event.insert("mid".to_owned(), json!(self.entry.provider_message_id));
            if let Some(reply_to) = &self.written.reply_to {
                let own = world
                    .by_provider_id(page_id, reply_to)
                    .is_some_and(|entry| entry.direction == Direction::Inbound);
                event.insert("reply_to".to_owned(), json!({"mid": reply_to, "is_self_reply": own}));
            }
        }
        event.extend(self.written.raw.clone());
        let event = Value::Object(event);
        messenger_channel::events::event(page_id, self.id, self.now, self.event_name, &event)
    }

    fn telegram(self, world: &mut World, bot: &str) -> Value {
        let name = self.customer.name.as_deref();
        let replied = self.written.reply_to.as_deref().and_then(|reply_to| {
            let id = telegram_events::message_id(reply_to);
            let entry = world.by_provider_id(bot, &format!("{}:{id}", self.id))?;
            Some(telegram_events::message(bot, entry, name, None))
        });
        let update_id = world.next_telegram_id(self.now) + telegram_channel::UPDATE_OFFSET;
        if self.written.kind() == Kind::ButtonReply {
            let mut query = json!({
                "id": random_token(12), "from": telegram_events::user(self.id, name),
                "chat_instance": self.id, "data": self.written.payload,
            });
            if let Some(message) = replied {
                query["message"] = message;
            }
            return telegram_events::update(update_id, "callback_query", &query);
        }
        let mut message = telegram_events::message(bot, self.entry, name, replied);
        if let Value::Object(object) = &mut message {
            object.extend(self.written.raw.clone());
        }
        telegram_events::update(update_id, "message", &message)
    }
}
