//! What is sent to a customer, and what came of it, in the words of the product.

use std::fmt;
use std::time::Duration;

use domain::id::MessageId;
use domain::inbound::ProviderError;
use domain::outbound::OutboundContent;

use super::client::ProviderClient;
use super::messenger::outbound::MessengerCredentials;
use super::telegram::outbound::TelegramCredentials;
use super::whatsapp::outbound::WhatsAppCredentials;
use super::{messenger, telegram, whatsapp};

/// A message for one customer.
#[derive(Clone, PartialEq)]
pub struct OutboundMessage {
    /// Our id, which WhatsApp and Messenger carry back.
    pub message_id: MessageId,
    /// Who gets it.
    pub recipient: Recipient,
    /// What it says; the channel's limits are the caller's to keep, the provider refuses more.
    pub content: OutboundContent,
    /// The provider's id of the message that this one answers. Left out where the provider could
    /// not understand it (a pressed Telegram button).
    pub reply_to: Option<String>,
}

/// A customer, as the provider knows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    /// What [`domain::inbound::Sender::external_id`] was.
    pub external_id: String,
    /// The phone number with country code, where it is known (WhatsApp).
    pub phone: Option<String>,
}

/// What came of handing a message to the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The provider has it; whether it arrives is told by a status.
    Accepted {
        /// The provider's id of the message.
        provider_message_id: String,
    },
    /// The provider certainly does not have it.
    Refused(SendFailure),
    /// Whether the provider has it cannot be known: it is not sent again by itself.
    Ambiguous {
        /// What happened, for the log and the administrator; nothing personal.
        detail: String,
    },
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendFailure {
    /// What to do about it.
    pub class: FailureClass,
    /// Our stable word for the reason, in `snake_case`.
    pub code: &'static str,
    /// The provider's own code and words. Where no answer came: `connect` or `request`; where an
    /// answer without the provider's error came: `http_<status>`.
    pub provider: ProviderError,
    /// What an agent understands: one or two English sentences that say what to do.
    pub detail: &'static str,
    /// How long the provider wants to be left alone, where it says so.
    pub retry_after: Option<Duration>,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// Send it again by itself, after a while.
    Retry,
    /// Not before a day has passed, if ever: a person decides.
    RetryLater,
    /// Sending the same again cannot work.
    Final,
    /// Nothing can be sent on this channel until an administrator acts; what waits stays queued.
    ChannelStopped,
}

// By hand: neither texts nor phone numbers may get into a log by way of `{:?}`.
impl fmt::Debug for OutboundMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundMessage").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient").finish_non_exhaustive()
    }
}

/// What a channel needs to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelCredentials {
    /// A number at WhatsApp.
    WhatsApp(WhatsAppCredentials),
    /// A Facebook Page.
    Messenger(MessengerCredentials),
    /// A Telegram bot.
    Telegram(TelegramCredentials),
}

/// Hands a message to the provider, once. It never fails otherwise than by its outcome, and takes at
/// most [`super::ProviderSettings::total_timeout`].
pub async fn send(
    client: &ProviderClient,
    credentials: &ChannelCredentials,
    message: &OutboundMessage,
) -> SendOutcome {
    match credentials {
        ChannelCredentials::WhatsApp(credentials) => {
            whatsapp::outbound::send(client, credentials, message).await
        }
        ChannelCredentials::Messenger(credentials) => {
            messenger::outbound::send(client, credentials, message).await
        }
        ChannelCredentials::Telegram(credentials) => {
            telegram::outbound::send(client, credentials, message).await
        }
    }
}
