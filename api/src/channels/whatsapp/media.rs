//! Files of customers at WhatsApp: a link of five minutes, and an id of seven days that gives new ones.

use domain::attachment::AttachmentFailure;
use domain::inbound::InboundMedia;
use reqwest::Url;

use super::outbound::WhatsAppCredentials;
use crate::channels::client::Answer;
use crate::channels::json::text_at;
use crate::channels::media::{MediaClient, MediaError, OpenedMedia, opened};

/// Where Meta keeps files: hosts that are given the token although only a webhook names them.
const META: [&str; 4] = [".fbsbx.com", ".facebook.com", ".whatsapp.net", ".fbcdn.net"];

/// Asks for the bytes: by the link in the webhook, and else by a new one.
pub(in crate::channels) async fn open(
    client: &MediaClient<'_>,
    credentials: &WhatsAppCredentials,
    media: &InboundMedia,
) -> Result<OpenedMedia, MediaError> {
    let token = Some(credentials.access_token.as_str());
    if let Some(url) = media.url.as_deref().filter(|url| is_metas(client, url)) {
        let answer = opened(client.guarded.get(url, token).await, media.sha256.clone());
        // Whatever is wrong with this link, a new one may be right.
        if answer.is_ok() || media.provider_media_id.is_none() {
            return answer;
        }
    }
    let id = media.provider_media_id.as_deref().ok_or(MediaError::Never(AttachmentFailure::Gone))?;
    let (url, sha256) = new_link(client, credentials, id).await?;
    match opened(client.guarded.get(&url, token).await, sha256.or_else(|| media.sha256.clone())) {
        // It was new a moment ago.
        Err(MediaError::Never(AttachmentFailure::Gone)) => {
            Err(MediaError::Later("a new link is gone already"))
        }
        answer => answer,
    }
}

/// A new link, and the hash that comes with it.
async fn new_link(
    client: &MediaClient<'_>,
    credentials: &WhatsAppCredentials,
    id: &str,
) -> Result<(String, Option<String>), MediaError> {
    let url = client.providers.graph_url(&[id]).map(|mut url| {
        url.query_pairs_mut().append_pair("phone_number_id", &credentials.phone_number_id);
        url
    });
    match client.providers.get(url, &credentials.access_token).await {
        Answer::Came { status: 200..=299, body, .. } => {
            let url = text_at(&body, "/url").ok_or(MediaError::Later("the provider names no link"))?;
            Ok((url, text_at(&body, "/sha256")))
        }
        // The token is wrong, and may be replaced.
        Answer::Came { status: 401 | 403 | 429, .. } => {
            Err(MediaError::Later("the provider refuses to name a link now"))
        }
        Answer::Came { status: 400..=499, .. } => Err(MediaError::Never(AttachmentFailure::Gone)),
        Answer::Unusable { .. } => Err(MediaError::Never(AttachmentFailure::Refused)),
        Answer::Came { .. } | Answer::NotSent { .. } | Answer::Lost { .. } => {
            Err(MediaError::Later("the provider did not name a link"))
        }
    }
}

/// Is it a place of Meta's, or of whatever stands for it here?
fn is_metas(client: &MediaClient<'_>, url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let base = client.providers.graph_url(&[]).is_some_and(|base| base.origin() == url.origin());
    base || url.host_str().is_some_and(|host| META.iter().any(|suffix| host.ends_with(suffix)))
}
