//! One-time tokens: mailed to a member in a link, derived and never stored.
//!
//! A token names its row and carries a MAC over that and its purpose, so that the token of an
//! invitation resets no password. The row says until when it is good and whether it was used.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::id::{OneTimeTokenId, WorkspaceId};
use domain::one_time_token::TokenPurpose;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::keys::{Keys, mac};

const PREFIX: &str = "tgo_";

/// What a token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneTimeToken {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The token's row.
    pub id: OneTimeTokenId,
    /// What it is good for.
    pub purpose: TokenPurpose,
}

impl OneTimeToken {
    /// The token's text.
    #[must_use]
    pub fn write(self, keys: &Keys) -> String {
        let mut body = [0; 32];
        body[..16].copy_from_slice(self.workspace_id.0.as_bytes());
        body[16..].copy_from_slice(self.id.0.as_bytes());
        let tag = tag(keys, self.purpose, &body);
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode([&body[..], &tag[..]].concat()))
    }

    /// Reads a token of this purpose; `None` if it is not one of ours.
    #[must_use]
    pub fn read(keys: &Keys, purpose: TokenPurpose, text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (body, given) = bytes.split_at_checked(32)?;
        if !bool::from(tag(keys, purpose, body)[..].ct_eq(given)) {
            return None;
        }
        Some(Self {
            workspace_id: Uuid::from_slice(&body[..16]).ok()?.into(),
            id: Uuid::from_slice(&body[16..]).ok()?.into(),
            purpose,
        })
    }
}

fn tag(keys: &Keys, purpose: TokenPurpose, body: &[u8]) -> [u8; 32] {
    mac(&keys.one_time_tokens, &[purpose.as_str().as_bytes(), b" ", body])
}

#[cfg(test)]
mod tests {
    use super::OneTimeToken;
    use crate::auth::keys::Keys;
    use domain::one_time_token::TokenPurpose;
    use uuid::Uuid;

    #[test]
    fn only_the_same_key_and_purpose_read_it_back() {
        let (keys, others) =
            (Keys::from_secret(&"a".repeat(32)).unwrap(), Keys::from_secret(&"b".repeat(32)).unwrap());
        let token = OneTimeToken {
            workspace_id: Uuid::from_u128(1).into(),
            id: Uuid::from_u128(2).into(),
            purpose: TokenPurpose::Invitation,
        };
        let text = token.write(&keys);
        assert_eq!(OneTimeToken::read(&keys, TokenPurpose::Invitation, &text), Some(token));
        assert_eq!(OneTimeToken::read(&keys, TokenPurpose::PasswordReset, &text), None);
        assert_eq!(OneTimeToken::read(&others, TokenPurpose::Invitation, &text), None);
        for at in 0..text.len() {
            let mut bent = text.clone().into_bytes();
            bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
            let bent = String::from_utf8(bent).unwrap();
            assert_eq!(OneTimeToken::read(&keys, TokenPurpose::Invitation, &bent), None, "{at}");
        }
    }
}
