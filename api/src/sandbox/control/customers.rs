//! `/sandbox/customers/{id}`: look at a customer's phone, and change how it behaves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpResponse, get, post, put};
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::refusal::{Refusal, read_json};
use super::select;
use crate::sandbox::channel::{SandboxChannel, SandboxKind};
use crate::sandbox::deliver::{Start, Webhook, start};
use crate::sandbox::faults::Event;
use crate::sandbox::shared::Shared;
use crate::sandbox::sign::{Escaping, encode};
use crate::sandbox::telegram::{UPDATE_OFFSET, events::membership, events::update};
use crate::sandbox::whatsapp::events::{Number, Person};
use crate::sandbox::whatsapp::send::Told;
use crate::sandbox::world::{Auto, Customer, Direction, Entry, World, rank};
use crate::sandbox::{messenger, whatsapp};

/// The longest wait of a long poll.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Which messages to show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sandbox) struct MessagesQuery {
    channel: Option<String>,
    direction: Option<String>,
    status: Option<String>,
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait: f64,
}

impl MessagesQuery {
    fn wants(&self, customer: &str, entry: &Entry) -> bool {
        let channel = self
            .channel
            .as_deref()
            .is_none_or(|name| name == entry.channel || name == entry.channel_kind.as_str());
        let direction = self
            .direction
            .as_deref()
            .is_none_or(|direction| (direction == "inbound") == (entry.direction == Direction::Inbound));
        let status = self.status.as_deref().is_none_or(|status| status == entry.status);
        entry.customer == customer && entry.n > self.after && channel && direction && status
    }
}

/// Everything that a customer sent and received, in order. With `wait` it is a long poll.
#[get("/sandbox/customers/{id}/messages")]
pub(in crate::sandbox) async fn list_customer_messages(
    path: Path<String>,
    query: Query<MessagesQuery>,
    shared: Data<Arc<Shared>>,
) -> Result<HttpResponse, Refusal> {
    let known =
        |name: &Option<String>, words: &[&str]| name.as_deref().is_none_or(|word| words.contains(&word));
    if !known(&query.direction, &["inbound", "outbound"]) {
        return Err(Refusal::invalid("`direction` is `inbound` or `outbound`"));
    }
    let id = path.strip_prefix('+').unwrap_or(&path).to_owned();
    let wait = Duration::try_from_secs_f64(query.wait)
        .map_err(|_| Refusal::invalid("`wait` is a number of seconds"))?
        .min(LONGEST_WAIT);
    let deadline = Instant::now() + wait;
    let mut changes = shared.changes();
    loop {
        let items: Vec<Entry> = {
            let world = shared.world();
            let wanted = world.log.iter().filter(|entry| query.wants(&id, entry));
            wanted.cloned().collect()
        };
        if !items.is_empty() || timeout_at(deadline, changes.changed()).await.is_err() {
            return Ok(HttpResponse::Ok().json(json!({ "items": items })));
        }
    }
}

/// Which account is meant.
#[derive(Deserialize)]
pub(in crate::sandbox) struct ChannelQuery {
    channel: Option<String>,
}

fn shown(channel: &SandboxChannel, id: &str, customer: &Customer) -> Value {
    let mut shown = json!(customer);
    shown["id"] = json!(id);
    shown["channel"] = json!(channel.account());
    shown["channel_kind"] = json!(channel.kind());
    if channel.kind() == SandboxKind::Whatsapp {
        shown["user_id"] = json!(crate::sandbox::ids::bsuid(id));
    }
    shown
}

/// A customer's settings, and what the phone shows.
#[get("/sandbox/customers/{id}")]
pub(in crate::sandbox) async fn get_customer(
    path: Path<String>,
    query: Query<ChannelQuery>,
    shared: Data<Arc<Shared>>,
) -> Result<HttpResponse, Refusal> {
    let world = shared.world();
    let channel = select::channel_of(&world, query.channel.as_deref(), &path)?;
    let id = select::customer_id(channel.kind(), &path)?;
    let customer = world
        .known_customer(channel.account(), &id)
        .ok_or_else(|| Refusal::not_found(format!("customer {id} is not known on {channel:?}")))?;
    Ok(HttpResponse::Ok().json(shown(&channel, &id, customer)))
}

/// What to change about a customer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    channel: Option<String>,
    auto: Option<Auto>,
    blocked: Option<bool>,
    name: Option<String>,
    username_only: Option<bool>,
}

/// Changes a customer's settings; what is left out stays.
#[put("/sandbox/customers/{id}")]
pub(in crate::sandbox) async fn update_customer(
    path: Path<String>,
    body: Bytes,
    shared: Data<Arc<Shared>>,
) -> Result<HttpResponse, Refusal> {
    let settings: Settings = read_json(&body)?;
    let mut world = shared.world();
    let channel = select::channel_of(&world, settings.channel.as_deref(), &path)?;
    let id = select::customer_id(channel.kind(), &path)?;
    let customer = world.customer(channel.account(), &id);
    let was_blocked = customer.blocked;
    customer.auto = settings.auto.unwrap_or(customer.auto);
    customer.blocked = settings.blocked.unwrap_or(customer.blocked);
    customer.username_only = settings.username_only.unwrap_or(customer.username_only);
    if settings.name.is_some() {
        customer.name = settings.name;
    }
    let customer = customer.clone();
    let told = (customer.blocked != was_blocked && channel.kind() == SandboxKind::Telegram)
        .then(|| tell_membership(&mut world, &shared, channel.account(), &id, &customer));
    drop(world);
    if let Some(webhook) = told {
        drop(start(&shared, vec![webhook], Start::AtOnce));
    }
    shared.notify();
    Ok(HttpResponse::Ok().json(shown(&channel, &id, &customer)))
}

/// Telegram tells the bot that it was blocked, or taken back.
fn tell_membership(
    world: &mut World,
    shared: &Shared,
    bot: &str,
    chat: &str,
    customer: &Customer,
) -> Webhook {
    let now = shared.now();
    let name = customer.name.as_deref();
    let event = membership(bot, chat, name, now, customer.blocked);
    let update_id = world.next_telegram_id(now) + UPDATE_OFFSET;
    Webhook {
        account: bot.to_owned(),
        kind: SandboxKind::Telegram,
        customer: chat.to_owned(),
        event: Event::Message,
        label: "my_chat_member",
        body: encode(&update(update_id, "my_chat_member", &event), Escaping::None),
        // About no message: there is no entry 0.
        entry: 0,
        at: now,
    }
}

/// Which account's messages the customer looks at.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Look {
    channel: Option<String>,
}

/// The customer looks at the chat: everything received is read.
#[post("/sandbox/customers/{id}/read")]
pub(in crate::sandbox) async fn read_customer_messages(
    path: Path<String>,
    body: Bytes,
    shared: Data<Arc<Shared>>,
) -> Result<HttpResponse, Refusal> {
    let look: Look = if body.is_empty() { Look::default() } else { read_json(&body)? };
    let (chains, count) = look_at_chat(&shared, &path, look.channel.as_deref())?;
    shared.notify();
    for chain in chains {
        drop(start(&shared, chain, Start::AtOnce));
    }
    Ok(HttpResponse::Ok().json(json!({ "read": count })))
}

/// The read callbacks of everything that is unread: one per WhatsApp message, one watermark on Messenger, none on Telegram.
fn look_at_chat(
    shared: &Shared,
    id: &str,
    channel: Option<&str>,
) -> Result<(Vec<Vec<Webhook>>, usize), Refusal> {
    let now = shared.now();
    let mut world = shared.world();
    let channel = select::channel_of(&world, channel, id)?;
    let id = select::customer_id(channel.kind(), id)?;
    let account = channel.account();
    let customer = world.customer(account, &id).clone();
    let mut unread = BTreeMap::new();
    for entry in &mut world.log {
        let theirs = entry.channel == account && entry.customer == id;
        let open = entry.direction == Direction::Outbound && rank(entry.status) < rank("read");
        if theirs && open {
            unread.insert(entry.n, (rank(entry.status) < rank("delivered"), entry.clone()));
            entry.status = "read";
        }
    }
    let count = unread.len();
    let chains = match &channel {
        SandboxChannel::Telegram { .. } => Vec::new(),
        SandboxChannel::Messenger { page_id, .. } => unread
            .into_values()
            .next_back()
            .map(|(_, entry)| {
                let mid = &entry.provider_message_id;
                messenger::send::callback(page_id, &id, mid, "read", entry.n, now)
            })
            .map(|webhook| vec![webhook])
            .into_iter()
            .collect(),
        SandboxChannel::Whatsapp { phone_number_id, display_phone_number, waba_id, .. } => {
            let number = Number {
                phone_number_id: phone_number_id.clone(),
                display_phone_number: display_phone_number.clone(),
                waba_id: waba_id.clone(),
            };
            let person = Person {
                phone: id.clone(),
                name: customer.name.clone(),
                username_only: customer.username_only,
            };
            unread
                .into_values()
                .map(|(undelivered, entry)| vec![read_status(&number, &person, &entry, undelivered, now)])
                .collect()
        }
    };
    Ok((chains, count))
}

/// A `read` of one WhatsApp message; it carries the price if no `delivered` did.
fn read_status(
    number: &Number,
    person: &Person,
    entry: &Entry,
    undelivered: bool,
    now: Timestamp,
) -> Webhook {
    let told = Told {
        id: &entry.provider_message_id,
        entry: entry.n,
        at: now,
        reference: entry.our_reference.as_deref(),
        is_template: entry.kind == "template",
    };
    whatsapp::send::callback(number, person, &told, "read", undelivered)
}
