//! Calls to the servers of integrators: events to their endpoints, messages to their channels.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Notify;

use crate::config::Times;

pub mod signature;

/// Deliveries to one endpoint claimed at once. More than are sent at once, so that a fast receiver need not wait for the
/// database.
pub const CLAIMED_PER_ENDPOINT: usize = 64;
/// Calls under way at once to one endpoint.
pub const CONCURRENT_PER_ENDPOINT: usize = 16;
/// How many calls may come before one that was claimed.
const TURNS: u32 = (CLAIMED_PER_ENDPOINT / CONCURRENT_PER_ENDPOINT) as u32;

/// For how long a delivery is claimed.
#[must_use]
pub fn claim(times: &Times) -> TimeDelta {
    times.claim(times.webhook_total * TURNS)
}

/// Wakes who tells the endpoints.
#[derive(Debug, Default)]
pub struct WebhookWaker {
    /// Something was written to a log.
    events: Notify,
    /// Something of an endpoint or a delivery was changed by hand.
    hand: Notify,
    /// How often that was.
    changes: AtomicU64,
}

impl WebhookWaker {
    /// Something was written to a log.
    pub fn something_happened(&self) {
        self.events.notify_one();
    }

    /// Something of an endpoint or a delivery was changed by hand.
    pub fn changed_by_hand(&self) {
        self.changes.fetch_add(1, Ordering::Release);
        self.hand.notify_one();
    }

    /// How often something was changed by hand, on this node.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Waits for either, at most so long. Where there are no endpoints, what happens is nobody's concern.
    pub async fn wait(&self, any_endpoints: bool, longest: Duration) {
        tokio::select! {
            () = self.events.notified(), if any_endpoints => {}
            () = self.hand.notified() => {}
            () = tokio::time::sleep(longest) => {}
        }
    }
}
