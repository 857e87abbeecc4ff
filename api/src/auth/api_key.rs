//! The keys of programs: `tgk_`, then workspace, id and 32 random bytes in one piece of base64url.
//!
//! Of the random part only its SHA-256 is stored; it needs no slow hash, because nobody can guess 256
//! random bits. The ids say which row to compare it with.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::id::{ApiKeyId, WorkspaceId};
use persistence::api_keys::KeyProof;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// How every key begins.
pub const PREFIX: &str = "tgk_";
const SECRET_BYTES: usize = 32;
/// How much of its end may be shown of a key.
const SHOWN_CHARACTERS: usize = 4;

/// A key that was just made. Its text is shown once and stored nowhere.
pub struct FreshKey {
    /// The whole key.
    pub text: String,
    /// What is stored of the secret part.
    pub secret_hash: [u8; 32],
    /// The last characters, for people who have to tell one key from another.
    pub ends_with: String,
}

impl FreshKey {
    /// Makes the text of a key.
    #[must_use]
    pub fn make(workspace: WorkspaceId, id: ApiKeyId) -> Self {
        let secret: [u8; SECRET_BYTES] = rand::random();
        let bytes = [&workspace.0.as_bytes()[..], &id.0.as_bytes()[..], &secret[..]].concat();
        let text = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let ends_with = text[text.len() - SHOWN_CHARACTERS..].to_owned();
        Self { text, secret_hash: Sha256::digest(secret).into(), ends_with }
    }
}

/// What somebody presents as a key: which one, and a hash to be compared.
#[derive(Debug, Clone, Copy)]
pub struct PresentedKey {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Which key.
    pub id: ApiKeyId,
    secret_hash: [u8; 32],
}

impl PresentedKey {
    /// Reads a key; `None` if it does not look like one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (workspace, rest) = bytes.split_at_checked(16)?;
        let (id, secret) = rest.split_at_checked(16)?;
        (secret.len() == SECRET_BYTES).then_some(())?;
        Some(Self {
            workspace_id: Uuid::from_slice(workspace).ok()?.into(),
            id: Uuid::from_slice(id).ok()?.into(),
            secret_hash: Sha256::digest(secret).into(),
        })
    }

    /// Is its secret part the right one?
    #[must_use]
    pub fn fits(&self, proof: &KeyProof) -> bool {
        self.secret_hash.ct_eq(&proof.secret_hash).into()
    }
}

#[cfg(test)]
mod tests {
    use persistence::api_keys::KeyProof;
    use uuid::Uuid;

    use super::{FreshKey, PresentedKey};

    fn proof(secret_hash: [u8; 32]) -> KeyProof {
        KeyProof { secret_hash, expires_at: None }
    }

    #[test]
    fn a_key_names_itself_and_only_its_own_secret_fits() {
        let (workspace, id) = (Uuid::from_u128(1).into(), Uuid::from_u128(2).into());
        let (key, other) = (FreshKey::make(workspace, id), FreshKey::make(workspace, id));
        let read = PresentedKey::read(&key.text).unwrap();
        assert_eq!((read.workspace_id, read.id), (workspace, id));
        assert!(read.fits(&proof(key.secret_hash)) && !read.fits(&proof(other.secret_hash)));
        assert!(key.text.ends_with(&key.ends_with) && key.ends_with.len() == 4);
        for odd in ["", "tgk_", &key.text[4..], &key.text[..key.text.len() - 2], &format!("{}AA", key.text)] {
            assert!(PresentedKey::read(odd).is_none(), "{odd}");
        }
    }
}
