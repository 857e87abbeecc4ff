//! Messenger's webhook bodies (Meta, "messenger-platform/webhooks" and "webhook-events", 2026).

use domain::inbound::{InboundEdit, InboundEvent, InboundKind, InboundStatus, Sender};
use domain::message::{MessageKind, MessageStatus};
use domain::resource::ChoiceType;
use domain::time::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::message;
use crate::channels::InboundBodyError;
use crate::channels::draft::{self, Draft, Envelope, event, ignored};
use crate::channels::json::{self, Object, field, id, id_at, items, text_at};

/// Takes a webhook body apart into all that it says, in its order, addressed to the Page's id.
///
/// `own_app_id` is the app through which this product sends: what comes back as an echo of it is
/// told apart from what others wrote in the Page's name. `received_at` stands in where the
/// provider's time is missing or absurd. A message with several attachments becomes several, as one
/// message here has one file: the first keeps the id, the others have `#2`, `#3`, ... appended.
///
/// # Errors
///
/// [`InboundBodyError`] if the bytes are no JSON object of a Page.
pub fn parse(
    body: &[u8],
    own_app_id: Option<&str>,
    received_at: Timestamp,
) -> Result<Vec<InboundEvent>, InboundBodyError> {
    let text = json::clean(body);
    let root = json::root(&text)?;
    if field(&root, "object") != "page" {
        return Err(InboundBodyError::NotThisProvider);
    }
    let mut events = Vec::new();
    for entry in items(&root, "entry") {
        let Some(entry) = json::object(entry.get()) else {
            events.push(event("", ignored("entry is not an object")));
            continue;
        };
        let page = id(&field(&entry, "id")).unwrap_or_default();
        for raw in items(&entry, "messaging") {
            let what = read(raw, own_app_id, received_at);
            events.extend(what.into_iter().map(|what| event(&page, what)));
        }
        for _ in items(&entry, "standby") {
            events.push(event(&page, ignored("another app has the thread")));
        }
        // Fields that were subscribed to by mistake: comments on posts, for example.
        for _ in items(&entry, "changes") {
            events.push(event(&page, ignored("unknown field")));
        }
    }
    Ok(events)
}

fn read(raw: &RawValue, own_app_id: Option<&str>, received_at: Timestamp) -> Vec<InboundKind> {
    let Some(head) = json::object(raw.get()) else {
        return vec![ignored("event is not an object")];
    };
    let Some(customer) = id_at(&field(&head, "sender"), "/id") else {
        return vec![ignored("event without a sender")];
    };
    let one = Event {
        customer,
        at: json::millis(&field(&head, "timestamp")).unwrap_or(received_at),
        raw: raw.get(),
    };
    let part = |key: &str| head.get(key).map(|raw| json::value(raw.get()).unwrap_or_default());
    if head.contains_key("message") {
        one.message(&head, own_app_id)
    } else if let Some(body) = part("postback") {
        vec![one.postback(&body)]
    } else if let Some(body) = part("message_edit") {
        vec![one.edit(&body)]
    } else if let Some(body) = part("reaction") {
        vec![one.reaction(&body)]
    } else if let Some(body) = part("delivery") {
        one.delivery(&body)
    } else if let Some(body) = part("read") {
        vec![one.watermark(&body, MessageStatus::Read)]
    } else if let Some(body) = part("referral") {
        let referral = Box::new(message::referral(&body).unwrap_or_default());
        vec![InboundKind::Referral { sender: one.sender(), referral, at: one.at }]
    } else {
        vec![ignored("unknown event")]
    }
}

/// One event of `messaging[]`.
struct Event<'a> {
    customer: String,
    at: Timestamp,
    raw: &'a str,
}

impl Event<'_> {
    fn message(&self, head: &Object<'_>, own_app_id: Option<&str>) -> Vec<InboundKind> {
        // Level by level: the id must be found even where the rest cannot be read.
        let Some(parts) = json::child(head, "message") else {
            return vec![ignored("message is not an object")];
        };
        if field(&parts, "is_echo") == true {
            let app = id(&field(&parts, "app_id"));
            return vec![ignored(match (app.as_deref(), own_app_id) {
                (Some(app), Some(own)) if app == own => "echo of our own message",
                _ => "written by another app or in the Page's inbox",
            })];
        }
        let Some(mid) = id(&field(&parts, "mid")) else {
            return vec![ignored("message without id or sender")];
        };
        let reply_to = id_at(&field(&parts, "reply_to"), "/mid");
        let body = head.get("message").and_then(|raw| json::value(raw.get()));
        let drafts = match &body {
            Some(body) => message::read(body, &mid),
            None => vec![Draft::unsupported(None)],
        };
        (1..)
            .zip(drafts)
            .map(|(number, draft)| {
                let id = if number == 1 { mid.clone() } else { format!("{mid}#{number}") };
                draft::message(draft, self.envelope(id, reply_to.clone()))
            })
            .collect()
    }

    fn postback(&self, body: &Value) -> InboundKind {
        // Old postbacks have no id; the same press repeated by the provider has the same time.
        let made_up = || format!("postback:{}:{}", self.customer, self.at.unix_micros() / 1000);
        let id = id_at(body, "/mid").unwrap_or_else(made_up);
        let words = text_at(body, "/title");
        let draft = Draft::choice(ChoiceType::Postback, text_at(body, "/payload"), words)
            .referred(body.get("referral").and_then(message::referral));
        draft::message(draft, self.envelope(id, None))
    }

    fn edit(&self, body: &Value) -> InboundKind {
        let Some(mid) = id_at(body, "/mid") else {
            return ignored("edit without a message");
        };
        let draft = Draft::new(MessageKind::Text, text_at(body, "/text"));
        InboundKind::Edit(Box::new(InboundEdit {
            message: draft.into_message(self.envelope(mid, None)),
            edited_at: self.at,
        }))
    }

    fn reaction(&self, body: &Value) -> InboundKind {
        let Some(target) = id_at(body, "/mid") else {
            return ignored("reaction without a message");
        };
        let emoji = match body.get("action").and_then(Value::as_str) {
            Some("unreact") => None,
            _ => text_at(body, "/emoji").or_else(|| message::emoji_of(body)),
        };
        InboundKind::Reaction { sender: self.sender(), target, emoji, at: self.at }
    }

    /// `mids` may be absent, and need not name every message up to the watermark.
    fn delivery(&self, body: &Value) -> Vec<InboundKind> {
        let named = body.get("mids").and_then(Value::as_array);
        let mut news: Vec<InboundKind> = named
            .into_iter()
            .flatten()
            .filter_map(id)
            .map(|provider_message_id| {
                InboundKind::Status(Box::new(InboundStatus {
                    provider_message_id,
                    our_reference: None,
                    status: MessageStatus::Delivered,
                    at: self.at,
                    error: None,
                }))
            })
            .collect();
        news.push(self.watermark(body, MessageStatus::Delivered));
        news
    }

    fn watermark(&self, body: &Value, status: MessageStatus) -> InboundKind {
        match body.get("watermark").and_then(json::millis) {
            Some(up_to) => InboundKind::Watermark { customer: self.customer.clone(), status, up_to },
            None => ignored("receipt without a watermark"),
        }
    }

    /// Messenger tells the customer's page-scoped id only; the name is fetched elsewhere.
    fn sender(&self) -> Sender {
        Sender { external_id: self.customer.clone(), ..Sender::default() }
    }

    fn envelope(&self, id: String, reply_to: Option<String>) -> Envelope {
        Envelope { sender: self.sender(), id, at: self.at, reply_to, raw: self.raw.to_owned() }
    }
}
