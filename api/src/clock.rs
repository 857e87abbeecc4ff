//! What time it is: the only place that asks the system.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::time::Timestamp;

/// A clock. Clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock {
    manual: Option<Arc<AtomicI64>>,
    made: Instant,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { manual: None, made: Instant::now() }
    }

    /// A clock that stands at `start` until somebody moves it: for tests.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self { manual: Some(Arc::new(AtomicI64::new(start.unix_micros()))), made: Instant::now() }
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

    /// How much time has gone by since some moment that stays the same: for stretches of time, which setting the
    /// system's clock must neither lengthen nor shorten.
    #[must_use]
    pub fn running(&self) -> Duration {
        match &self.manual {
            Some(micros) => {
                Duration::from_micros(micros.load(Ordering::Acquire).try_into().unwrap_or_default())
            }
            None => self.made.elapsed(),
        }
    }

    /// Moves a manual clock; the system's goes its own way.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(micros) = &self.manual {
            micros.fetch_add(by.num_microseconds().unwrap_or(i64::MAX), Ordering::AcqRel);
        }
    }
}
