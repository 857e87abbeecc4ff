//! The shapes of the team: members and divisions.

use serde::{Deserialize, Serialize};

use super::{AgentRef, ChannelRef, DivisionRef};
use crate::agent::{Availability, Role};
use crate::id::{AgentId, DivisionId};
use crate::time::Timestamp;

shape! {
    /// A member of the team.
    pub struct Agent {
        /// Its id.
        pub id: AgentId,
        /// Its name.
        pub name: String,
        /// The address it signs in with.
        pub email: String,
        /// What it may do in general.
        pub role: Role,
        /// Whether it wants to be given conversations, as it says itself.
        pub availability: Availability,
        /// Whether it counts as online: it says so and, where presence is by connection, it is there.
        pub online: bool,
        /// For the role `agent`: whether it sees conversations of others and those waiting.
        pub view_all: bool,
        /// Who looks after it.
        pub supervisor: Option<AgentRef>,
        /// The divisions it belongs to.
        pub divisions: Vec<DivisionRef>,
        /// The channels it is allocated to.
        pub channels: Vec<ChannelRef>,
        /// The most conversations that routing gives it; null: as many as the workspace's settings say.
        pub max_conversations: Option<u32>,
        /// How much it has to do and has done. Null in events, and for readers who may not know: agents
        /// know their own, supervisors also those of the agents they supervise.
        pub counts: Option<AgentCounts>,
        /// When it was last there, to within the presence time-out. Null in events, and before the first time.
        pub last_seen_at: Option<Timestamp>,
        /// False: it was invited and has not joined yet.
        pub joined: bool,
        /// False: it left the team.
        pub active: bool,
        /// Rises by one with every change.
        pub version: i64,
        /// When it joined.
        pub created_at: Timestamp,
    }
}

shape! {
    /// How much a member has to do and has done.
    pub struct AgentCounts {
        /// Conversations that it holds now.
        pub assigned: i64,
        /// Tickets that it has held at any time.
        pub handled: i64,
        /// Tickets that were resolved in its hands.
        pub resolved: i64,
    }
}

shape! {
    /// A member of a division.
    pub struct Member {
        /// The agent.
        pub id: AgentId,
        /// Its name.
        pub name: String,
        /// Its role.
        pub role: Role,
    }
}

shape! {
    /// A named group of agents.
    pub struct Division {
        /// Its id.
        pub id: DivisionId,
        /// Its name.
        pub name: String,
        /// Who belongs to it.
        pub members: Vec<Member>,
        /// Rises by one with every change.
        pub version: i64,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

shape! {
    /// What deleting a division affects.
    pub struct DivisionDeletion {
        /// The division.
        pub division: DivisionRef,
        /// How many conversations wait for it, or were given to it, and lose it. They stay where they are:
        /// held ones with their holder, waiting ones in the queue, for anybody.
        pub conversations_waiting: i64,
        /// Who belongs to it, and no longer does.
        pub members: Vec<Member>,
    }
}
