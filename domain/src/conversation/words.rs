//! The words for how a conversation stands and how agents come to hold it.

use crate::text_enum::text_enum;

text_enum! {
    /// How a conversation stands; always derived from its state, never stored.
    pub enum ConversationStatus {
        /// Waiting for an agent, or with a bot.
        Open = "open",
        /// An agent holds it.
        Answered = "answered",
        /// Nothing to do until the customer writes again.
        Resolved = "resolved",
    }
}

text_enum! {
    /// Who has to do something next.
    pub enum Handler {
        /// It waits for an agent.
        Queue = "queue",
        /// An agent.
        Agent = "agent",
        /// Nobody: resolved.
        None = "none",
    }
}

text_enum! {
    /// The lists of conversations that a team works from.
    pub enum Tab {
        /// Held by the caller.
        Mine = "mine",
        /// All.
        All = "all",
        /// Held by nobody: waiting, or resolved.
        Unassigned = "unassigned",
        /// Archived; they are in no other tab.
        Archived = "archived",
    }
}

text_enum! {
    /// How an agent came to hold a ticket.
    pub enum HoldReason {
        /// It took the conversation.
        Claimed = "claimed",
        /// It was given the conversation by somebody.
        Assigned = "assigned",
        /// It answered a conversation that nobody held.
        Replied = "replied",
        /// Routing gave it a conversation that waited.
        AutoAssigned = "auto_assigned",
        /// Routing gave it a conversation whose holder did not answer in time.
        UnansweredTransfer = "unanswered_transfer",
        /// Routing gave it a conversation whose holder went offline.
        Handover = "handover",
        /// It wrote first.
        Started = "started",
    }
}
