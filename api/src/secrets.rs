//! What is encrypted at rest: XChaCha20-Poly1305 with keys derived from the installation's secret, bound
//! to the row so that its bytes mean nothing in another row.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use domain::id::ChannelId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::auth::keys::Keys;

const NONCE_BYTES: usize = 24;

/// The secrets of a channel cannot be read: another key wrote them, or somebody changed them.
#[derive(Debug, thiserror::Error)]
#[error("the secrets of channel {0} cannot be decrypted with this TANGGAP_SECRET_KEY")]
pub struct Undecipherable(pub ChannelId);

/// Encrypts the secrets of a channel.
///
/// # Errors
/// [`Undecipherable`], for values that cannot be written as JSON, which ours can.
pub fn seal(keys: &Keys, channel: ChannelId, secrets: &impl Serialize) -> Result<Vec<u8>, Undecipherable> {
    let plain = serde_json::to_vec(secrets).map_err(|_| Undecipherable(channel))?;
    seal_bytes(&keys.secrets, channel.0.as_bytes(), &plain).ok_or(Undecipherable(channel))
}

/// Decrypts the secrets of a channel.
///
/// # Errors
/// [`Undecipherable`].
pub fn open<T: DeserializeOwned>(keys: &Keys, channel: ChannelId, bytes: &[u8]) -> Result<T, Undecipherable> {
    let plain = open_bytes(&keys.secrets, channel.0.as_bytes(), bytes).ok_or(Undecipherable(channel))?;
    serde_json::from_slice(&plain).map_err(|_| Undecipherable(channel))
}

/// Encrypts; `place` says where the bytes belong. `None` if they are too many for the cipher, 256 GB.
#[must_use]
pub fn seal_bytes(key: &[u8; 32], place: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let nonce: [u8; NONCE_BYTES] = rand::random();
    let payload = Payload { msg: plain, aad: place };
    let sealed = cipher(key).encrypt(&XNonce::from(nonce), payload).ok()?;
    Some([&nonce[..], &sealed[..]].concat())
}

/// Decrypts; `None` if another key or place wrote them, or somebody changed them.
#[must_use]
pub fn open_bytes(key: &[u8; 32], place: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    cipher(key).decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: place }).ok()
}

fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*key).into())
}

#[cfg(test)]
mod tests {
    use super::{open, seal};
    use crate::auth::keys::Keys;
    use uuid::Uuid;

    #[test]
    fn only_the_same_key_and_channel_read_it_back() {
        let (keys, others) =
            (Keys::from_secret(&"a".repeat(32)).unwrap(), Keys::from_secret(&"b".repeat(32)).unwrap());
        let (channel, other) = (Uuid::from_u128(1).into(), Uuid::from_u128(2).into());
        let sealed = seal(&keys, channel, &"EAAG-token").unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"EAAG"));
        assert_eq!(open::<String>(&keys, channel, &sealed).unwrap(), "EAAG-token");
        assert!(open::<String>(&others, channel, &sealed).is_err());
        assert!(open::<String>(&keys, other, &sealed).is_err());
    }
}
