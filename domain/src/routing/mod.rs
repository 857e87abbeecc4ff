//! Who is given a conversation, and why.
//!
//! One pure function, [`decide()`], serves live routing, the dry run and the tests. What it answers is the proof that
//! the conversation's automatic transitions need ([`Placement`], [`Nobody`]): nothing else can make one.

mod configuration;
mod decide;
pub mod simulation;
mod team;
mod waiting;
mod words;

pub use configuration::{Configuration, Policy};
pub use decide::{CANDIDATES_NAMED, Candidate, Decision, Nobody, Outcome, Placement, decide};
pub use team::{Member, Place, Reach, Team};
pub use waiting::why_waiting;
pub use words::{DecisionOutcome, DecisionReason, LeftOut, Strategy, TieBreak, Trigger};

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, ChannelId, DivisionId};

/// The rules by which [`decide()`] decides now. A stored decision names the rules that it was made by.
pub const RULES_VERSION: i32 = 1;

/// What routing is asked: everything that decides, besides the team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Inquiry {
    /// The conversation's channel.
    pub channel_id: ChannelId,
    /// The division that was asked for.
    pub division_id: Option<DivisionId>,
    /// Who holds it, and is to be relieved of it.
    pub holder_id: Option<AgentId>,
    /// Who lost it to a time-out or a handover, or gave it back, since it was last answered: gets it only if nobody else
    /// can.
    pub previous_holder_ids: Vec<AgentId>,
    /// Who resolved the customer's last ticket, where the channel's policy wants the customer to return there.
    pub sticky_agent_id: Option<AgentId>,
    /// How one of several is chosen.
    pub strategy: Strategy,
    /// The most conversations that an agent without a limit of its own is given; null: any number.
    pub max_conversations: Option<u32>,
}
