//! `POST /{version}/{phone_number_id}/messages` of WhatsApp.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use domain::time::Timestamp;
use serde_json::{Map, Value, json};

use super::check::{Checked, message, text_of};
use super::events::{Number, Person, Status, status, undeliverable};
use super::media;
use super::templates;
use crate::sandbox::channel::SandboxKind;
use crate::sandbox::deliver::Webhook;
use crate::sandbox::exchange::{Accepted, Parties, exchange};
use crate::sandbox::faults::{Event, Target};
use crate::sandbox::ids::{Way, bsuid, calling_code, digits, wamid};
use crate::sandbox::reply::{GraphError, Reply};
use crate::sandbox::shared::Shared;
use crate::sandbox::sign::{Escaping, encode};
use crate::sandbox::uploads::Upload;
use crate::sandbox::world::{Auto, Direction, Entry, World};

/// How long a customer's message lets the business answer freely.
const WINDOW: TimeDelta = TimeDelta::hours(24);

/// Answers one call to a WhatsApp number.
pub(in crate::sandbox) async fn handle(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    number: Number,
    body: Map<String, Value>,
) -> HttpResponse {
    if text_of(&body, "messaging_product") != Some("whatsapp") {
        return Reply::from(GraphError::required("messaging_product")).into_response();
    }
    if body.contains_key("status") {
        return match mark_read(shared, &number, &body) {
            Ok(reply) => reply.into_response(),
            Err(error) => Reply::from(error).into_response(),
        };
    }
    let recipient = resolve(&shared.world(), &number, &body);
    let parties = Parties {
        target: Target::Send,
        account: number.phone_number_id.clone(),
        kind: SandboxKind::Whatsapp,
        customer: recipient.phone.clone(),
    };
    exchange(shared, request, parties, |shared| {
        accept(shared, &number, &body, recipient).map_err(Reply::from)
    })
    .await
}

/// Whom a message goes to.
struct Recipient {
    /// As it was written in the request.
    input: String,
    /// The number it comes down to; for an unknown user id that id.
    phone: String,
    /// Whether a message there reaches nobody.
    nobody: bool,
}

/// Reads `to`, or `recipient`; with both, `to` wins. Without `+` a number gets the business number's country code.
fn resolve(world: &World, number: &Number, body: &Map<String, Value>) -> Recipient {
    let account = &number.phone_number_id;
    if let Some(to) = text_of(body, "to") {
        let international = to.trim_start().starts_with('+');
        let phone =
            if international { digits(to) } else { calling_code(&number.display_phone_number) + &digits(to) };
        let known = world.known_customer(account, &phone).is_some();
        return Recipient { input: to.to_owned(), nobody: !known && !international, phone };
    }
    let user_id = text_of(body, "recipient").unwrap_or_default();
    let known = world.customers.keys().find(|(of, phone)| of == account && bsuid(phone) == user_id);
    Recipient {
        input: user_id.to_owned(),
        nobody: known.is_none(),
        phone: known.map_or_else(|| user_id.to_owned(), |(_, phone)| phone.clone()),
    }
}

/// Marks what a customer wrote as read, maybe showing that the business is typing.
fn mark_read(shared: &Arc<Shared>, number: &Number, body: &Map<String, Value>) -> Result<Reply, GraphError> {
    if text_of(body, "status") != Some("read") {
        return Err(GraphError::invalid("Param status must be one of {read}"));
    }
    let id = text_of(body, "message_id").ok_or_else(|| GraphError::required("message_id"))?;
    let typing = match body.get("typing_indicator") {
        None => false,
        Some(typing) if typing.get("type") == Some(&json!("text")) => true,
        Some(_) => {
            return Err(GraphError::invalid("Param typing_indicator['type'] must be one of {text}"));
        }
    };
    let mut world = shared.world();
    let account = &number.phone_number_id;
    let found = world
        .by_provider_id(account, id)
        .filter(|entry| entry.direction == Direction::Inbound)
        .map(|entry| (entry.n, entry.customer.clone()));
    let Some((last, customer)) = found else {
        return Err(GraphError::invalid(
            "Message ID is invalid: no customer wrote this message to this number.",
        ));
    };
    for entry in &mut world.log {
        let earlier = entry.n <= last && entry.direction == Direction::Inbound;
        if earlier && entry.channel == *account && entry.customer == customer {
            entry.status = "seen";
        }
    }
    if typing {
        world.customer(account, &customer).typing_seen += 1;
    }
    drop(world);
    shared.notify();
    Ok(Reply::ok(json!({"success": true})))
}

fn accept(
    shared: &Arc<Shared>,
    number: &Number,
    body: &Map<String, Value>,
    to: Recipient,
) -> Result<Accepted, GraphError> {
    let mut checked = message(body)?;
    let now = shared.now();
    let mut world = shared.world();
    if checked.kind == "template" {
        checked.text = Some(templates::fitting(&world.templates, &number.waba_id, &checked.content)?);
    }
    allow(&mut world, number, &to, &checked, now)?;
    let account = &number.phone_number_id;
    if checked.kind == "reaction" {
        return react(&mut world, number, &to, (&checked, now));
    }
    let file = match checked.content.get("id").and_then(Value::as_str) {
        Some(id) => Some(media::named(&world, account, &checked.kind, id)?),
        None => None,
    };
    let customer = world.known_customer(account, &to.phone).cloned();
    let customer = customer.unwrap_or_default();
    let labels = match (to.nobody || customer.blocked, customer.auto) {
        (true, _) => &["failed"][..],
        (_, Auto::None) => &["sent"],
        (_, Auto::Delivered) => &["sent", "delivered"],
        (_, Auto::Read) => &["sent", "delivered", "read"],
    };
    let person =
        Person { phone: to.phone.clone(), name: customer.name, username_only: customer.username_only };
    let id = wamid(&to.phone, Way::ToCustomer);
    let told = Told {
        id: &id,
        entry: world.record(entry(account, &to.phone, &id, (&checked, file), now)),
        at: now,
        reference: checked.reference.as_deref(),
        is_template: checked.kind == "template",
    };
    let callbacks =
        labels.iter().map(|label| callback(number, &person, &told, label, *label != "read")).collect();
    Ok(Accepted { reply: answer(&to, &person, &told), callbacks })
}

/// Puts an emoji on a message of this chat, or takes it off. Nothing is told of it afterwards.
fn react(
    world: &mut World,
    number: &Number,
    to: &Recipient,
    (checked, now): (&Checked, Timestamp),
) -> Result<Accepted, GraphError> {
    let id = checked.content.get("message_id").and_then(Value::as_str).unwrap_or_default();
    let emoji = checked.text.as_deref().filter(|emoji| !emoji.is_empty());
    let account = &number.phone_number_id;
    if !world.react(account, &to.phone, id, emoji) {
        return Err(GraphError::invalid("Message ID is invalid: it is not a message of this conversation."));
    }
    let customer = world.known_customer(account, &to.phone).cloned().unwrap_or_default();
    let person =
        Person { phone: to.phone.clone(), name: customer.name, username_only: customer.username_only };
    let id = wamid(&to.phone, Way::ToCustomer);
    let told = Told { id: &id, entry: 0, at: now, reference: None, is_template: false };
    Ok(Accepted { reply: answer(to, &person, &told), callbacks: Vec::new() })
}

fn entry(
    account: &str,
    phone: &str,
    id: &str,
    (checked, file): (&Checked, Option<Upload>),
    now: Timestamp,
) -> Entry {
    Entry {
        n: 0,
        at: now,
        channel: account.to_owned(),
        channel_kind: SandboxKind::Whatsapp,
        customer: phone.to_owned(),
        direction: Direction::Outbound,
        kind: checked.kind.clone(),
        text: checked.text.clone(),
        provider_message_id: id.to_owned(),
        reply_to: checked.reply_to.clone(),
        status: "accepted",
        our_reference: checked.reference.clone(),
        content: checked.content.clone(),
        file,
        reaction: None,
        webhooks: Vec::new(),
    }
}

/// What a send is answered with when it is accepted.
fn answer(to: &Recipient, person: &Person, told: &Told<'_>) -> Reply {
    let mut contact = json!({"input": to.input});
    if !to.nobody {
        contact["user_id"] = json!(bsuid(&person.phone));
    }
    if !person.username_only && !person.phone.starts_with("ID.") {
        contact["wa_id"] = json!(person.phone);
    }
    let mut sent = json!({"id": told.id});
    if told.is_template {
        sent["message_status"] = json!("accepted");
    }
    Reply::ok(json!({
        "messaging_product": "whatsapp",
        "contacts": [contact],
        "messages": [sent],
    }))
}

/// Whether this message may go to this customer now.
fn allow(
    world: &mut World,
    number: &Number,
    to: &Recipient,
    checked: &Checked,
    now: Timestamp,
) -> Result<(), GraphError> {
    if to.phone == digits(&number.display_phone_number) {
        return Err(GraphError::new(131_021, "Recipient cannot be sender")
            .details("The recipient phone number is the sender's own."));
    }
    if to.nobody {
        return Ok(());
    }
    if !to.phone.starts_with("ID.") && !(7..=15).contains(&to.phone.len()) {
        return Err(GraphError::invalid("Param to must be a valid phone number."));
    }
    let account = &number.phone_number_id;
    let in_window =
        world.known_customer(account, &to.phone).is_some_and(|customer| customer.wrote_within(WINDOW, now));
    if checked.kind != "template" && !in_window {
        return Err(
            GraphError::new(131_047, "Re-engagement message").details(
                "Message failed to send because more than 24 hours have passed since the customer last replied to this \
                 number.",
            ),
        );
    }
    if world.customer(account, &to.phone).take_pair_rate(now) {
        return Ok(());
    }
    Err(GraphError::new(
        131_056,
        "(Business Account, Consumer Account) pair rate limit hit",
    )
    .details(
        "Message failed to send because there were too many messages sent from this phone number to the same phone \
         number in a short period of time.",
    ))
}

/// The message that statuses are about.
pub(in crate::sandbox) struct Told<'a> {
    pub(in crate::sandbox) id: &'a str,
    pub(in crate::sandbox) entry: u64,
    pub(in crate::sandbox) at: Timestamp,
    pub(in crate::sandbox) reference: Option<&'a str>,
    pub(in crate::sandbox) is_template: bool,
}

/// The webhook that tells one status.
pub(in crate::sandbox) fn callback(
    number: &Number,
    person: &Person,
    told: &Told<'_>,
    label: &'static str,
    priced: bool,
) -> Webhook {
    let about = Status {
        id: told.id,
        status: label,
        at: told.at,
        reference: told.reference,
        is_template: told.is_template,
        priced,
    };
    let body = if label == "failed" {
        undeliverable(number, person, &about)
    } else {
        status(number, person, &about)
    };
    Webhook {
        account: number.phone_number_id.clone(),
        kind: SandboxKind::Whatsapp,
        customer: person.phone.clone(),
        event: Event::Status,
        label,
        body: encode(&body, Escaping::Unicode),
        entry: told.entry,
        at: told.at,
    }
}
