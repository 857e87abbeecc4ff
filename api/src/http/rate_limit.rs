//! How many calls each credential has: the one place that counts them, and the headers that tell
//! (draft-ietf-httpapi-ratelimit-headers).
//!
//! A credential has a minute's calls at hand, and gets them back one after the other, evenly. All access
//! tokens of a sign-in are one credential. Each server counts for itself, in memory.

use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use domain::actor::Credential;
use domain::refusal::{Code, Refusal};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter, clock};

use crate::clock::Clock;

/// The header that says how many calls there are in which time.
pub const POLICY: &str = "RateLimit-Policy";
/// The header that says what is left of them.
pub const LIMIT: &str = "RateLimit";

const POLICY_NAME: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT_NAME: HeaderName = HeaderName::from_static("ratelimit");
const WINDOW_SECONDS: u32 = 60;

type Limiter = RateLimiter<Credential, HashMapStateStore<Credential>, Running, StateInformationMiddleware>;

/// What every credential has left.
pub struct RateLimits(Option<Limiter>);

/// What one credential has left after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    quota: u32,
    remaining: u32,
    /// After so many seconds at most there is one call more.
    more_in_seconds: u64,
    exceeded: bool,
}

impl RateLimits {
    /// So many calls a minute; `None`: no limit.
    #[must_use]
    pub fn new(per_minute: Option<NonZeroU32>, clock: Clock) -> Self {
        Self(per_minute.map(|calls| {
            let limiter = RateLimiter::hashmap_with_clock(Quota::per_minute(calls), Running(clock));
            limiter.with_middleware::<StateInformationMiddleware>()
        }))
    }

    /// Counts a call. `None` if there is no limit.
    #[must_use]
    pub fn count(&self, credential: Credential) -> Option<Allowance> {
        let limiter = self.0.as_ref()?;
        Some(match limiter.check_key(&credential) {
            Ok(left) => Allowance {
                quota: left.quota().burst_size().get(),
                remaining: left.remaining_burst_capacity(),
                more_in_seconds: whole_seconds(left.quota().replenish_interval()),
                exceeded: false,
            },
            Err(not_yet) => Allowance {
                quota: not_yet.quota().burst_size().get(),
                remaining: 0,
                more_in_seconds: whole_seconds(not_yet.wait_time_from(clock::Clock::now(limiter.clock()))),
                exceeded: true,
            },
        })
    }

    /// Forgets the credentials that have all their calls again.
    pub fn forget_idle(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

impl Allowance {
    /// `rate_limited`, if there was no call left for this one.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.exceeded.then(|| Refusal::new(Code::RateLimited).retry_after(self.more_in_seconds))
    }

    /// Tells the caller.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let Self { quota, remaining, more_in_seconds, .. } = self;
        let texts = [
            (POLICY_NAME, format!("\"default\";q={quota};w={WINDOW_SECONDS}")),
            (LIMIT_NAME, format!("\"default\";r={remaining};t={more_in_seconds}")),
        ];
        for (name, text) in texts {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

/// Who waits so long has waited long enough.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// The server's clock, for stretches of time.
struct Running(Clock);

impl clock::Clock for Running {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.running()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use chrono::TimeDelta;
    use domain::actor::Credential;
    use domain::time::Timestamp;
    use uuid::Uuid;

    use super::RateLimits;
    use crate::clock::Clock;

    #[test]
    fn only_who_has_all_its_calls_again_is_forgotten() {
        let clock = Clock::manual(Timestamp::from_unix_seconds(1_795_160_000).unwrap());
        let limits = RateLimits::new(NonZeroU32::new(2), clock.clone());
        let [busy, idle] = [1, 2].map(|id| Credential::ApiKey(Uuid::from_u128(id).into()));
        let left = |credential| limits.count(credential).unwrap().remaining;
        assert_eq!((left(idle), left(busy), left(busy)), (1, 1, 0));
        clock.advance(TimeDelta::seconds(31));
        limits.forget_idle();
        // One call has come back to each; who is forgotten has been whole for as long as a call takes to come back.
        assert_eq!((limits.0.as_ref().unwrap().len(), left(busy)), (2, 0));
        clock.advance(TimeDelta::seconds(30));
        limits.forget_idle();
        assert_eq!((limits.0.as_ref().unwrap().len(), left(busy)), (1, 0));
        assert!(limits.count(busy).unwrap().refusal().is_some());
    }
}
