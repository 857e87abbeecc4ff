//! Named groups of agents.

use domain::access::{Caller, ManageTeam};
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::id::{AgentId, DivisionId, WorkspaceId};
use domain::refusal::{Code, Refusal};
use domain::resource::Division;
use persistence::error::{Failure, StoreError};
use persistence::{agents, divisions, workspaces};

use super::precondition::expect_version;
use super::team_rights;
use super::touched::Touched;
use super::transaction::{Administration, Tx};
use domain::resource::EventActor;

mod delete;

pub use delete::{delete, impact};

/// Makes a division with its members, who are told to belong to it.
///
/// # Errors
/// `name_taken`; `validation_failed` for somebody who is not in the team.
pub fn create(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    name: &str,
    members: Vec<AgentId>,
    actor: &EventActor,
) -> Result<Division, Failure> {
    let active = agents::lock_active(tx.conn, workspace, members.clone())?;
    expect_active(&members, &active)?;
    let touched = Touched::before(tx, workspace, members.clone())?;
    let (id, now) = (tx.id(), tx.now);
    divisions::insert(tx.conn, workspace, id, name.to_owned(), members, now)
        .map_err(|error| name_taken(error, name))?;
    let division = divisions::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    tx.administer(Administration {
        workspace_id: workspace,
        event_type: EventType::DivisionCreated,
        audience: Audience::Everyone,
        actor,
        action: AuditAction::Created,
        before: None,
        after: Some(&division),
    });
    touched.tell(tx, actor)?;
    Ok(division)
}

/// The same for a member of the team who wants it.
///
/// # Errors
/// `forbidden`; as [`create`].
pub fn create_for(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTeam>,
    name: &str,
    members: Vec<AgentId>,
) -> Result<Division, Failure> {
    let actor = caller.actor();
    workspaces::lock_team(tx.conn, actor.workspace_id)?;
    lock_with_caller(tx, caller, members.clone())?;
    create(tx, actor.workspace_id, name, members, &EventActor::from(actor))
}

/// Gives a division another name.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`, `name_taken`.
pub fn rename(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTeam>,
    id: DivisionId,
    expected_version: Option<i64>,
    name: Option<&str>,
) -> Result<Division, Failure> {
    let workspace = caller.actor().workspace_id;
    team_rights::confirm(tx, caller)?;
    let before = divisions::lock(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    expect_version(expected_version, before.version)?;
    let Some(name) = name.filter(|name| *name != before.name) else { return Ok(before) };
    divisions::rename(tx.conn, workspace, id, name.to_owned()).map_err(|error| name_taken(error, name))?;
    updated(tx, caller, &before)
}

/// Gives a division exactly these members. Those who come or go are told to belong to it, or no longer.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`; `validation_failed` for somebody who is not in the team.
pub fn set_members(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTeam>,
    id: DivisionId,
    expected_version: Option<i64>,
    members: Vec<AgentId>,
) -> Result<Division, Failure> {
    let workspace = caller.actor().workspace_id;
    workspaces::lock_team(tx.conn, workspace)?;
    let known = divisions::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    let mut concerned = members_of(&known);
    concerned.extend(&members);
    let active = lock_with_caller(tx, caller, concerned)?;
    let before = divisions::lock(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    expect_version(expected_version, before.version)?;
    expect_active(&members, &active)?;
    let old = members_of(&before);
    let come = members.iter().filter(|member| !old.contains(member));
    let gone = old.iter().filter(|member| !members.contains(member));
    let moved: Vec<AgentId> = come.chain(gone).copied().collect();
    if moved.is_empty() {
        return Ok(before);
    }
    let touched = Touched::before(tx, workspace, moved)?;
    divisions::set_members(tx.conn, workspace, id, members)?;
    let after = updated(tx, caller, &before)?;
    touched.tell(tx, &EventActor::from(caller.actor()))?;
    Ok(after)
}

/// Tells of a changed division, and answers it.
fn updated(tx: &mut Tx<'_>, caller: &Caller<ManageTeam>, before: &Division) -> Result<Division, Failure> {
    let actor = caller.actor();
    let after = divisions::get(tx.conn, actor.workspace_id, before.id)?.ok_or(Code::NotFound)?;
    tx.administer(Administration {
        workspace_id: actor.workspace_id,
        event_type: EventType::DivisionUpdated,
        audience: Audience::Everyone,
        actor: &EventActor::from(actor),
        action: AuditAction::Updated,
        before: Some(before),
        after: Some(&after),
    });
    Ok(after)
}

/// Locks members together with the caller, in one order, and confirms that the caller may do this.
/// Answers those of them that are in the team.
fn lock_with_caller(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTeam>,
    mut members: Vec<AgentId>,
) -> Result<Vec<AgentId>, Failure> {
    let actor = caller.actor();
    members.push(actor.agent_id);
    let active = agents::lock_active(tx.conn, actor.workspace_id, members)?;
    team_rights::confirm(tx, caller)?;
    Ok(active)
}

fn members_of(division: &Division) -> Vec<AgentId> {
    division.members.iter().map(|member| member.id).collect()
}

fn expect_active(members: &[AgentId], active: &[AgentId]) -> Result<(), Refusal> {
    match members.iter().position(|member| !active.contains(member)) {
        Some(at) => Err(Refusal::invalid(
            format!("/agent_ids/{at}"),
            "unknown",
            "there is no such member of the team",
        )),
        None => Ok(()),
    }
}

fn name_taken(error: StoreError, name: &str) -> Failure {
    match error {
        StoreError::Taken(_) => Refusal::new(Code::NameTaken).with("name", name).into(),
        other => other.into(),
    }
}
