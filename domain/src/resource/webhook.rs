//! The shapes of webhooks: servers that are told what happens, and what became of it.

use serde::{Deserialize, Serialize};

use crate::event::EventType;
use crate::id::{ChannelId, EventId, WebhookDeliveryId, WebhookEndpointId};
use crate::time::Timestamp;
use crate::webhook::{CallProblem, DeliveryState, PauseReason};

shape! {
    /// A server of an integrator that is told what happens.
    pub struct WebhookEndpoint {
        /// Its id.
        pub id: WebhookEndpointId,
        /// Where events are sent; in events scheme, host and port only.
        #[cfg_attr(feature = "schema", schema(example = "https://crm.example/hooks/tanggap"))]
        pub url: String,
        /// What it is for.
        #[cfg_attr(feature = "schema", schema(example = "Sinkronisasi CRM"))]
        pub description: Option<String>,
        /// The only types of events that are sent; empty: all.
        pub event_types: Vec<EventType>,
        /// The only channels of which it is told; empty: all.
        pub channel_ids: Vec<ChannelId>,
        /// Whether anything is sent.
        pub active: bool,
        /// Why nothing is sent; null if something is.
        pub paused_reason: Option<PauseReason>,
        /// Since when every attempt has failed; null in events, and if the last one did not.
        pub failing_since: Option<Timestamp>,
        /// Events that were no longer kept when it was active again, and will not come: load anew what they were about.
        pub lost_events: Option<LostEvents>,
        /// The last four characters of the secret, to tell one from another.
        #[cfg_attr(feature = "schema", schema(example = "Kx8="))]
        pub secret_ends_with: String,
        /// Until when the secret before the last rotation signs, or signed, too; null if it is the first.
        pub previous_secret_until: Option<Timestamp>,
        /// Rises with every change.
        pub version: i64,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

shape! {
    /// Numbers of events, both included.
    pub struct LostEvents {
        /// The first.
        pub from_seq: i64,
        /// The last.
        pub to_seq: i64,
    }
}

shape! {
    /// What became of an event for an endpoint.
    pub struct WebhookDelivery {
        /// Its id.
        pub id: WebhookDeliveryId,
        /// The endpoint.
        pub endpoint_id: WebhookEndpointId,
        /// The event, and `webhook-id` of every attempt.
        pub event_id: EventId,
        /// The event's type.
        pub event_type: EventType,
        /// The event's number; null for a test.
        pub seq: Option<i64>,
        /// How it stands.
        pub state: DeliveryState,
        /// The last attempts, oldest first: at most 20.
        pub attempts: Vec<DeliveryAttempt>,
        /// When it is tried next, or is found to have been if it is being tried; null if it is settled, or waits for an earlier
        /// event of the same conversation.
        pub next_attempt_at: Option<Timestamp>,
        /// When the event was taken up for the endpoint.
        pub created_at: Timestamp,
    }
}

shape! {
    /// One call to an endpoint.
    pub struct DeliveryAttempt {
        /// When it began.
        pub at: Timestamp,
        /// The status of the answer; null if there was none.
        #[cfg_attr(feature = "schema", schema(example = 204, minimum = 100, maximum = 999))]
        pub status: Option<u16>,
        /// How long it took, in milliseconds.
        pub duration_ms: u64,
        /// How the answer begins: at most 1024 bytes; null if there was none.
        pub response_start: Option<String>,
        /// Why there was no answer.
        pub error: Option<CallProblem>,
    }
}
