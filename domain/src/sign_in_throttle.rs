//! How long somebody who gave wrong passwords has to wait.
//!
//! Failures are counted per account and client address together, which is what stops guessing; per
//! client address, so that one machine cannot try one password on every account; and per account over
//! all addresses, mildly, because anybody can give wrong passwords for somebody else's account.
//!
//! Failures are forgotten one after the other, so that an office behind one address does not gather
//! them for months. How many there are follows from when the last will be forgotten: nothing has to be
//! written for one to be.

use chrono::TimeDelta;

use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// Whose failures are counted together.
    pub enum ThrottleScope {
        /// One account from one client address.
        Pair = "pair",
        /// One client address, over all accounts.
        Address = "address",
        /// One account, over all client addresses.
        Account = "account",
    }
}

/// How long an address is known to an account after it gave the right password: the failures of
/// others do not hold it up.
pub const FAMILIAR_DAYS: i64 = 30;

impl ThrottleScope {
    /// So many failures cost nothing.
    #[must_use]
    pub const fn free(self) -> i64 {
        match self {
            Self::Pair => 5,
            Self::Address => 50,
            Self::Account => 20,
        }
    }

    /// The longest delay.
    #[must_use]
    pub const fn longest(self) -> TimeDelta {
        match self {
            Self::Pair | Self::Address => TimeDelta::minutes(15),
            Self::Account => TimeDelta::seconds(30),
        }
    }

    /// More failures than this are not remembered: the delay grows no further.
    #[must_use]
    pub const fn most(self) -> i64 {
        match self {
            Self::Pair | Self::Address => self.free() + 10,
            Self::Account => self.free() + 5,
        }
    }

    /// After this time one failure is forgotten.
    #[must_use]
    pub const fn forgets_one_in(self) -> TimeDelta {
        match self {
            Self::Pair => TimeDelta::hours(1),
            Self::Address | Self::Account => TimeDelta::minutes(10),
        }
    }
}

/// The failures of one account, address, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// When the last one happened.
    pub last_at: Timestamp,
    /// When the last of them will be forgotten.
    pub forgotten_at: Timestamp,
}

impl Failures {
    /// None, at `now`.
    #[must_use]
    pub fn none(now: Timestamp) -> Self {
        Self { last_at: now, forgotten_at: now }
    }

    /// How many there were when the last one happened, less those forgotten before.
    #[must_use]
    pub fn count(self, scope: ThrottleScope) -> i64 {
        let each = scope.forgets_one_in().num_milliseconds();
        let left = self.forgotten_at.since(self.last_at).num_milliseconds().max(0);
        (left + each - 1) / each
    }

    /// How long the next attempt has to wait: not at all below [`ThrottleScope::free`], then a second,
    /// and twice as long with each further failure.
    #[must_use]
    pub fn wait(self, scope: ThrottleScope, now: Timestamp) -> TimeDelta {
        let Ok(beyond) = u32::try_from(self.count(scope) - scope.free()) else { return TimeDelta::zero() };
        let delay = TimeDelta::seconds(1 << beyond.min(30)).min(scope.longest());
        (delay - now.since(self.last_at)).max(TimeDelta::zero())
    }

    /// With another failure.
    #[must_use]
    pub fn and_one(self, scope: ThrottleScope, now: Timestamp) -> Self {
        let each = scope.forgets_one_in();
        let most = now.plus(each * i32::try_from(scope.most()).unwrap_or(i32::MAX));
        Self {
            last_at: self.last_at.max(now),
            forgotten_at: self.forgotten_at.max(now).plus(each).min(most).max(self.forgotten_at),
        }
    }

    /// Without the failure that turned `before` into `after`, whatever happened since.
    #[must_use]
    pub fn without(self, before: Self, after: Self) -> Self {
        if self == after {
            return before;
        }
        let added = after.forgotten_at.since(before.forgotten_at.max(after.last_at));
        Self { forgotten_at: self.forgotten_at.plus(-added), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failures, ThrottleScope};
    use crate::time::Timestamp;
    use chrono::TimeDelta;
    use proptest::prelude::{Strategy, any, proptest};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(1_795_160_000_000 + millis).unwrap()
    }

    fn at_once(scope: ThrottleScope, count: usize) -> Failures {
        (0..count).fold(Failures::none(at(0)), |failures, _| failures.and_one(scope, at(0)))
    }

    fn seconds(scope: ThrottleScope, count: usize) -> i64 {
        at_once(scope, count).wait(scope, at(0)).num_seconds()
    }

    #[test]
    fn the_delay_begins_late_doubles_and_has_an_end() {
        let pair: Vec<_> = (0..=17).map(|count| seconds(ThrottleScope::Pair, count)).collect();
        assert_eq!(pair, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        let address: Vec<_> =
            [49, 50, 51, 59, 60, 90].map(|count| seconds(ThrottleScope::Address, count)).into();
        assert_eq!(address, [0, 1, 2, 512, 900, 900]);
        let account: Vec<_> = [19, 20, 24, 25, 90].map(|count| seconds(ThrottleScope::Account, count)).into();
        assert_eq!(account, [0, 1, 16, 30, 30]);
    }

    #[test]
    fn the_delay_runs_out_and_failures_are_forgotten_one_by_one() {
        let failures = at_once(ThrottleScope::Pair, 7);
        assert_eq!(failures.wait(ThrottleScope::Pair, at(3_999)), TimeDelta::milliseconds(1));
        assert_eq!(failures.wait(ThrottleScope::Pair, at(4_000)), TimeDelta::zero());
        let hours = |hours: i64| at(hours * 3_600_000);
        assert_eq!(failures.and_one(ThrottleScope::Pair, hours(3)).count(ThrottleScope::Pair), 5);
        assert_eq!(failures.and_one(ThrottleScope::Pair, hours(7)).count(ThrottleScope::Pair), 1);
        assert_eq!(failures.forgotten_at, hours(7));
    }

    /// A hundred people behind one address who mistype once a day each.
    #[test]
    fn an_office_is_never_held_up() {
        let scope = ThrottleScope::Address;
        let mut failures = Failures::none(at(0));
        for minute in (0..30 * 24 * 60).step_by(14) {
            let now = at(minute * 60_000);
            assert_eq!(failures.wait(scope, now), TimeDelta::zero());
            failures = failures.and_one(scope, now);
        }
    }

    fn scopes() -> impl Strategy<Value = ThrottleScope> {
        any::<usize>().prop_map(|which| ThrottleScope::ALL[which % ThrottleScope::ALL.len()])
    }

    proptest! {
        #[test]
        fn one_more_failure_never_shortens_the_wait_and_no_wait_is_longer_than_the_longest(
            scope in scopes(), pauses in proptest::collection::vec(0_i64..2_000_000, 0..120)
        ) {
            let (mut failures, mut now) = (Failures::none(at(0)), 0);
            for pause in pauses {
                now += pause;
                let next = failures.and_one(scope, at(now));
                assert!(next.wait(scope, at(now)) >= failures.wait(scope, at(now)));
                assert!(next.wait(scope, at(now)) <= scope.longest());
                assert!(next.count(scope) <= scope.most() && next.count(scope) >= 1);
                failures = next;
            }
            assert_eq!(failures.wait(scope, failures.last_at.plus(scope.longest())), TimeDelta::zero());
        }

        #[test]
        fn a_failure_that_was_none_leaves_no_trace(
            scope in scopes(), count in 0_usize..9, later in 0_usize..5, pause in 0_i64..10_000_000
        ) {
            let before = at_once(scope, count);
            let after = before.and_one(scope, at(pause));
            assert_eq!(after.without(before, after), before);
            let (mut with, mut never) = (after, before);
            for _ in 0..later {
                with = with.and_one(scope, at(pause));
                never = never.and_one(scope, at(pause));
            }
            assert_eq!(with.without(before, after), never);
        }
    }
}
