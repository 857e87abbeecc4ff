//! Settings of a workspace.

use domain::access::{Caller, ManageWorkspace};
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::refusal::Code;
use domain::resource::{AssignmentSettings, EventActor, MessagingSettings};
use persistence::error::Failure;
use persistence::{messaging_settings, settings};

use super::precondition::expect_version;
use super::transaction::{Administration, Tx};
use super::{routing, team_rights};

/// Sets all assignment settings; the version in `wanted` counts for nothing.
///
/// # Errors
/// `forbidden`, `version_mismatch`.
pub fn set_assignment(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWorkspace>,
    expected_version: Option<i64>,
    wanted: &AssignmentSettings,
) -> Result<AssignmentSettings, Failure> {
    let actor = caller.actor();
    let workspace = actor.workspace_id;
    let configuration = settings::lock_configuration(tx.conn, workspace)?.ok_or(Code::NotFound)?;
    let before = configuration.settings.clone();
    team_rights::confirm(tx, caller)?;
    expect_version(expected_version, before.version)?;
    let mut after = AssignmentSettings { version: before.version, ..wanted.clone() };
    if after == before {
        return Ok(after);
    }
    settings::save_assignment(tx.conn, workspace, &mut after)?;
    routing::reconfigure(tx, workspace, &configuration)?;
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

/// Sets what there is to set about messages; the version in `wanted` counts for nothing.
///
/// # Errors
/// `forbidden`, `version_mismatch`.
pub fn set_messaging(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWorkspace>,
    expected_version: Option<i64>,
    wanted: &MessagingSettings,
) -> Result<MessagingSettings, Failure> {
    let actor = caller.actor();
    let workspace = actor.workspace_id;
    // Timers run by it, as by the assignment settings.
    let configuration = settings::lock_configuration(tx.conn, workspace)?.ok_or(Code::NotFound)?;
    let before = messaging_settings::lock(tx.conn, workspace)?.ok_or(Code::NotFound)?;
    team_rights::confirm(tx, caller)?;
    expect_version(expected_version, before.version)?;
    let mut after = MessagingSettings { version: before.version, ..wanted.clone() };
    if after == before {
        return Ok(after);
    }
    messaging_settings::save(tx.conn, workspace, &mut after)?;
    if after.reply_window_warning_minutes != before.reply_window_warning_minutes {
        settings::raise_routing_version(tx.conn, workspace)?;
        routing::reconfigure(tx, workspace, &configuration)?;
    }
    tx.administer(Administration {
        workspace_id: workspace,
        event_type: EventType::MessagingSettingsUpdated,
        audience: Audience::Admins,
        actor: &EventActor::from(actor),
        action: AuditAction::Updated,
        before: Some(&before),
        after: Some(&after),
    });
    Ok(after)
}
