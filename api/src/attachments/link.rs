//! Links that show a file for a few minutes to whoever has them: `<img>` and `<video>` send no credentials.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use domain::attachment::AttachmentState;
use domain::id::{AttachmentId, WorkspaceId};
use domain::resource::{Attachment, SignedUrl};
use domain::time::Timestamp;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::auth::keys::mac;
use crate::state::App;

/// How long a link is good, in minutes.
const MINUTES: i64 = 5;

/// The bytes of a workspace's id, before the signature proper.
const WORKSPACE_BYTES: usize = 16;

/// A link to a file.
#[must_use]
pub fn sign(app: &App, workspace: WorkspaceId, id: AttachmentId) -> SignedUrl {
    // Whole seconds, as in the link.
    let seconds = app.clock.now().plus(TimeDelta::minutes(MINUTES)).unix_seconds();
    let expires_at = Timestamp::from_unix_seconds(seconds).unwrap_or_else(|| app.clock.now());
    let made = signature(&app.keys.attachment_links, workspace, id, seconds);
    let words = BASE64_URL_SAFE_NO_PAD.encode([&workspace.0.as_bytes()[..], &made].concat());
    let base = &app.settings.public_url;
    SignedUrl {
        attachment_id: id,
        signed_url: format!("{base}/v1/attachments/{id}/content?expires={seconds}&signature={words}"),
        signed_url_expires_at: expires_at,
    }
}

/// The file with a link, if its bytes are here.
#[must_use]
pub fn with_link(app: &App, workspace: WorkspaceId, attachment: Attachment) -> Attachment {
    if attachment.state != AttachmentState::Stored {
        return attachment;
    }
    let SignedUrl { signed_url, signed_url_expires_at, .. } = sign(app, workspace, attachment.id);
    Attachment {
        signed_url: Some(signed_url),
        signed_url_expires_at: Some(signed_url_expires_at),
        ..attachment
    }
}

/// The workspace whose file a link shows; `None` if it is not one of ours, or has run out.
#[must_use]
pub fn opened(app: &App, id: AttachmentId, expires: i64, words: &str) -> Option<WorkspaceId> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(words).ok()?;
    let (workspace, given) = bytes.split_at_checked(WORKSPACE_BYTES)?;
    let workspace = WorkspaceId(Uuid::from_slice(workspace).ok()?);
    let own = signature(&app.keys.attachment_links, workspace, id, expires);
    let good = bool::from(own.ct_eq(given)) && app.clock.now().unix_seconds() < expires;
    good.then_some(workspace)
}

fn signature(key: &[u8], workspace: WorkspaceId, id: AttachmentId, expires: i64) -> [u8; 32] {
    mac(key, &[workspace.0.as_bytes(), id.0.as_bytes(), &expires.to_be_bytes()])
}
