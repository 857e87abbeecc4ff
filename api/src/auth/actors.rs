//! Who acts, remembered for a moment.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::actor::{Actor, Credential};
use persistence::api_keys::{KeyHolder, KeyProof};

/// How long an actor is believed without asking the database: within this time and the poll of
/// `stream::hub`, less than two seconds in all, a change by another node takes effect.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// Beyond this many the forgotten ones are cleared out.
const CLEAR_ABOVE: usize = 10_000;

/// Who acts by a credential.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who.
    pub actor: Arc<Actor>,
    /// If the credential is a key: what its bearer has to prove in every call.
    pub key: Option<KeyProof>,
}

impl From<Actor> for Known {
    /// By a sign-in, whose access token proves itself.
    fn from(actor: Actor) -> Self {
        Self { actor: Arc::new(actor), key: None }
    }
}

impl From<KeyHolder> for Known {
    fn from(holder: KeyHolder) -> Self {
        Self { actor: Arc::new(holder.actor), key: Some(holder.proof) }
    }
}

/// Actors by credential.
#[derive(Debug, Clone, Default)]
pub struct Actors {
    known: Arc<RwLock<HashMap<Credential, (Instant, Known)>>>,
}

impl Actors {
    /// The actor, if it was read from the database just now.
    #[must_use]
    pub fn get(&self, credential: Credential) -> Option<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&credential)
            .filter(|(read, _)| read.elapsed() < TRUSTED_FOR)
            .map(|(_, known)| known.clone())
    }

    /// Remembers an actor read from the database at `read`, unless a later reading is known.
    pub fn remember(&self, read: Instant, actor: Known) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() > CLEAR_ABOVE {
            known.retain(|_, (read, _)| read.elapsed() < TRUSTED_FOR);
        }
        let credential = actor.actor.credential();
        if known.get(&credential).is_none_or(|(known_at, _)| *known_at <= read) {
            known.insert(credential, (read, actor));
        }
    }

    /// Forgets a credential that has ended.
    pub fn forget(&self, credential: Credential) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&credential);
    }
}
