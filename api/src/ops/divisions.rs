//! Named groups of agents.

use domain::event::{Audience, EventType};
use domain::id::{AgentId, WorkspaceId};
use domain::refusal::Code;
use domain::resource::Division;
use persistence::divisions;
use persistence::error::Failure;

use super::event::EventActor;
use super::transaction::{Change, Tx};

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
    tx.tell(Change {
        workspace_id: workspace,
        event_type: EventType::DivisionCreated,
        audience: Audience::Everyone,
        conversation_id: None,
        actor,
        data: &division,
        previous: None,
    });
    Ok(division)
}
