//! The bytes of customers' files, where they are at each provider.

use std::time::Duration;

use domain::attachment::AttachmentFailure;
use domain::inbound::InboundMedia;
use reqwest::Response;

use super::client::ProviderClient;
use super::outbound::ChannelCredentials;
use super::{telegram, whatsapp};
use crate::outbound_url::{CallError, GuardedClient};

/// A file whose bytes are about to come.
pub struct OpenedMedia {
    /// The answer that has them.
    pub response: Response,
    /// Their SHA-256 in base64, where the provider tells.
    pub sha256: Option<String>,
}

/// Why they do not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaError {
    /// Asking again later may help. The words are for the log.
    Later(&'static str),
    /// It will not.
    Never(AttachmentFailure),
}

/// What is needed to fetch files.
pub struct MediaClient<'a> {
    /// For the providers' own addresses.
    pub providers: &'a ProviderClient,
    /// For those that they name.
    pub guarded: &'a GuardedClient,
    /// The longest time for a file.
    pub timeout: Duration,
}

/// Asks for the bytes of a file, once. `credentials` are those of the channel, if it has a provider. Where one way of getting at them may be shut and another open, both are tried.
///
/// # Errors
/// See [`MediaError`].
pub async fn open(
    client: &MediaClient<'_>,
    credentials: Option<&ChannelCredentials>,
    media: &InboundMedia,
) -> Result<OpenedMedia, MediaError> {
    match credentials {
        Some(ChannelCredentials::WhatsApp(credentials)) => {
            whatsapp::media::open(client, credentials, media).await
        }
        Some(ChannelCredentials::Telegram(credentials)) => {
            telegram::media::open(client, credentials, media).await
        }
        // Links to Messenger's files, and those of integrators, need no credentials, and nothing else leads to them.
        Some(ChannelCredentials::Messenger(_)) | None => {
            let url = media.url.as_deref().ok_or(MediaError::Never(AttachmentFailure::Gone))?;
            opened(client.guarded.get(url, None).await, None)
        }
    }
}

/// What an answer with bytes means.
pub(super) fn opened(
    answer: Result<Response, CallError>,
    sha256: Option<String>,
) -> Result<OpenedMedia, MediaError> {
    match answer {
        Ok(response) => match response.status().as_u16() {
            200 => Ok(OpenedMedia { response, sha256 }),
            408 | 429 | 500..=599 => Err(MediaError::Later("the provider has no file to give now")),
            // Links that have run out are also answered as if somebody had no right to them.
            400..=499 => Err(MediaError::Never(AttachmentFailure::Gone)),
            _ => Err(MediaError::Later("the provider answered what it should not")),
        },
        Err(CallError::Refused) => Err(MediaError::Never(AttachmentFailure::Refused)),
        Err(CallError::Unanswered) => Err(MediaError::Later("the provider did not answer")),
    }
}
