//! Who acts, remembered for a moment.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::actor::{Actor, Credential};

/// How long an actor is believed without asking the database: within this time and the poll of
/// `stream::hub`, less than two seconds in all, a change by another node takes effect.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// Beyond this many the forgotten ones are cleared out.
const CLEAR_ABOVE: usize = 10_000;

type Known = HashMap<Credential, (Instant, Arc<Actor>)>;

/// Actors by credential.
#[derive(Debug, Clone, Default)]
pub struct Actors {
    known: Arc<RwLock<Known>>,
}

impl Actors {
    /// The actor, if it was read from the database just now.
    #[must_use]
    pub fn get(&self, credential: Credential) -> Option<Arc<Actor>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&credential)
            .filter(|(read, _)| read.elapsed() < TRUSTED_FOR)
            .map(|(_, actor)| actor.clone())
    }

    /// Remembers an actor read from the database at `read`, unless a later reading is known.
    pub fn remember(&self, read: Instant, actor: Arc<Actor>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() > CLEAR_ABOVE {
            known.retain(|_, (read, _)| read.elapsed() < TRUSTED_FOR);
        }
        if known.get(&actor.credential()).is_none_or(|(known_at, _)| *known_at <= read) {
            known.insert(actor.credential(), (read, actor));
        }
    }

    /// Forgets a credential that has ended.
    pub fn forget(&self, credential: Credential) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&credential);
    }
}
