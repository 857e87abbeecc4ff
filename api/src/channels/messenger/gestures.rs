//! Reactions, receipts and typing on Messenger (Meta, "sender actions").

use serde_json::{Value, json};

use super::outbound::{MessengerCredentials, mid};
use crate::channels::gesture::{Gesture, unknown_message};
use crate::channels::outbound::{Recipient, SendFailure};
use crate::channels::{ProviderClient, errors, graph};

pub(in crate::channels) async fn make(
    client: &ProviderClient,
    credentials: &MessengerCredentials,
    recipient: &Recipient,
    gesture: &Gesture,
) -> Result<(), SendFailure> {
    let (action, payload) = match gesture {
        Gesture::React { message, emoji } => {
            let mid = mid(message).ok_or_else(unknown_message)?;
            match emoji {
                Some(emoji) => ("react", json!({ "message_id": mid, "reaction": emoji })),
                None => ("unreact", json!({ "message_id": mid })),
            }
        }
        Gesture::Read { .. } => ("mark_seen", Value::Null),
        Gesture::Type { .. } => ("typing_on", Value::Null),
    };
    let mut body = json!({ "recipient": { "id": recipient.external_id }, "sender_action": action });
    if !payload.is_null() {
        body["payload"] = payload;
    }
    let url = client.graph_url(&[&credentials.page_id, "messages"]);
    let answer = client.post(url, Some(&credentials.access_token), &body).await;
    graph::done(answer, errors::messenger).map(|_| ())
}
