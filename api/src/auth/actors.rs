//! Who acts, remembered for a moment.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::actor::Actor;
use domain::id::SignInId;

/// How long an actor is believed without asking the database: within this time and the poll of
/// `stream::hub`, less than two seconds in all, a change by another node takes effect.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// Beyond this many the forgotten ones are cleared out.
const CLEAR_ABOVE: usize = 10_000;

type Known = HashMap<SignInId, (Instant, Arc<Actor>)>;

/// Actors by sign-in.
#[derive(Debug, Clone, Default)]
pub struct Actors {
    known: Arc<RwLock<Known>>,
}

impl Actors {
    /// The actor, if it was read from the database just now.
    #[must_use]
    pub fn get(&self, sign_in: SignInId) -> Option<Arc<Actor>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&sign_in).filter(|(read, _)| read.elapsed() < TRUSTED_FOR).map(|(_, actor)| actor.clone())
    }

    /// Remembers an actor read from the database at `read`, unless a later reading is known.
    pub fn remember(&self, read: Instant, actor: Arc<Actor>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() > CLEAR_ABOVE {
            known.retain(|_, (read, _)| read.elapsed() < TRUSTED_FOR);
        }
        if known.get(&actor.sign_in_id).is_none_or(|(known_at, _)| *known_at <= read) {
            known.insert(actor.sign_in_id, (read, actor));
        }
    }

    /// Forgets a sign-in that has ended.
    pub fn forget(&self, sign_in: SignInId) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&sign_in);
    }
}
