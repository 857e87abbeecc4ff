//! What is sent to a customer, and what came of it, in the words of the product.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use domain::attachment::AttachmentKind;
use domain::channel::ChannelKind;
use domain::id::MessageId;
use domain::inbound::ProviderError;
use domain::outbound::OutboundContent;

use super::client::ProviderClient;
use super::errors;
use super::file::{FileBytes, OutboundFile};
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
    /// The file that belongs to it.
    pub file: Option<OutboundFile>,
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

/// Whether files are handed over before the message that they belong to; a message then names them.
#[must_use]
pub fn uploads_first(kind: ChannelKind) -> bool {
    match kind {
        ChannelKind::WhatsApp | ChannelKind::Messenger => true,
        // An integrator gets a link.
        ChannelKind::Telegram | ChannelKind::Api => false,
    }
}

/// How long a file that was handed over can be named: WhatsApp keeps it for 30 days, Messenger longer.
pub const UPLOAD_KEPT: TimeDelta = TimeDelta::days(29);

/// Hands a file to a provider where [`uploads_first`] says so, and answers what the provider calls it. Doing it twice
/// leaves a copy there that nobody sees. It takes at most [`super::ProviderSettings::upload_timeout`].
///
/// # Errors
/// Why the provider did not take it; what cannot be known is worth another try.
pub async fn upload(
    client: &ProviderClient,
    credentials: &ChannelCredentials,
    (kind, file): (AttachmentKind, &OutboundFile),
    bytes: FileBytes,
) -> Result<String, SendFailure> {
    match credentials {
        ChannelCredentials::WhatsApp(credentials) => {
            whatsapp::upload::upload(client, credentials, file, bytes).await
        }
        ChannelCredentials::Messenger(credentials) => {
            messenger::upload::upload(client, credentials, (kind, file), bytes).await
        }
        ChannelCredentials::Telegram(_) => {
            let detail = "files go with their messages".to_owned();
            let provider = ProviderError { code: "request".to_owned(), detail };
            Err(errors::MEDIA_REJECTED.failure(provider, None))
        }
    }
}

/// The failure of a message whose file is not there.
#[must_use]
pub fn missing_file() -> SendFailure {
    errors::FILE_LOST.failure(ProviderError { code: "file".to_owned(), detail: String::new() }, None)
}

/// Hands a message to the provider, once. It never fails otherwise than by its outcome, and takes at
/// most [`super::ProviderSettings::total_timeout`], or `upload_timeout` with `bytes`: those of its file, where they
/// go with it.
pub async fn send(
    client: &ProviderClient,
    credentials: &ChannelCredentials,
    message: &OutboundMessage,
    bytes: Option<FileBytes>,
) -> SendOutcome {
    match credentials {
        ChannelCredentials::WhatsApp(credentials) => {
            whatsapp::outbound::send(client, credentials, message).await
        }
        ChannelCredentials::Messenger(credentials) => {
            messenger::outbound::send(client, credentials, message).await
        }
        ChannelCredentials::Telegram(credentials) => {
            telegram::outbound::send(client, credentials, message, bytes).await
        }
    }
}

/// A message that this provider has no form for, or whose file is not there: the caller should have looked.
pub(super) fn unsendable() -> SendOutcome {
    let detail = "there is no request for this message".to_owned();
    let provider = ProviderError { code: "request".to_owned(), detail };
    SendOutcome::Refused(errors::MESSAGE_REJECTED.failure(provider, None))
}
