//! The keys of an installation, all derived from its one secret.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The shortest secret that is accepted, in bytes.
pub const SECRET_MIN_BYTES: usize = 32;

/// One key per purpose, so that what is made for one is never accepted for another.
#[derive(Clone)]
pub struct Keys {
    /// Signs access tokens.
    pub access_tokens: [u8; 32],
    /// Derives refresh tokens.
    pub refresh_tokens: [u8; 32],
    /// Derives the tokens of invitations and password resets.
    pub one_time_tokens: [u8; 32],
    /// Names accounts and client addresses where wrong passwords are counted.
    pub sign_in_throttle: [u8; 32],
    /// Signs the cursors of lists.
    pub cursors: [u8; 32],
    /// Encrypts the secrets of channels.
    pub secrets: [u8; 32],
    /// Encrypts answers that are kept for repeats and have a secret in them.
    pub answers: [u8; 32],
    /// Signs links to files.
    pub attachment_links: [u8; 32],
    /// Names the key in the header of access tokens; says nothing of the key.
    pub id: String,
}

/// The secret is too short to be one.
#[derive(Debug, thiserror::Error)]
#[error(
    "TANGGAP_SECRET_KEY must have at least {SECRET_MIN_BYTES} bytes; `openssl rand -hex 32` makes a good one"
)]
pub struct SecretTooShort;

impl Keys {
    /// Derives the keys.
    ///
    /// # Errors
    /// [`SecretTooShort`].
    pub fn from_secret(secret: &str) -> Result<Self, SecretTooShort> {
        if secret.len() < SECRET_MIN_BYTES {
            return Err(SecretTooShort);
        }
        let id = derive(secret, "key id");
        Ok(Self {
            access_tokens: derive(secret, "access tokens"),
            refresh_tokens: derive(secret, "refresh tokens"),
            one_time_tokens: derive(secret, "one-time tokens"),
            sign_in_throttle: derive(secret, "sign-in throttle"),
            cursors: derive(secret, "list cursors"),
            secrets: derive(secret, "channel secrets"),
            answers: derive(secret, "kept answers"),
            attachment_links: derive(secret, "attachment links"),
            id: hex::encode(&id[..4]),
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("id", &self.id).finish_non_exhaustive()
    }
}

fn derive(secret: &str, purpose: &str) -> [u8; 32] {
    mac(secret.as_bytes(), &[b"tanggap ", purpose.as_bytes()])
}

/// HMAC-SHA256 over the parts, one after the other.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length; the error type exists for other algorithms.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("HMAC takes any key") };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
