//! Calls to the servers of integrators: events to their endpoints, messages to their channels.

use std::time::Duration;

use tokio::sync::Notify;

pub mod signature;

/// Wakes who tells the endpoints.
#[derive(Debug, Default)]
pub struct WebhookWaker {
    /// Something was written to a log.
    events: Notify,
    /// Something of an endpoint or a delivery was changed by hand.
    hand: Notify,
}

impl WebhookWaker {
    /// Something was written to a log.
    pub fn something_happened(&self) {
        self.events.notify_one();
    }

    /// Something of an endpoint or a delivery was changed by hand.
    pub fn changed_by_hand(&self) {
        self.hand.notify_one();
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
