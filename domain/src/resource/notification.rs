//! What a member is to know of, and how it wants to be told.

use serde::{Deserialize, Serialize};

use crate::id::{ChannelId, ConversationId, NotificationId, TicketId};
use crate::notification::NotificationKind;
use crate::time::Timestamp;

shape! {
    /// What one member is to know of.
    #[cfg_attr(feature = "schema", schema(example = json!({
        "id": "01932f6a-7c1e-7b52-9d0c-5a4be1f0a4c7", "kind": "unanswered",
        "conversation_id": "01932f6a-7c1e-7b52-9d0c-5a4be1f0a4c8", "ticket_id": null, "channel_id": null,
        "text": "Rina Marlina has been waiting for an answer for 5 minutes", "read_at": null,
        "created_at": "2026-11-20T02:14:03.000000Z",
    })))]
    pub struct Notification {
        /// Its id.
        pub id: NotificationId,
        /// What happened.
        pub kind: NotificationKind,
        /// The conversation that it is about.
        pub conversation_id: Option<ConversationId>,
        /// The ticket that it is about.
        pub ticket_id: Option<TicketId>,
        /// The channel that it is about, if it is about a channel as such.
        pub channel_id: Option<ChannelId>,
        /// One sentence for people.
        pub text: String,
        /// When it was read.
        pub read_at: Option<Timestamp>,
        /// When it came.
        pub created_at: Timestamp,
    }
}

shape! {
    /// What came of marking notifications as read.
    pub struct NotificationsRead {
        /// How many became read by it.
        pub read: i64,
        /// How many of one's own are unread now.
        pub unread: i64,
    }
}

shape! {
    /// How a member wants to be told of what it is to know of. Sound and toasts are made by clients, which go by this.
    #[cfg_attr(feature = "schema", schema(example = json!({
        "sound": true, "toast": true, "muted_kinds": ["assigned"], "version": 2,
    })))]
    pub struct NotificationPreferences {
        /// Whether clients make a sound.
        pub sound: bool,
        /// Whether clients show it where the member is working.
        pub toast: bool,
        /// What the member does not want to know of: of these kinds it gets no notifications at all.
        pub muted_kinds: Vec<NotificationKind>,
        /// Rises by one with every change.
        pub version: i64,
    }
}

impl Default for NotificationPreferences {
    /// Those of a member who has said nothing.
    fn default() -> Self {
        Self { sound: true, toast: true, muted_kinds: Vec::new(), version: 1 }
    }
}
