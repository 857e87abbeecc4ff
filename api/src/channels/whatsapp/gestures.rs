//! Reactions, receipts and typing on WhatsApp (Meta, "messages/send-messages", "mark-messages-as-read",
//! "typing-indicators").

use serde_json::json;

use super::outbound::{WhatsAppCredentials, addressed};
use crate::channels::gesture::Gesture;
use crate::channels::outbound::{Recipient, SendFailure};
use crate::channels::{ProviderClient, errors, graph};

pub(in crate::channels) async fn make(
    client: &ProviderClient,
    credentials: &WhatsAppCredentials,
    recipient: &Recipient,
    gesture: &Gesture,
) -> Result<(), SendFailure> {
    let body = match gesture {
        Gesture::React { message, emoji } => {
            let mut body = addressed(recipient);
            body["type"] = json!("reaction");
            // An empty emoji takes the one that is there off.
            body["reaction"] =
                json!({ "message_id": message, "emoji": emoji.as_deref().unwrap_or_default() });
            body
        }
        Gesture::Read { message } => {
            json!({ "messaging_product": "whatsapp", "status": "read", "message_id": message })
        }
        Gesture::Type { message } => json!({
            "messaging_product": "whatsapp", "status": "read", "message_id": message,
            "typing_indicator": { "type": "text" },
        }),
    };
    let url = client.graph_url(&[&credentials.phone_number_id, "messages"]);
    let answer = client.post(url, Some(&credentials.access_token), &body).await;
    graph::done(answer, |code, _| errors::whatsapp(code)).map(|_| ())
}
