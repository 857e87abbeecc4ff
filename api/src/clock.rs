//! What time it is: the only place that asks the system.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use domain::time::Timestamp;

/// A clock. Clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock {
    manual: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { manual: None }
    }

    /// A clock that stands at `start` until somebody moves it: for tests.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self { manual: Some(Arc::new(AtomicI64::new(start.unix_micros()))) }
    }

    /// Now, in whole microseconds.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the replacement that the ban names")]
    pub fn now(&self) -> Timestamp {
        let system = || Timestamp::new(chrono::Utc::now());
        match &self.manual {
            Some(micros) => {
                Timestamp::from_unix_micros(micros.load(Ordering::Acquire)).unwrap_or_else(system)
            }
            None => system(),
        }
    }

    /// Moves a manual clock; the system's goes its own way.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(micros) = &self.manual {
            micros.fetch_add(by.num_microseconds().unwrap_or(i64::MAX), Ordering::AcqRel);
        }
    }
}
