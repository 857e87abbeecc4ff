//! Who acts.

use crate::agent::Role;
use crate::id::{AgentId, SignInId, WorkspaceId};

/// A signed-in member of the team, with all that decides what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The tenant; nothing outside it exists for the actor.
    pub workspace_id: WorkspaceId,
    /// The member.
    pub agent_id: AgentId,
    /// The sign-in by which it acts.
    pub sign_in_id: SignInId,
    /// Its name, as others see it.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// For the role `agent`: whether it sees conversations of others and those waiting.
    pub view_all: bool,
    /// For the role `supervisor`: the agents it supervises.
    pub supervises: Vec<AgentId>,
}
