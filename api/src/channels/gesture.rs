//! What is done towards a customer without writing: reacting, reading, typing. Each may be done twice.

use domain::channel::ChannelKind;
use domain::inbound::ProviderError;

use super::client::ProviderClient;
use super::errors;
use super::outbound::{ChannelCredentials, Recipient, SendFailure};
use super::{messenger, telegram, whatsapp};

/// What is done. Messages are named by the provider's ids.
#[derive(Clone, PartialEq, Eq)]
pub enum Gesture {
    /// Put an emoji on a message, or (without one) take it off.
    React {
        /// The message.
        message: String,
        /// The emoji.
        emoji: Option<String>,
    },
    /// Say that everything up to the customer's message was read.
    Read {
        /// The message.
        message: String,
    },
    /// Say that somebody is writing. On WhatsApp this says that everything up to the message was read, too.
    Type {
        /// The customer's newest message.
        message: String,
    },
}

/// Does it, once.
///
/// # Errors
/// Why the provider did not; what cannot be known is worth another try.
pub async fn make(
    client: &ProviderClient,
    credentials: &ChannelCredentials,
    recipient: &Recipient,
    gesture: &Gesture,
) -> Result<(), SendFailure> {
    match credentials {
        ChannelCredentials::WhatsApp(credentials) => {
            whatsapp::gestures::make(client, credentials, recipient, gesture).await
        }
        ChannelCredentials::Messenger(credentials) => {
            messenger::gestures::make(client, credentials, recipient, gesture).await
        }
        ChannelCredentials::Telegram(credentials) => {
            telegram::gestures::make(client, credentials, recipient, gesture).await
        }
    }
}

/// Whether the provider knows a message under this id of ours. Pressed buttons are messages here, and none there.
#[must_use]
pub fn is_message(channel: ChannelKind, id: &str, customer: &str) -> bool {
    match channel {
        ChannelKind::WhatsApp | ChannelKind::Api => true,
        ChannelKind::Messenger => messenger::outbound::mid(id).is_some(),
        ChannelKind::Telegram => telegram::outbound::in_chat(id, customer).is_some(),
    }
}

pub(super) fn unknown_message() -> SendFailure {
    let provider = ProviderError { code: "request".to_owned(), detail: String::new() };
    errors::MESSAGE_REJECTED.failure(provider, None)
}
