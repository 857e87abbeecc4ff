//! What is recorded of a stretch of time.

use std::collections::HashMap;

use crate::id::{AgentId, ConversationId, RoutingDecisionId};
use crate::routing::{Candidate, Inquiry, Trigger};
use crate::time::Timestamp;

/// A decision that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its id.
    pub id: RoutingDecisionId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// What made routing look at it.
    pub trigger: Trigger,
    /// When.
    pub at: Timestamp,
    /// Who was given the conversation.
    pub agent_id: Option<AgentId>,
    /// What was asked.
    pub inquiry: Inquiry,
    /// The members as they stood.
    pub candidates: Vec<Candidate>,
    /// Whether a member that could have been given it by other settings is not among them.
    pub omits: bool,
    /// The version of the settings and policies.
    pub settings_version: i64,
    /// Who had resolved the customer's last ticket by then, whether the settings asked for it or not.
    pub last_resolver: Option<AgentId>,
}

/// A stretch in which a conversation had one holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The holder.
    pub agent_id: AgentId,
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None`: it holds it still.
    pub to: Option<Timestamp>,
    /// Whether routing made it so.
    pub by_routing: bool,
    /// Since when nobody had held the conversation.
    pub waited_since: Timestamp,
    /// When the session was first answered.
    pub answered_at: Option<Timestamp>,
}

/// A member came online, or was no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// The member.
    pub agent_id: AgentId,
    /// When.
    pub at: Timestamp,
    /// Whether it is online since then.
    pub online: bool,
}

/// All that is recorded of a stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end, which is not in it.
    pub to: Timestamp,
    /// The decisions, in the order in which they were made.
    pub decisions: Vec<Recorded>,
    /// Who held the conversations that they are about, each conversation's in their order: at least what began in the
    /// range and since.
    pub holdings: Vec<Holding>,
    /// How often routing has given each conversation to somebody since the range began, also after its end.
    pub placements: HashMap<ConversationId, usize>,
    /// Since when those wait that wait now.
    pub waiting: HashMap<ConversationId, Timestamp>,
    /// Who was online, from before the range, in the order of time.
    pub presences: Vec<Presence>,
    /// The members' own limits, as they are now.
    pub own_limits: HashMap<AgentId, u32>,
}
