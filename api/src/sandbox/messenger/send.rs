//! `POST /{version}/{page_id}/messages` of Messenger.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use domain::time::Timestamp;
use serde_json::{Map, Value, json};

use super::check::{Asked, Checked, call};
use super::events::{delivery, read};
use crate::sandbox::channel::SandboxKind;
use crate::sandbox::deliver::Webhook;
use crate::sandbox::exchange::{Accepted, Parties, exchange};
use crate::sandbox::faults::{Event, Target};
use crate::sandbox::ids::mid;
use crate::sandbox::reply::{GraphError, Reply};
use crate::sandbox::shared::Shared;
use crate::sandbox::sign::{Escaping, encode};
use crate::sandbox::uploads::Upload;
use crate::sandbox::world::{Auto, Customer, Direction, Entry, World};

/// How long a customer's message lets the business answer.
const WINDOW: TimeDelta = TimeDelta::hours(24);
/// How long it lets a person answer, with the tag HUMAN_AGENT.
const HUMAN_WINDOW: TimeDelta = TimeDelta::days(7);

/// Answers one call to a page.
pub(in crate::sandbox) async fn handle(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    page_id: &str,
    body: Map<String, Value>,
) -> HttpResponse {
    let Some(psid) = body
        .get("recipient")
        .and_then(|recipient| recipient.get("id"))
        .and_then(Value::as_str)
        .map(str::to_owned)
    else {
        return Reply::from(GraphError::required("recipient")).into_response();
    };
    let asked = match call(&body) {
        Ok(Asked::Action(action)) => {
            return match act(shared, page_id, &psid, &action) {
                Ok(reply) => reply.into_response(),
                Err(error) => Reply::from(error).into_response(),
            };
        }
        other => other,
    };
    let parties = Parties {
        target: Target::Send,
        account: page_id.to_owned(),
        kind: SandboxKind::Messenger,
        customer: psid.clone(),
    };
    exchange(shared, request, parties, |shared| match asked {
        Ok(Asked::Reaction { mid, emoji }) => react(shared, page_id, &psid, (&mid, emoji.as_deref())),
        Ok(Asked::Message(checked)) => accept(shared, page_id, &psid, checked).map_err(Reply::from),
        Ok(Asked::Action(_)) => Err(GraphError::required("message").into()),
        Err(error) => Err(error.into()),
    })
    .await
}

fn known(customer: Option<&Customer>) -> Result<Customer, GraphError> {
    let customer =
        customer.cloned().ok_or_else(|| GraphError::new(100, "No matching user found").subcode(2_018_001))?;
    if customer.blocked {
        return Err(GraphError::new(551, "This person isn't available right now.").subcode(1_545_041));
    }
    Ok(customer)
}

/// Typing and seen.
fn act(shared: &Arc<Shared>, page_id: &str, psid: &str, action: &str) -> Result<Reply, GraphError> {
    let mut world = shared.world();
    known(world.known_customer(page_id, psid))?;
    if action == "typing_on" {
        world.customer(page_id, psid).typing_seen += 1;
    }
    if action == "mark_seen" {
        for entry in &mut world.log {
            let theirs = entry.channel == page_id && entry.customer == psid;
            if theirs && entry.direction == Direction::Inbound {
                entry.status = "seen";
            }
        }
    }
    drop(world);
    shared.notify();
    Ok(Reply::ok(json!({"recipient_id": psid})))
}

/// Puts an emoji on a message of this chat, or takes it off.
fn react(
    shared: &Arc<Shared>,
    page_id: &str,
    psid: &str,
    (mid, emoji): (&str, Option<&str>),
) -> Result<Accepted, Reply> {
    let mut world = shared.world();
    known(world.known_customer(page_id, psid))?;
    if !world.react(page_id, psid, mid, emoji) {
        return Err(GraphError::new(100, "Invalid message id in payload[message_id]").into());
    }
    Ok(Accepted { reply: Reply::ok(json!({"recipient_id": psid})), callbacks: Vec::new() })
}

/// The file that a message names, if this page has it and it was handed over as this type.
fn named(world: &World, page_id: &str, checked: &Checked) -> Result<Option<Upload>, GraphError> {
    let Some(id) = checked.content.pointer("/attachment/payload/attachment_id") else { return Ok(None) };
    let file = world.uploads.get(id.as_str().unwrap_or_default());
    match file.filter(|file| file.account == page_id) {
        Some(file) if file.kind == checked.kind => Ok(Some(file.clone())),
        Some(_) => {
            Err(GraphError::new(100, "The type of the attachment does not match its upload")
                .subcode(2_018_047))
        }
        None => Err(GraphError::new(
            100,
            "Param attachment[payload][attachment_id] must be a valid attachment id",
        )),
    }
}

fn accept(shared: &Arc<Shared>, page_id: &str, psid: &str, checked: Checked) -> Result<Accepted, GraphError> {
    let now = shared.now();
    let mut world = shared.world();
    let customer = known(world.known_customer(page_id, psid))?;
    let window = if checked.human_agent { HUMAN_WINDOW } else { WINDOW };
    if !customer.wrote_within(window, now) {
        return Err(GraphError::new(
            10,
            "This message is sent outside of allowed window. Learn more about the new policy here: \
             https://developers.facebook.com/docs/messenger-platform/policy-overview",
        )
        .subcode(2_018_278));
    }
    let file = named(&world, page_id, &checked)?;
    let id = mid();
    let n = world.record(Entry {
        n: 0,
        at: now,
        channel: page_id.to_owned(),
        channel_kind: SandboxKind::Messenger,
        customer: psid.to_owned(),
        direction: Direction::Outbound,
        kind: checked.kind,
        text: checked.text,
        provider_message_id: id.clone(),
        reply_to: checked.reply_to,
        status: "sent",
        our_reference: checked.reference,
        content: checked.content,
        file,
        reaction: None,
        webhooks: Vec::new(),
    });
    let labels = match customer.auto {
        Auto::None => &[][..],
        Auto::Delivered => &["delivered"],
        Auto::Read => &["delivered", "read"],
    };
    let callbacks = labels.iter().map(|label| callback(page_id, psid, &id, label, n, now)).collect();
    Ok(Accepted { reply: Reply::ok(json!({"recipient_id": psid, "message_id": id})), callbacks })
}

/// The webhook that tells one watermark.
pub(in crate::sandbox) fn callback(
    page_id: &str,
    psid: &str,
    mid: &str,
    label: &'static str,
    entry: u64,
    at: Timestamp,
) -> Webhook {
    let body = if label == "read" { read(page_id, psid, at) } else { delivery(page_id, psid, mid, at) };
    Webhook {
        account: page_id.to_owned(),
        kind: SandboxKind::Messenger,
        customer: psid.to_owned(),
        event: Event::Status,
        label,
        body: encode(&body, Escaping::UnicodeAndSlash),
        entry,
        at,
    }
}
