//! What the team adds to what customers bring: labels on conversations, notes on contacts.

use serde::{Deserialize, Serialize};

use crate::id::{ContactId, LabelId, NoteId};
use crate::time::Timestamp;

use super::{AgentRef, LabelRef};

shape! {
    /// A label that can be put on conversations.
    pub struct Label {
        /// Its id.
        pub id: LabelId,
        /// Its name, unique in the workspace whatever the case and the accents.
        pub name: String,
        /// Its colour, `#RRGGBB`.
        pub color: String,
        /// Rises by one with every change.
        pub version: i64,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

shape! {
    /// What deleting a label affects.
    pub struct LabelDeletion {
        /// The label.
        pub label: LabelRef,
        /// How many conversations have it.
        pub conversations: i64,
    }
}

shape! {
    /// What somebody of the team noted on a contact.
    pub struct Note {
        /// Its id; notes are ordered by it.
        pub id: NoteId,
        /// The contact.
        pub contact_id: ContactId,
        /// Who wrote it; somebody who has left the team stays its author.
        pub author: AgentRef,
        /// What it says.
        pub text: String,
        /// Rises by one with every change.
        pub version: i64,
        /// When it was written.
        pub created_at: Timestamp,
        /// When it was last changed; as `created_at` if never.
        pub updated_at: Timestamp,
    }
}
