//! Settings of a workspace.

use domain::access::{Caller, ManageWorkspace};
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::refusal::Code;
use domain::resource::{AssignmentSettings, EventActor};
use persistence::error::Failure;
use persistence::settings;

use super::precondition::expect_version;
use super::team_rights;
use super::transaction::{Administration, Tx};

/// What the assignment settings are to be.
#[derive(Debug, Clone, Copy)]
pub struct Assignment {
    /// Whether agents may take conversations that nobody holds.
    pub agents_may_claim: bool,
    /// Whether agents may give conversations to others.
    pub agents_may_transfer: bool,
    /// Whether what is seen is restricted to the allocation.
    pub restrict_to_allocation: bool,
}

/// Sets all assignment settings.
///
/// # Errors
/// `forbidden`, `version_mismatch`.
pub fn set_assignment(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWorkspace>,
    expected_version: Option<i64>,
    wanted: Assignment,
) -> Result<AssignmentSettings, Failure> {
    let actor = caller.actor();
    let workspace = actor.workspace_id;
    let before = settings::lock_assignment(tx.conn, workspace)?.ok_or(Code::NotFound)?;
    team_rights::confirm(tx, caller)?;
    expect_version(expected_version, before.version)?;
    let mut after = AssignmentSettings {
        agents_may_claim: wanted.agents_may_claim,
        agents_may_transfer: wanted.agents_may_transfer,
        restrict_to_allocation: wanted.restrict_to_allocation,
        version: before.version,
    };
    if after == before {
        return Ok(after);
    }
    settings::save_assignment(tx.conn, workspace, &mut after)?;
    tx.administer(Administration {
        workspace_id: workspace,
        event_type: EventType::SettingsUpdated,
        audience: Audience::Admins,
        actor: &EventActor::from(actor),
        action: AuditAction::Updated,
        before: Some(&before),
        after: Some(&after),
    });
    Ok(after)
}
