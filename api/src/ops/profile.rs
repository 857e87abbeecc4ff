//! What a member changes of its own profile.

use domain::access::{Caller, ManageOwnAccount};
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::id::{AgentId, WorkspaceId};
use domain::refusal::Code;
use domain::resource::Agent;
use persistence::agents;
use persistence::error::Failure;

use super::precondition::expect_version;
use super::transaction::{Administration, Tx};

/// Gives the caller another name; `None` leaves it.
///
/// # Errors
/// `version_mismatch`; `forbidden` for one that left meanwhile.
pub fn update(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageOwnAccount>,
    expected_version: Option<i64>,
    name: Option<&str>,
) -> Result<Agent, Failure> {
    let (workspace, id) = (caller.actor().workspace_id, caller.actor().agent_id);
    let before = locked(tx, workspace, id, expected_version)?;
    let Some(name) = name.filter(|name| **name != before.name) else { return Ok(before) };
    agents::rename(tx.conn, workspace, id, name)?;
    let after = agents::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    tx.administer(Administration {
        workspace_id: workspace,
        event_type: EventType::AgentUpdated,
        audience: Audience::Everyone,
        actor: &caller.actor().into(),
        action: AuditAction::Updated,
        before: Some(&before),
        after: Some(&after),
    });
    Ok(after)
}

/// The caller's own row, locked, as it is before a change.
pub(super) fn locked(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: AgentId,
    expected_version: Option<i64>,
) -> Result<Agent, Failure> {
    if agents::lock_active(tx.conn, workspace, vec![id])?.is_empty() {
        return Err(Code::Forbidden.into());
    }
    let agent = agents::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    expect_version(expected_version, agent.version)?;
    Ok(agent)
}
