//! Files of customers at Telegram: asked for by id, fetched from an address that holds the bot's token, which is never stored or shown.

use domain::attachment::AttachmentFailure;
use domain::inbound::InboundMedia;
use serde_json::json;

use super::outbound::TelegramCredentials;
use crate::channels::client::Answer;
use crate::channels::json::text_at;
use crate::channels::media::{MediaClient, MediaError, OpenedMedia, opened};

/// Asks where the bytes are (`getFile`), and then for them.
pub(in crate::channels) async fn open(
    client: &MediaClient<'_>,
    credentials: &TelegramCredentials,
    media: &InboundMedia,
) -> Result<OpenedMedia, MediaError> {
    let id = media.provider_media_id.as_deref().ok_or(MediaError::Never(AttachmentFailure::Gone))?;
    let bot = format!("bot{}", credentials.bot_token);
    let asked = client.providers.telegram_url(&[&bot, "getFile"]);
    let path = match client.providers.post(asked, None, &json!({ "file_id": id })).await {
        Answer::Came { status: 200..=299, body, .. } => {
            text_at(&body, "/result/file_path").ok_or(MediaError::Later("the provider names no path"))?
        }
        Answer::Came { status: 400, body, .. } => {
            let words = text_at(&body, "/description").unwrap_or_default();
            let too_large = words.contains("file is too big");
            let failure = if too_large { AttachmentFailure::TooLarge } else { AttachmentFailure::Gone };
            return Err(MediaError::Never(failure));
        }
        // The token is wrong, and may be replaced.
        Answer::Came { status: 401 | 404 | 429, .. } => {
            return Err(MediaError::Later("the provider refuses to name a path now"));
        }
        Answer::Came { status: 402..=499, .. } => return Err(MediaError::Never(AttachmentFailure::Gone)),
        Answer::Unusable { .. } => return Err(MediaError::Never(AttachmentFailure::Refused)),
        Answer::Came { .. } | Answer::NotSent { .. } | Answer::Lost { .. } => {
            return Err(MediaError::Later("the provider did not name a path"));
        }
    };
    // Parts such as `..` would lead elsewhere.
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err(MediaError::Never(AttachmentFailure::Refused));
    }
    let url = client.providers.telegram_url(&[&["file", bot.as_str()][..], &parts].concat());
    let answer = client.providers.open(url, client.timeout).await;
    match opened(answer, None) {
        // The path is good for an hour; a new one can be asked for.
        Err(MediaError::Never(AttachmentFailure::Gone)) => {
            Err(MediaError::Later("a new path is gone already"))
        }
        answer => answer,
    }
}
