//! Calls to the servers of integrators: what an answer means, and when a call is made again.

use chrono::TimeDelta;

use crate::text_enum::text_enum;

text_enum! {
    /// What became of an event for an endpoint.
    pub enum DeliveryState {
        /// It is to be delivered, for the first time or again.
        Pending = "pending",
        /// The endpoint has taken it.
        Delivered = "delivered",
        /// It is not tried again by itself.
        Failed = "failed",
    }
}

text_enum! {
    /// Why nothing is sent to an endpoint.
    pub enum PauseReason {
        /// An admin wanted it so.
        Admin = "admin",
        /// It has refused everything, or not answered, for too long.
        Failing = "failing",
        /// It answered that it is gone (410).
        Gone = "gone",
    }
}

text_enum! {
    /// Why a call got no answer that counts.
    pub enum CallProblem {
        /// The address is not one that may be called.
        AddressRefused = "address_refused",
        /// No connection could be made.
        NotConnected = "not_connected",
        /// The answer did not come in time.
        TimedOut = "timed_out",
        /// The connection broke before the answer.
        BrokenOff = "broken_off",
        /// It could not be signed: the installation's key is another one than when the secret was stored.
        Unsigned = "unsigned",
        /// The event is no longer kept.
        EventExpired = "event_expired",
        /// The endpoint no longer wants such events.
        NotWanted = "not_wanted",
    }
}

/// What came back from a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// An answer with this status.
    Status {
        /// The status of HTTP.
        status: u16,
        /// How long it asks to be left alone (`Retry-After`).
        retry_after: Option<TimeDelta>,
    },
    /// Nothing that counts.
    Nothing(CallProblem),
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It was taken.
    Delivered,
    /// It is to be tried again after this time.
    Again(TimeDelta),
    /// It is not tried again.
    GivenUp,
    /// The receiver is gone for good, and wants nothing more.
    Gone,
}

/// How long after each failed attempt the next one is made, if nothing else is set: ten attempts in a little more than three days.
pub const SCHEDULE: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];

/// The longest that a receiver is left alone because it asks for it.
const ASKED_MAX: TimeDelta = TimeDelta::hours(24);

/// Jitter is at most one part in so many of a delay, either way.
const JITTER_PARTS: f64 = 10.0;

/// What follows from the answer to the attempt with this number, the first being 1. `schedule` has how long is waited after
/// each failed attempt but the last; `jitter` is a random number from -1 to 1, so that what failed together does not come back
/// together.
#[must_use]
pub fn next(schedule: &[TimeDelta], attempt: u32, answer: Answer, jitter: f64) -> Next {
    let asked = match answer {
        Answer::Status { status: 200..=299, .. } => return Next::Delivered,
        Answer::Status { status: 410, .. } => return Next::Gone,
        Answer::Status { retry_after, .. } => retry_after.unwrap_or_default(),
        Answer::Nothing(CallProblem::EventExpired | CallProblem::NotWanted) => return Next::GivenUp,
        Answer::Nothing(_) => TimeDelta::zero(),
    };
    wait(schedule, attempt, asked, jitter).map_or(Next::GivenUp, Next::Again)
}

/// How long is waited after the failed attempt with this number if the receiver asks to be left alone for `asked`; `None` after the
/// last one. The rest as in [`next`].
#[must_use]
pub fn wait(schedule: &[TimeDelta], attempt: u32, asked: TimeDelta, jitter: f64) -> Option<TimeDelta> {
    let place = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let delay = schedule.get(place)?;
    Some(jittered(*delay, jitter).max(asked.min(ASKED_MAX)))
}

fn jittered(delay: TimeDelta, jitter: f64) -> TimeDelta {
    let seconds = delay.as_seconds_f64() * (1.0 + jitter.clamp(-1.0, 1.0) / JITTER_PARTS);
    // Whole milliseconds of at most a day and a bit: far within what both types hold.
    #[allow(clippy::cast_possible_truncation)]
    let millis = (seconds * 1000.0) as i64;
    TimeDelta::milliseconds(millis)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{Answer, CallProblem, Next, SCHEDULE, next};

    fn status(status: u16, retry_after: Option<i64>) -> Answer {
        Answer::Status { status, retry_after: retry_after.map(TimeDelta::seconds) }
    }

    #[test]
    fn each_attempt_waits_longer_and_the_tenth_is_the_last() {
        for answer in
            [status(500, None), status(301, None), status(429, None), Answer::Nothing(CallProblem::TimedOut)]
        {
            let waits: Vec<Next> = (1..=10).map(|attempt| next(&SCHEDULE, attempt, answer, 0.0)).collect();
            let expected = SCHEDULE.map(Next::Again);
            assert_eq!((&waits[..9], waits[9]), (&expected[..], Next::GivenUp), "{answer:?}");
        }
        let days = SCHEDULE.iter().sum::<TimeDelta>();
        assert!(days > TimeDelta::days(3) && days < TimeDelta::hours(76));
    }

    #[test]
    fn jitter_spreads_by_a_tenth_and_what_is_asked_is_the_least() {
        let wait = |jitter, answer| match next(&SCHEDULE, 2, answer, jitter) {
            Next::Again(wait) => wait.num_seconds(),
            other => panic!("{other:?}"),
        };
        assert_eq!([-1.0, 1.0, 7.0].map(|jitter| wait(jitter, status(500, None))), [270, 330, 330]);
        assert_eq!(wait(-1.0, status(429, Some(299))), 299);
        assert_eq!(wait(1.0, status(503, Some(20))), 330);
        assert_eq!(wait(0.0, status(429, Some(1_000_000_000))), 24 * 3600);
    }

    #[test]
    fn what_is_settled_is_not_tried_again() {
        assert_eq!(
            [200, 204, 299].map(|code| next(&SCHEDULE, 1, status(code, Some(9)), 0.0)),
            [Next::Delivered; 3]
        );
        assert_eq!(next(&SCHEDULE, 1, status(410, None), 0.0), Next::Gone);
        assert_eq!(next(&SCHEDULE, 1, Answer::Nothing(CallProblem::EventExpired), 0.0), Next::GivenUp);
    }
}
