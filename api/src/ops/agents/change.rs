//! What a member is called, what it may do, and who looks after it.

use domain::access::{Caller, ManageTeam, may_manage_member};
use domain::agent::Role;
use domain::id::AgentId;
use domain::resource::Agent;
use domain::routing::Trigger;
use persistence::agents::{self, Profile};
use persistence::error::Failure;
use persistence::one_time_tokens;

use super::email_taken;
use super::locked::{Locked, Which};
use crate::ops::transaction::{Look, Tx};

/// What is to be changed of a member; `None` stays. Its words have been checked.
#[derive(Debug, Clone, Default)]
pub struct AgentPatch {
    /// Its name.
    pub name: Option<String>,
    /// Its address, lower-cased.
    pub email: Option<String>,
    /// Its role.
    pub role: Option<Role>,
    /// Whether it sees conversations of others and those waiting.
    pub view_all: Option<bool>,
    /// The most conversations that routing gives it; within: as many as the workspace's settings say.
    pub max_conversations: Option<Option<u32>>,
}

/// Changes a member. Nobody looks after supervisors and admins, and only supervisors look after others: a new role
/// ends what does not go with it.
///
/// # Errors
/// `not_found`, `forbidden`, `agent_left`, `version_mismatch`, `last_admin`, `email_taken`.
pub fn update(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTeam>,
    which: Which,
    patch: &AgentPatch,
) -> Result<Agent, Failure> {
    let locked = Locked::lock(tx, caller, which.id, None)?;
    locked.expect(which)?;
    let old = Profile::from(&locked.before);
    let role = patch.role.unwrap_or(old.role);
    may_manage_member(caller.actor(), role)?;
    if role != Role::Admin {
        locked.can_be_spared()?;
    }
    let new = Profile {
        name: patch.name.clone().unwrap_or_else(|| old.name.clone()),
        email: patch.email.clone().unwrap_or_else(|| old.email.clone()),
        role,
        view_all: patch.view_all.unwrap_or(old.view_all),
        supervisor_id: old.supervisor_id.filter(|_| role == Role::Agent),
        max_conversations: patch.max_conversations.unwrap_or(old.max_conversations),
    };
    if new == old {
        return Ok(locked.before);
    }
    let (moved, now) = (new.email != old.email, tx.now);
    if new.max_conversations != old.max_conversations {
        tx.look_at(locked.workspace, Look::Agent(which.id), Trigger::LimitChanged);
    } else if new.role != old.role {
        tx.look_at(locked.workspace, Look::Agent(which.id), Trigger::AllocationChanged);
    }
    agents::update(tx.conn, locked.workspace, which.id, new).map_err(email_taken)?;
    if moved {
        // What was mailed to the old address gives nobody a way in any more.
        one_time_tokens::void(tx.conn, locked.workspace, which.id, now)?;
    }
    let after = locked.tell(tx)?;
    if old.role == Role::Supervisor && role != Role::Supervisor {
        locked.free_supervised(tx)?;
    }
    Ok(after)
}

/// Says who looks after an agent, or that nobody does.
///
/// # Errors
/// `not_found`, `forbidden`, `agent_left`, `version_mismatch`, `not_supervisable`; `validation_failed` for a supervisor
/// that is none.
pub fn supervise(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTeam>,
    which: Which,
    supervisor: Option<AgentId>,
) -> Result<Agent, Failure> {
    let locked = Locked::lock(tx, caller, which.id, supervisor)?;
    locked.expect(which)?;
    if let Some(supervisor) = supervisor {
        locked.check_supervisor(supervisor)?;
    }
    let old = Profile::from(&locked.before);
    if old.supervisor_id == supervisor {
        return Ok(locked.before);
    }
    let new = Profile { supervisor_id: supervisor, ..old };
    agents::update(tx.conn, locked.workspace, which.id, new)?;
    locked.tell(tx)
}
