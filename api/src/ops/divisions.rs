//! Named groups of agents.

use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::id::{AgentId, WorkspaceId};
use domain::refusal::Code;
use domain::resource::Division;
use persistence::divisions;
use persistence::error::Failure;

use super::transaction::{Administration, Tx};
use domain::resource::EventActor;

/// Makes a division with its members.
///
/// # Errors
/// Only those of the database.
pub fn create(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    name: &str,
    members: Vec<AgentId>,
    actor: &EventActor,
) -> Result<Division, Failure> {
    let (id, now) = (tx.id(), tx.now);
    divisions::insert(tx.conn, workspace, id, name.to_owned(), members, now)?;
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
    Ok(division)
}
