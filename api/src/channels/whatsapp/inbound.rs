//! WhatsApp's webhook bodies (Meta, "webhooks/reference/messages" and its sibling pages, 2026).

use domain::inbound::{
    IdentityChange, InboundEdit, InboundEvent, InboundKind, InboundStatus, ProviderError, Sender,
};
use domain::message::MessageStatus;
use domain::time::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{message, notices};
use crate::channels::InboundBodyError;
use crate::channels::draft::{self, Draft, Envelope, event, ignored};
use crate::channels::json::{self, Object, child, field, id, id_at, int_at, items, text_at};

/// Takes a webhook body apart into all that it says, in its order.
///
/// Messages and statuses are addressed to the phone number id; what concerns the business account
/// as a whole (templates, restrictions) to the business account's id. A part that cannot be read
/// loses only itself. `received_at` stands in where the provider's time is missing or absurd.
///
/// # Errors
///
/// [`InboundBodyError`] if the bytes are no JSON object of a WhatsApp business account.
pub fn parse(body: &[u8], received_at: Timestamp) -> Result<Vec<InboundEvent>, InboundBodyError> {
    let text = json::clean(body);
    let root = json::root(&text)?;
    if field(&root, "object") != "whatsapp_business_account" {
        return Err(InboundBodyError::NotThisProvider);
    }
    let mut events = Vec::new();
    for entry in items(&root, "entry") {
        let Some(entry) = json::object(entry.get()) else {
            events.push(event("", ignored("entry is not an object")));
            continue;
        };
        let business = id(&field(&entry, "id")).unwrap_or_default();
        for change in items(&entry, "changes") {
            read_change(change, &business, received_at, &mut events);
        }
    }
    Ok(events)
}

fn read_change(change: &RawValue, business: &str, received_at: Timestamp, events: &mut Vec<InboundEvent>) {
    let change = json::object(change.get()).unwrap_or_default();
    let Some(value) = child(&change, "value") else {
        events.push(event(business, ignored("change without a value")));
        return;
    };
    let account = id_at(&field(&value, "metadata"), "/phone_number_id");
    let context = Context {
        account: account.unwrap_or_else(|| business.to_owned()),
        people: items(&value, "contacts")
            .into_iter()
            .filter_map(|person| json::value(person.get()))
            .collect(),
        received_at,
    };
    let name = field(&change, "field");
    let what = match name.as_str().unwrap_or_default() {
        "messages" => context.messages(&value),
        "user_preferences" => context.preferences(&value),
        other => vec![notices::read(other, &value)],
    };
    events.extend(what.into_iter().map(|what| event(&context.account, what)));
}

/// What the parts of one change share.
struct Context {
    account: String,
    people: Vec<Value>,
    received_at: Timestamp,
}

impl Context {
    fn messages(&self, value: &Object<'_>) -> Vec<InboundKind> {
        let messages = items(value, "messages").into_iter();
        let statuses = items(value, "statuses").into_iter();
        let errors = items(value, "errors").into_iter();
        messages
            .map(|raw| self.message(raw))
            .chain(statuses.map(|raw| self.status(raw)))
            .chain(errors.map(notices::channel_error))
            .collect()
    }

    fn message(&self, raw: &RawValue) -> InboundKind {
        let Some(head) = json::object(raw.get()) else {
            return ignored("message is not an object");
        };
        let kind = text_at(&field(&head, "type"), "").unwrap_or_default();
        let at = json::seconds(&field(&head, "timestamp")).unwrap_or(self.received_at);
        if kind == "system" {
            return identity_change(&head, at);
        }
        // A group's members would all end up in one thread and be answered in private.
        if id(&field(&head, "group_id")).is_some() {
            return ignored("group message");
        }
        let sender = self.sender(id(&field(&head, "from")), id(&field(&head, "from_user_id")));
        let (Some(provider_id), Some(sender)) = (id(&field(&head, "id")), sender) else {
            return ignored("message without id or sender");
        };
        let body = json::value(raw.get());
        let body = body.as_ref();
        let envelope = Envelope {
            sender,
            id: provider_id,
            at,
            reply_to: body.and_then(|body| id_at(body, "/context/id")),
            raw: raw.get().to_owned(),
        };
        match (kind.as_str(), body) {
            ("reaction", Some(body)) => reaction(body, envelope),
            ("edit", Some(body)) => edit(body, envelope),
            ("revoke", Some(body)) => revoke(body, envelope),
            (_, Some(body)) => draft::message(message::read(body), envelope),
            (_, None) => draft::message(Draft::unsupported(Some(kind)), envelope),
        }
    }

    fn status(&self, raw: &RawValue) -> InboundKind {
        let Some(body) = json::value(raw.get()) else {
            return ignored("status cannot be read");
        };
        let Some(provider_message_id) = id_at(&body, "/id") else {
            return ignored("status without a message id");
        };
        let status = match body.pointer("/status").and_then(Value::as_str) {
            Some("sent") => MessageStatus::Sent,
            Some("delivered") => MessageStatus::Delivered,
            // `played`: a voice note was listened to.
            Some("read" | "played") => MessageStatus::Read,
            Some("failed") => MessageStatus::Failed,
            _ => return ignored("unknown status"),
        };
        InboundKind::Status(Box::new(InboundStatus {
            provider_message_id,
            our_reference: id_at(&body, "/biz_opaque_callback_data"),
            status,
            at: body.get("timestamp").and_then(json::seconds).unwrap_or(self.received_at),
            error: body.pointer("/errors/0").map(provider_error),
        }))
    }

    fn preferences(&self, value: &Object<'_>) -> Vec<InboundKind> {
        items(value, "user_preferences")
            .into_iter()
            .map(|raw| self.preference(&json::value(raw.get()).unwrap_or_default()))
            .collect()
    }

    fn preference(&self, body: &Value) -> InboundKind {
        let Some(sender) = self.sender(id_at(body, "/wa_id"), id_at(body, "/user_id")) else {
            return ignored("preference without a sender");
        };
        if body.get("category").is_some_and(|category| category != "marketing_messages") {
            return ignored("preference of an unknown category");
        }
        let stopped = match body.get("value").and_then(Value::as_str) {
            Some("stop") => true,
            Some("resume") => false,
            _ => return ignored("preference of an unknown value"),
        };
        InboundKind::MarketingPreference {
            sender,
            stopped,
            at: body.get("timestamp").and_then(json::seconds).unwrap_or(self.received_at),
        }
    }

    /// Who wrote. `contacts[]` is matched by id: it has no fixed order and may lack people.
    fn sender(&self, from: Option<String>, user_id: Option<String>) -> Option<Sender> {
        let find = |pointer: &str, wanted: &Option<String>| {
            let wanted = wanted.as_ref()?;
            self.people.iter().find(|person| id_at(person, pointer).as_ref() == Some(wanted))
        };
        let person = find("/user_id", &user_id).or_else(|| find("/wa_id", &from));
        let of_person = |pointer: &str| person.and_then(|person| id_at(person, pointer));
        let from = from.or_else(|| of_person("/wa_id"));
        let phone = from.as_deref().and_then(digits);
        let external_id = user_id.or_else(|| of_person("/user_id")).or_else(|| phone.clone()).or(from)?;
        let words = |pointer: &str| person.and_then(|person| text_at(person, pointer));
        Some(Sender {
            external_id,
            phone,
            username: draft::username(words("/profile/username")),
            name: draft::name(words("/profile/name")),
            email: None,
        })
    }
}

/// A phone number's digits. A user id, which could stand in the same place, is none.
fn digits(text: &str) -> Option<String> {
    let digits = text.trim_start_matches('+');
    let plausible = (5..=20).contains(&digits.len());
    (plausible && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.to_owned())
}

fn reaction(body: &Value, envelope: Envelope) -> InboundKind {
    match id_at(body, "/reaction/message_id") {
        Some(target) => InboundKind::Reaction {
            sender: envelope.sender,
            target,
            emoji: text_at(body, "/reaction/emoji"),
            at: envelope.at,
        },
        None => ignored("reaction without a message"),
    }
}

/// Sent only for numbers that are used in the WhatsApp Business app as well.
fn edit(body: &Value, envelope: Envelope) -> InboundKind {
    let original = id_at(body, "/edit/original_message_id");
    let (Some(original), Some(inner)) = (original, body.pointer("/edit/message")) else {
        return draft::message(Draft::unsupported(Some("edit".into())), envelope);
    };
    let edited_at = envelope.at;
    let envelope =
        Envelope { id: original, reply_to: id_at(inner, "/context/id").or(envelope.reply_to), ..envelope };
    InboundKind::Edit(Box::new(InboundEdit {
        message: message::read(inner).into_message(envelope),
        edited_at,
    }))
}

fn revoke(body: &Value, envelope: Envelope) -> InboundKind {
    match id_at(body, "/revoke/original_message_id") {
        Some(target) => InboundKind::Revoke { sender: envelope.sender, target, at: envelope.at },
        None => ignored("revocation without a message"),
    }
}

/// `system` messages: no `contacts[]` comes with them, and `from` may be absent.
fn identity_change(head: &Object<'_>, at: Timestamp) -> InboundKind {
    let system = field(head, "system");
    let from = id(&field(head, "from"));
    let phone = |pointer| id_at(&system, pointer).and_then(|text| digits(&text));
    let new_phone = phone("/wa_id").or_else(|| phone("/new_wa_id"));
    let new_external_id = id_at(&system, "/user_id");
    let old_id = id_at(&system, "/previous_user_id").or_else(|| id(&field(head, "from_user_id")));
    let old = match system.get("type").and_then(Value::as_str) {
        Some("user_changed_number") => from.or(old_id),
        Some("user_changed_user_id") => old_id.or(from),
        Some("customer_identity_changed") => return ignored("device key changed"),
        _ => return ignored("system message of an unknown type"),
    };
    match old {
        Some(old) if new_phone.is_some() || new_external_id.is_some() => {
            InboundKind::IdentityChange(IdentityChange {
                old: digits(&old).unwrap_or(old),
                new_phone,
                new_external_id,
                at,
            })
        }
        _ => ignored("identity change without both identities"),
    }
}

/// An error as it stands in `errors[]` of a body, a message or a status.
pub(super) fn provider_error(error: &Value) -> ProviderError {
    let words =
        ["/error_data/details", "/message", "/title"].into_iter().find_map(|pointer| text_at(error, pointer));
    ProviderError {
        code: int_at(error, "/code").map_or_else(|| "unknown".to_owned(), |code| code.to_string()),
        detail: words.unwrap_or_default(),
    }
}
