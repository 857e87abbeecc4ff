//! Refresh tokens: opaque to clients, derived and never stored.
//!
//! A token names its sign-in and generation and carries a MAC over both. The sign-in's row holds the
//! present generation, so the successor of a token can be made again for a client whose answer got
//! lost, and a dump of the database holds nothing that signs anybody in.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::id::{SignInId, WorkspaceId};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::keys::{Keys, mac};

const PREFIX: &str = "tgr_";

/// What a token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The sign-in.
    pub sign_in_id: SignInId,
    /// Which of the sign-in's tokens it is, from 1.
    pub generation: i32,
}

impl RefreshToken {
    /// The token's text.
    #[must_use]
    pub fn write(self, keys: &Keys) -> String {
        let body = self.body();
        let tag = mac(&keys.refresh_tokens, &[&body]);
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode([&body[..], &tag[..]].concat()))
    }

    /// Reads a token; `None` if it is not one of ours.
    #[must_use]
    pub fn read(keys: &Keys, text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (body, tag) = bytes.split_at_checked(36)?;
        let right = mac(&keys.refresh_tokens, &[body]);
        if !bool::from(right[..].ct_eq(tag)) {
            return None;
        }
        Some(Self {
            workspace_id: Uuid::from_slice(&body[..16]).ok()?.into(),
            sign_in_id: Uuid::from_slice(&body[16..32]).ok()?.into(),
            generation: i32::from_be_bytes(body[32..].try_into().ok()?),
        })
    }

    fn body(self) -> [u8; 36] {
        let mut body = [0; 36];
        body[..16].copy_from_slice(self.workspace_id.0.as_bytes());
        body[16..32].copy_from_slice(self.sign_in_id.0.as_bytes());
        body[32..].copy_from_slice(&self.generation.to_be_bytes());
        body
    }
}
