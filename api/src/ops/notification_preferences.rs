//! How members want to be told of what they are to know of.

use domain::access::{Caller, ManageOwnAccount};
use domain::event::{Audience, EventType};
use domain::resource::{EventActor, NotificationPreferences};
use persistence::error::Failure;
use persistence::notification_preferences as stored;

use super::precondition::expect_version;
use super::transaction::{Change, Tx};

/// Sets how the caller wants to be told; the version in `wanted` counts for nothing.
///
/// # Errors
/// `version_mismatch`.
pub fn set(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageOwnAccount>,
    expected_version: Option<i64>,
    wanted: &NotificationPreferences,
) -> Result<NotificationPreferences, Failure> {
    let actor = caller.actor();
    let (workspace, agent) = (actor.workspace_id, actor.agent_id);
    let before = stored::lock(tx.conn, workspace, agent)?;
    expect_version(expected_version, before.version)?;
    let mut after = NotificationPreferences { version: before.version, ..wanted.clone() };
    if after == before {
        return Ok(after);
    }
    stored::save(tx.conn, workspace, agent, &mut after)?;
    tx.tell(Change {
        workspace_id: workspace,
        event_type: EventType::NotificationPreferencesUpdated,
        audience: Audience::Agent(agent),
        conversation_id: None,
        actor: &EventActor::from(actor),
        data: &after,
        previous: None,
    });
    Ok(after)
}
