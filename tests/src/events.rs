//! Waiting for what happens: by the event log, with a deadline.

use std::future::Future;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::DEADLINE;
use crate::client::Caller;

/// Follows the event log by `GET /v1/events`.
#[derive(Debug, Clone)]
pub struct Follower {
    caller: Caller,
    /// Where it stands.
    pub cursor: String,
    /// What it has seen.
    pub seen: Vec<Value>,
}

impl Follower {
    /// From now on, with the eyes of this caller.
    pub async fn from_now(caller: Caller) -> Self {
        let page = caller.get("/v1/events").await.expect(200);
        let cursor = page["cursor"].as_str().unwrap().to_owned();
        Self { caller, cursor, seen: Vec::new() }
    }

    /// From a cursor on.
    #[must_use]
    pub fn from_cursor(caller: Caller, cursor: String) -> Self {
        Self { caller, cursor, seen: Vec::new() }
    }

    /// The next event that fits; everything before it is in `seen`. Fails after [`DEADLINE`].
    #[track_caller]
    pub fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> impl Future<Output = Value> {
        let started = std::panic::Location::caller();
        async move {
            let until = Instant::now() + DEADLINE;
            let mut from = self.seen.len();
            loop {
                if let Some(at) = self.seen[from..].iter().position(&fits) {
                    let found = self.seen[from + at].clone();
                    // What came in the same answer but later is for the next call.
                    self.unread(from + at + 1);
                    return found;
                }
                from = self.seen.len();
                assert!(
                    Instant::now() < until,
                    "{started}: {what} did not happen; seen: {:#?}",
                    self.names()
                );
                self.more(5).await;
            }
        }
    }

    /// Everything that has happened so far.
    pub async fn rest(&mut self) -> &[Value] {
        while self.more(0).await > 0 {}
        &self.seen
    }

    async fn more(&mut self, wait: u32) -> usize {
        let path = format!("/v1/events?since={}&limit=500&wait={wait}", self.cursor);
        let page = self.caller.get(path).await.expect(200);
        assert_eq!(page["reset"], Value::Null);
        page["cursor"].as_str().unwrap().clone_into(&mut self.cursor);
        let items = page["items"].as_array().unwrap();
        self.seen.extend(items.iter().cloned());
        items.len()
    }

    fn unread(&mut self, keep: usize) {
        if keep < self.seen.len() {
            self.seen.truncate(keep);
            self.seen[keep - 1]["cursor"].as_str().unwrap().clone_into(&mut self.cursor);
        }
    }

    /// The types of what it has seen.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.seen.iter().map(name).collect()
    }
}

/// An event's type.
#[must_use]
pub fn name(event: &Value) -> String {
    event["type"].as_str().unwrap().to_owned()
}

/// Looks until it holds, for what no event tells (a job's attempts, what a provider was asked). Fails
/// after [`DEADLINE`].
#[track_caller]
pub fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> impl Future<Output = T>
where
    F: Future<Output = Option<T>>,
{
    let started = std::panic::Location::caller();
    async move {
        let mut ticks = interval(Duration::from_millis(5));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let looking = async {
            loop {
                ticks.tick().await;
                if let Some(found) = look().await {
                    return found;
                }
            }
        };
        timeout(DEADLINE, looking).await.unwrap_or_else(|_| panic!("{started}: {what} did not happen"))
    }
}
