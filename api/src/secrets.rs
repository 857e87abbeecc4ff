//! The secrets of channels, encrypted at rest: XChaCha20-Poly1305 with a key derived from the
//! installation's secret, bound to the channel so that a row's bytes mean nothing in another row.

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

/// Encrypts.
///
/// # Errors
/// [`Undecipherable`], for values that cannot be written as JSON, which ours can.
pub fn seal(keys: &Keys, channel: ChannelId, secrets: &impl Serialize) -> Result<Vec<u8>, Undecipherable> {
    let plain = serde_json::to_vec(secrets).map_err(|_| Undecipherable(channel))?;
    let nonce: [u8; NONCE_BYTES] = rand::random();
    let payload = Payload { msg: &plain, aad: channel.0.as_bytes() };
    let sealed = cipher(keys).encrypt(&XNonce::from(nonce), payload).map_err(|_| Undecipherable(channel))?;
    Ok([&nonce[..], &sealed[..]].concat())
}

/// Decrypts.
///
/// # Errors
/// [`Undecipherable`].
pub fn open<T: DeserializeOwned>(keys: &Keys, channel: ChannelId, bytes: &[u8]) -> Result<T, Undecipherable> {
    let undecipherable = || Undecipherable(channel);
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or_else(undecipherable)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| undecipherable())?;
    let payload = Payload { msg: sealed, aad: channel.0.as_bytes() };
    let plain = cipher(keys).decrypt(&XNonce::from(nonce), payload).map_err(|_| undecipherable())?;
    serde_json::from_slice(&plain).map_err(|_| undecipherable())
}

fn cipher(keys: &Keys) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&keys.secrets.into())
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
