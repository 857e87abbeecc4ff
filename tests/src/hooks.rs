//! Webhooks as the providers send them, without the sandbox in between.

use api::channels::signature::sign;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::{Call, Reply};
use crate::fixtures::{self, APP_SECRET};

/// The WhatsApp number, Page and bot of the fixtures.
pub const NUMBER: &str = "115029384756102";
/// See [`NUMBER`].
pub const SECOND_NUMBER: &str = "115029384756333";
/// See [`NUMBER`].
pub const WABA: &str = "104859203847561";
/// See [`NUMBER`].
pub const PAGE: &str = "108273645501928";
/// See [`NUMBER`].
pub const APP_ID: &str = "1517776481860111";
/// See [`NUMBER`].
pub const BOT: &str = "6900112233";
/// What Telegram shows of itself.
pub const TELEGRAM_SECRET: &str = "fixture-telegram-secret";
/// What the sandbox demands of sends.
pub const ACCESS_TOKEN: &str = "token-of-the-tests-0001";

impl TestApp {
    /// A webhook with a right signature, not sent yet.
    pub fn hook(&self, kind: &str, body: impl Into<Vec<u8>>) -> Call {
        let body = body.into();
        let call = self.anonymous().act(format!("/hooks/{kind}/{}", self.channel(kind)));
        let call = match kind {
            "telegram" => call.header("X-Telegram-Bot-Api-Secret-Token", TELEGRAM_SECRET),
            _ => call.header("X-Hub-Signature-256", sign(&body, APP_SECRET)),
        };
        call.bytes("application/json", body)
    }

    /// Sends the body of a fixture to its provider's hook.
    pub async fn fixture(&self, name: &str) -> Reply {
        let kind = name.split('/').next().unwrap();
        self.hook(kind, fixtures::bytes(name)).await.expect(200)
    }

    /// A customer's text on WhatsApp comes in.
    pub async fn whatsapp_text(&self, customer: &str, provider_id: &str, text: &str) -> Reply {
        let body = whatsapp_message(customer, provider_id, self.clock.now().unix_seconds(), text);
        self.hook("whatsapp", body.to_string()).await.expect(200)
    }

    /// The status of a message comes in.
    pub async fn whatsapp_status(&self, customer: &str, provider_id: &str, status: &str) -> Reply {
        let body = whatsapp_status(customer, provider_id, self.clock.now().unix_seconds(), status);
        self.hook("whatsapp", body.to_string()).await.expect(200)
    }

    /// A customer's text comes in on this channel; answers its conversation's id.
    pub async fn conversation(&self, customer: &str, text: &str) -> String {
        let provider_id = format!("wamid.{}", uuid::Uuid::from_u128(rand::random()).simple());
        self.whatsapp_text(customer, &provider_id, text).await;
        let query = format!(
            "SELECT conversation_id::text AS value FROM messages WHERE provider_message_id = '{provider_id}'"
        );
        self.database.values(&query).remove(0)
    }
}

fn whatsapp(value: &mut Value) -> Value {
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({ "display_phone_number": "6281119876543", "phone_number_id": NUMBER });
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": WABA, "changes": [{ "field": "messages", "value": value }] }] })
}

/// One text message. The customer's lasting id is derived from the number.
#[must_use]
pub fn whatsapp_message(customer: &str, provider_id: &str, at: i64, text: &str) -> Value {
    let user = format!("ID.{customer}");
    whatsapp(&mut json!({
        "contacts": [{ "profile": { "name": format!("Pelanggan {customer}") }, "wa_id": customer, "user_id": user }],
        "messages": [{
            "from": customer, "from_user_id": user, "id": provider_id, "timestamp": at.to_string(),
            "type": "text", "text": { "body": text },
        }],
    }))
}

/// One status.
#[must_use]
pub fn whatsapp_status(customer: &str, provider_id: &str, at: i64, status: &str) -> Value {
    whatsapp(&mut json!({
        "statuses": [{
            "id": provider_id, "status": status, "timestamp": at.to_string(), "recipient_id": customer,
        }],
    }))
}

/// One text message of Messenger.
#[must_use]
pub fn messenger_message(customer: &str, provider_id: &str, at_millis: i64, text: &str) -> Value {
    json!({ "object": "page", "entry": [{ "id": PAGE, "time": at_millis, "messaging": [{
        "sender": { "id": customer }, "recipient": { "id": PAGE }, "timestamp": at_millis,
        "message": { "mid": provider_id, "text": text },
    }] }] })
}

/// One text message of Telegram.
#[must_use]
pub fn telegram_message(customer: i64, update_id: i64, message_id: i64, at: i64, text: &str) -> Value {
    let name = format!("Pelanggan {customer}");
    json!({ "update_id": update_id, "message": {
        "message_id": message_id, "date": at, "text": text,
        "from": { "id": customer, "is_bot": false, "first_name": name },
        "chat": { "id": customer, "type": "private", "first_name": name },
    } })
}
