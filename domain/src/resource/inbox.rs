//! What the list of conversations has beside conversations.

use serde::{Deserialize, Serialize};

shape! {
    /// How many conversations each tab has for the reader.
    pub struct ConversationCounts {
        /// Held by the reader.
        pub mine: i64,
        /// All but the archived; null without the right to read the tab.
        pub all: Option<i64>,
        /// Held by nobody; null without the right to read the tab.
        pub unassigned: Option<i64>,
        /// Archived.
        pub archived: i64,
        /// With unread messages, but for archived ones.
        pub unread: i64,
    }
}
