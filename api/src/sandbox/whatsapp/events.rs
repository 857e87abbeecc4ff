//! WhatsApp's webhooks.

use serde_json::{Map, Value, json};

use domain::time::Timestamp;

use crate::sandbox::ids::{bsuid, digits};

/// The number a webhook is about.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Number {
    pub(in crate::sandbox) phone_number_id: String,
    pub(in crate::sandbox) display_phone_number: String,
    pub(in crate::sandbox) waba_id: String,
}

/// The person a webhook is about.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Person {
    pub(in crate::sandbox) phone: String,
    pub(in crate::sandbox) name: Option<String>,
    pub(in crate::sandbox) username_only: bool,
}

impl Person {
    fn contact(&self) -> Value {
        let mut profile = Map::new();
        if let Some(name) = &self.name {
            profile.insert("name".to_owned(), json!(name));
        }
        if self.username_only {
            profile.insert("username".to_owned(), json!(self.username()));
        }
        let mut contact = Map::new();
        contact.insert("profile".to_owned(), Value::Object(profile));
        contact.insert("user_id".to_owned(), json!(bsuid(&self.phone)));
        if !self.username_only {
            contact.insert("wa_id".to_owned(), json!(self.phone));
        }
        Value::Object(contact)
    }

    fn username(&self) -> String {
        let tail: String = bsuid(&self.phone).chars().skip(13).collect();
        format!("@pelanggan.{tail}")
    }
}

fn envelope(number: &Number, mut value: Map<String, Value>) -> Value {
    value.insert("messaging_product".to_owned(), json!("whatsapp"));
    value.insert(
        "metadata".to_owned(),
        json!({
            "display_phone_number": digits(&number.display_phone_number),
            "phone_number_id": number.phone_number_id,
        }),
    );
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": number.waba_id, "changes": [{"value": value, "field": "messages"}]}],
    })
}

/// A message from a customer. `message` holds the type and what goes with it.
pub(in crate::sandbox) fn inbound(
    number: &Number,
    person: &Person,
    id: &str,
    at: Timestamp,
    mut message: Map<String, Value>,
) -> Value {
    message.entry("id").or_insert_with(|| json!(id));
    message.entry("timestamp").or_insert_with(|| json!(at.unix_seconds().to_string()));
    message.entry("from_user_id").or_insert_with(|| json!(bsuid(&person.phone)));
    if !person.username_only {
        message.entry("from").or_insert_with(|| json!(person.phone));
    }
    let mut value = Map::new();
    value.insert("contacts".to_owned(), json!([person.contact()]));
    value.insert("messages".to_owned(), json!([message]));
    envelope(number, value)
}

/// What one status says.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Status<'a> {
    pub(in crate::sandbox) id: &'a str,
    pub(in crate::sandbox) status: &'static str,
    pub(in crate::sandbox) at: Timestamp,
    pub(in crate::sandbox) reference: Option<&'a str>,
    pub(in crate::sandbox) is_template: bool,
    pub(in crate::sandbox) priced: bool,
}

/// What became of a message sent.
pub(in crate::sandbox) fn status(number: &Number, person: &Person, status: &Status<'_>) -> Value {
    let mut object = status_object(person, status);
    if status.priced {
        let pricing = if status.is_template {
            json!({"billable": true, "pricing_model": "PMP", "type": "regular", "category": "utility"})
        } else {
            json!({"billable": false, "pricing_model": "PMP", "type": "free_customer_service", "category": "service"})
        };
        object.insert("pricing".to_owned(), pricing);
    }
    let mut value = Map::new();
    value.insert("contacts".to_owned(), json!([person.contact()]));
    value.insert("statuses".to_owned(), json!([object]));
    envelope(number, value)
}

/// A message that reached nobody: code 131026.
pub(in crate::sandbox) fn undeliverable(number: &Number, person: &Person, status: &Status<'_>) -> Value {
    let mut object = status_object(person, status);
    object.insert(
        "errors".to_owned(),
        json!([{
            "code": 131_026,
            "title": "Message undeliverable",
            "message": "Message undeliverable",
            "error_data": {"details": "Message Undeliverable."},
            "href": "/documentation/business-messaging/whatsapp/support/error-codes",
        }]),
    );
    let mut value = Map::new();
    value.insert("statuses".to_owned(), json!([object]));
    envelope(number, value)
}

fn status_object(person: &Person, status: &Status<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(status.id));
    object.insert("status".to_owned(), json!(status.status));
    object.insert("timestamp".to_owned(), json!(status.at.unix_seconds().to_string()));
    object.insert("recipient_user_id".to_owned(), json!(bsuid(&person.phone)));
    if !person.username_only {
        object.insert("recipient_id".to_owned(), json!(person.phone));
    }
    if let Some(reference) = status.reference {
        object.insert("biz_opaque_callback_data".to_owned(), json!(reference));
    }
    object
}
