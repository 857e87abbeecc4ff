//! Members of the team.

use domain::agent::{Availability, PresenceMode, Role};
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::id::{AgentId, WorkspaceId};
use domain::refusal::Code;
use domain::resource::Agent;
use persistence::agents::{self, NewAgent};
use persistence::error::{Failure, StoreError};
use persistence::workspaces;

use super::presence::{self, Turn};
use super::transaction::{Administration, Tx};
use domain::resource::EventActor;

/// A member to be made; its words have been checked.
#[derive(Debug, Clone)]
pub struct AgentDraft {
    /// Its name.
    pub name: String,
    /// Its address, lower-cased.
    pub email: String,
    /// Its password, hashed.
    pub password_hash: String,
    /// Its role.
    pub role: Role,
    /// Who looks after it.
    pub supervisor_id: Option<AgentId>,
    /// Whether it sees conversations of others and those waiting.
    pub view_all: bool,
}

/// Makes a member.
///
/// # Errors
/// `email_taken`.
pub fn create(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    draft: &AgentDraft,
    actor: &EventActor,
) -> Result<Agent, Failure> {
    let id = tx.id();
    // Where its word alone makes it online, it has to say so first.
    let availability = match workspaces::hold_presence(tx.conn, workspace)?.ok_or(Code::NotFound)? {
        PresenceMode::Connection => Availability::Online,
        PresenceMode::Availability => Availability::Offline,
    };
    let new = NewAgent {
        id,
        name: draft.name.clone(),
        email: draft.email.clone(),
        password_hash: draft.password_hash.clone(),
        role: draft.role,
        supervisor_id: draft.supervisor_id,
        view_all: draft.view_all,
        availability,
        created_at: tx.now,
    };
    agents::insert(tx.conn, workspace, new).map_err(|error| match error {
        StoreError::Taken(_) => Failure::from(Code::EmailTaken),
        other => other.into(),
    })?;
    let agent = agents::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    presence::changed(tx, workspace, &[Turn::of(None, &agent)])?;
    tx.administer(Administration {
        workspace_id: workspace,
        event_type: EventType::AgentCreated,
        audience: Audience::Everyone,
        actor,
        action: AuditAction::Created,
        before: None,
        after: Some(&agent),
    });
    Ok(agent)
}
