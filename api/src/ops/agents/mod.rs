//! Members of the team.

mod allocation;
mod change;
mod locked;
mod removal;

use domain::access::{Caller, ManageTeam, may_manage_member, may_read_counts};
use domain::actor::{Actor, Allocation};
use domain::agent::{Availability, PresenceMode, Role};
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::id::{AgentId, WorkspaceId};
use domain::refusal::Code;
use domain::resource::{Agent, EventActor};
use persistence::agents::{self, NewAgent};
use persistence::error::{Failure, StoreError};
use persistence::workspaces;

pub(super) use self::allocation::check_channels;
use self::allocation::{Move, lock_channels};
use self::locked::{Team, existing, not_supervisable};
use super::invitations;
use super::presence::{self, Turn};
use super::team_rights::confirm;
use super::transaction::{Administration, Tx};
use crate::mail::MailConfigured;
use crate::state::App;

pub use allocation::allocate;
pub use change::{AgentPatch, supervise, update};
pub use locked::Which;
pub use removal::remove;

/// A member to be made; its words have been checked.
#[derive(Debug, Clone)]
pub struct AgentDraft {
    /// Its name.
    pub name: String,
    /// Its address, lower-cased.
    pub email: String,
    /// Its password, hashed; `None`: it is invited, and sets one when it joins.
    pub password_hash: Option<String>,
    /// Its role.
    pub role: Role,
    /// Who looks after it.
    pub supervisor_id: Option<AgentId>,
    /// Whether it sees conversations of others and those waiting.
    pub view_all: bool,
    /// The most conversations that routing gives it; `None`: as many as the workspace's settings say.
    pub max_conversations: Option<u32>,
}

/// A member to be taken into the team.
#[derive(Debug, Clone)]
pub struct Hire {
    /// Who.
    pub draft: AgentDraft,
    /// What it works for.
    pub allocation: Allocation,
    /// Present if it is to be invited by mail.
    pub invitation: Option<MailConfigured>,
}

/// Takes somebody into the team.
///
/// # Errors
/// `forbidden`, `email_taken`, `not_supervisable`; `validation_failed` for a supervisor that is
/// none, and for channels and divisions that do not exist.
pub fn hire(app: &App, tx: &mut Tx<'_>, caller: &Caller<ManageTeam>, hire: &Hire) -> Result<Agent, Failure> {
    let workspace = caller.actor().workspace_id;
    may_manage_member(caller.actor(), hire.draft.role)?;
    workspaces::lock_team(tx.conn, workspace)?;
    check_channels(tx, caller.actor(), &hire.allocation.channels)?;
    let channels = lock_channels(tx, workspace, &[], &hire.allocation.channels)?;
    let team = Team::lock(tx, caller, hire.draft.supervisor_id.into_iter().collect(), None)?;
    if let Some(supervisor) = hire.draft.supervisor_id {
        if hire.draft.role != Role::Agent {
            return Err(not_supervisable(&hire.draft.name).into());
        }
        team.check_supervisor(supervisor)?;
    }
    let id = insert(tx, workspace, &hire.draft)?;
    let to = hire.allocation.clone();
    let moving = Move { workspace, agent: id, channels, from: Allocation::default(), to };
    let moved = moving.carry_out(app, tx)?;
    let actor = EventActor::from(caller.actor());
    let agent = announce(tx, workspace, id, &actor)?;
    moved.tell(app, tx, &actor)?;
    if let Some(mail) = hire.invitation {
        invitations::invite(tx, mail, workspace, id)?;
    }
    Ok(agent)
}

/// Invites a member again who has not joined yet.
///
/// # Errors
/// `forbidden`, `not_found`, `already_joined`.
pub fn invite_again(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTeam>,
    mail: MailConfigured,
    id: AgentId,
) -> Result<Agent, Failure> {
    confirm(tx, caller)?;
    let workspace = caller.actor().workspace_id;
    let invited = agents::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    may_manage_member(caller.actor(), invited.role)?;
    invitations::invite(tx, mail, workspace, id)?;
    Ok(invited)
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
    let id = insert(tx, workspace, draft)?;
    announce(tx, workspace, id, actor)
}

fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, draft: &AgentDraft) -> Result<AgentId, Failure> {
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
        max_conversations: draft.max_conversations,
        availability,
        created_at: tx.now,
    };
    agents::insert(tx.conn, workspace, new).map_err(email_taken)?;
    Ok(id)
}

fn announce(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: AgentId,
    actor: &EventActor,
) -> Result<Agent, Failure> {
    let agent = existing(tx, workspace, id)?;
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

fn email_taken(error: StoreError) -> Failure {
    match error {
        StoreError::Taken(_) => Code::EmailTaken.into(),
        other => other.into(),
    }
}

/// How a member looks to a reader, who may not know how much it has to do and has done, and may be
/// kept from channels.
#[must_use]
pub fn shape_for(mut agent: Agent, reader: &Actor) -> Agent {
    agent.counts = agent.counts.filter(|_| may_read_counts(reader, agent.id));
    agent.channels.retain(|channel| !reader.is_kept_from(channel.id));
    agent
}
