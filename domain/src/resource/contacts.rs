//! The shapes of what is done to contacts.

use serde::{Deserialize, Serialize};

use super::{AgentRef, Contact, ContactRef};
use crate::id::{ContactId, ContactMergeId, ConversationId};
use crate::text_enum::text_enum;
use crate::time::Timestamp;

shape! {
    /// Two contacts that became one.
    pub struct ContactMerge {
        /// Its id, by which it is undone.
        pub id: ContactMergeId,
        /// The contact that stayed.
        pub contact: ContactRef,
        /// The contact that was merged into it, as it was.
        pub merged: ContactRef,
        /// The conversations that came from it: their messages and tickets are the other one's from then on.
        pub conversation_ids: Vec<ConversationId>,
        /// Who did it.
        pub merged_by: AgentRef,
        /// When.
        pub merged_at: Timestamp,
        /// 1; in `contact.unmerged` 2.
        pub version: i64,
    }
}

shape! {
    /// What became of merging two contacts.
    pub struct MergedContact {
        /// The contact that stayed.
        pub contact: Contact,
        /// What can be undone.
        pub merge: ContactMerge,
    }
}

shape! {
    /// What became of parting what had been merged.
    pub struct UnmergedContact {
        /// The contact that stays.
        pub contact: Contact,
        /// The contact that is there again.
        pub restored: Contact,
    }
}

text_enum! {
    /// What became of one line of a file of contacts.
    pub enum ImportOutcome {
        /// A new contact.
        Created = "created",
        /// A contact was changed.
        Updated = "updated",
        /// The contact is so already.
        Unchanged = "unchanged",
        /// Nothing: `errors` says why.
        Failed = "failed",
    }
}

shape! {
    /// What became of a file of contacts.
    pub struct ContactImport {
        /// Nothing was written: it was only tried.
        pub dry_run: bool,
        /// How many contacts are new.
        pub created: usize,
        /// How many were changed.
        pub updated: usize,
        /// How many were so already.
        pub unchanged: usize,
        /// How many lines were not taken.
        pub failed: usize,
        /// Each line of the file that says something, but the first, in order.
        pub lines: Vec<ImportedLine>,
    }
}

shape! {
    /// What became of one line.
    pub struct ImportedLine {
        /// Its number in the file; the header is 1.
        pub line: u64,
        /// What became of it.
        pub outcome: ImportOutcome,
        /// The contact; null if the line failed, and in a dry run for a new one.
        pub contact_id: Option<ContactId>,
        /// What is wrong with it.
        pub errors: Vec<ImportError>,
    }
}

shape! {
    /// What is wrong with a line.
    pub struct ImportError {
        /// The column, by its name in the header; empty if it is about the whole line.
        pub column: String,
        /// The stable reason.
        pub code: String,
        /// One sentence.
        pub detail: String,
    }
}
