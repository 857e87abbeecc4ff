//! New ids.

use std::sync::{Arc, Mutex, PoisonError};

use domain::time::Timestamp;
use uuid::{ContextV7, Uuid};

/// Makes UUIDs of version 7 that rise within this process, also within one millisecond. Messages are
/// shown in the order of their ids.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    context: Arc<Mutex<ContextV7>>,
}

impl Ids {
    /// A new id; `now` is what its time part says.
    pub fn make<Id: From<Uuid>>(&self, now: Timestamp) -> Id {
        let at = now.to_chrono();
        let seconds = u64::try_from(at.timestamp()).unwrap_or(0);
        // A panic while holding the lock cannot leave the counter in a state that matters.
        let context = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = uuid::Timestamp::from_unix(&*context, seconds, at.timestamp_subsec_nanos());
        Uuid::new_v7(stamp).into()
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;
    use domain::time::Timestamp;
    use uuid::Uuid;

    #[test]
    fn rise_within_one_moment() {
        let (ids, now) = (Ids::default(), Timestamp::from_unix_seconds(1_795_140_843).unwrap());
        let made: Vec<Uuid> = (0..1000).map(|_| ids.make(now)).collect();
        assert!(made.is_sorted_by(|a, b| a < b));
    }
}
