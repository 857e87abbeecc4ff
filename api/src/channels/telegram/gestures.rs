//! Reactions and typing on Telegram (Bot API, `setMessageReaction`, `sendChatAction`). Reading is not told there.

use serde_json::json;

use super::outbound::{TelegramCredentials, chat_id, done, in_chat};
use crate::channels::ProviderClient;
use crate::channels::gesture::{Gesture, unknown_message};
use crate::channels::outbound::{Recipient, SendFailure};

pub(in crate::channels) async fn make(
    client: &ProviderClient,
    credentials: &TelegramCredentials,
    recipient: &Recipient,
    gesture: &Gesture,
) -> Result<(), SendFailure> {
    let chat = &recipient.external_id;
    let (method, body) = match gesture {
        Gesture::React { message, emoji } => {
            let message = in_chat(message, chat).ok_or_else(unknown_message)?;
            let reaction: Vec<_> =
                emoji.iter().map(|emoji| json!({ "type": "emoji", "emoji": emoji })).collect();
            let body = json!({ "chat_id": chat_id(chat), "message_id": message, "reaction": reaction });
            ("setMessageReaction", body)
        }
        Gesture::Read { .. } => return Ok(()),
        Gesture::Type { .. } => ("sendChatAction", json!({ "chat_id": chat_id(chat), "action": "typing" })),
    };
    let url = client.telegram_url(&[&credentials.path(), method]);
    done(client.post(url, None, &body).await)
}
