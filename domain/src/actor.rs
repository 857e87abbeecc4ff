//! Who acts.

use crate::access::KeyScope;
use crate::agent::Role;
use crate::id::{AgentId, ApiKeyId, ChannelId, DivisionId, SignInId, WorkspaceId};

/// A member of the team, with all that decides what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The tenant; nothing outside it exists for the actor.
    pub workspace_id: WorkspaceId,
    /// The member.
    pub agent_id: AgentId,
    /// How it acts: itself, or a program in its name.
    pub via: Via,
    /// Its name, as others see it.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// For the role `agent`: whether it sees conversations of others and those waiting.
    pub view_all: bool,
    /// For the role `supervisor`: the agents it supervises.
    pub supervises: Vec<AgentId>,
    /// While the workspace restricts what is seen to the allocation: the actor's. Admins have none.
    pub restricted_to: Option<Allocation>,
    /// Whether agents may take conversations that nobody holds.
    pub agents_may_claim: bool,
    /// Whether agents may give conversations to others.
    pub agents_may_transfer: bool,
}

/// The channels and divisions that a member works for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allocation {
    /// The channels.
    pub channels: Vec<ChannelId>,
    /// The divisions.
    pub divisions: Vec<DivisionId>,
}

/// How a member acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// It signed in.
    SignIn(SignInId),
    /// A program has a key to act in its name, within the key's limits.
    ApiKey(KeyLimits),
}

/// What a key may do of what its member may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLimits {
    /// The key.
    pub id: ApiKeyId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
    /// If present: nothing of other channels exists for it.
    pub channels: Option<Vec<ChannelId>>,
}

/// What proves who acts; when it ends, so does everything that was opened with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    /// A signed-in device.
    SignIn(SignInId),
    /// A program's key.
    ApiKey(ApiKeyId),
}

impl Actor {
    /// What proves who acts.
    #[must_use]
    pub fn credential(&self) -> Credential {
        match &self.via {
            Via::SignIn(id) => Credential::SignIn(*id),
            Via::ApiKey(limits) => Credential::ApiKey(limits.id),
        }
    }

    /// The key by which a program acts; `None` for people.
    #[must_use]
    pub fn key(&self) -> Option<&KeyLimits> {
        match &self.via {
            Via::SignIn(_) => None,
            Via::ApiKey(limits) => Some(limits),
        }
    }

    /// Is this a program whose key does not have the channel?
    #[must_use]
    pub fn is_kept_from(&self, channel: ChannelId) -> bool {
        self.key().and_then(|key| key.channels.as_ref()).is_some_and(|only| !only.contains(&channel))
    }
}
