//! What a change of a conversation means for its session's ticket.

use domain::conversation::{Conversation, TicketChange};
use domain::event::{Audience, EventType, Facts, Sight};
use domain::id::{TicketId, WorkspaceId};
use domain::ticket::Ticket;
use persistence::error::{Failure, StoreError};
use persistence::tickets;

use super::event::EventActor;
use super::transaction::{Change, Tx};

/// Opens, moves or releases the ticket as the conversation's transition says.
///
/// # Errors
/// Only those of the database.
pub fn follow(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    conversation: &Conversation,
    change: TicketChange,
    actor: &EventActor,
) -> Result<(), Failure> {
    let now = tx.now;
    match change {
        TicketChange::Opened { ticket, agent, reason } => {
            let session = conversation.session().ok_or_else(|| missing(ticket))?;
            let mut opened = Ticket::open(ticket, conversation.id, session, agent, reason, now);
            store(tx, workspace, &mut opened, EventType::TicketOpened, None, actor)
        }
        TicketChange::Moved { ticket, to, reason } => {
            let mut moved = get(tx, workspace, ticket)?;
            let before = moved.clone();
            moved.transfer(to, reason, now);
            store(tx, workspace, &mut moved, EventType::TicketTransferred, Some(&before), actor)
        }
        TicketChange::Released { ticket } => {
            let mut released = get(tx, workspace, ticket)?;
            let before = released.clone();
            released.release(now);
            store(tx, workspace, &mut released, EventType::TicketTransferred, Some(&before), actor)
        }
    }
}

/// An agent wrote in the session.
///
/// # Errors
/// Only those of the database.
pub fn answered(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    ticket: TicketId,
    actor: &EventActor,
) -> Result<(), Failure> {
    let now = tx.now;
    let mut answered = get(tx, workspace, ticket)?;
    let before = answered.clone();
    if answered.answer(now) {
        store(tx, workspace, &mut answered, EventType::TicketAnswered, Some(&before), actor)?;
    }
    Ok(())
}

/// The session ended.
///
/// # Errors
/// Only those of the database.
pub fn closed(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    ticket: TicketId,
    actor: &EventActor,
) -> Result<(), Failure> {
    let now = tx.now;
    let mut closed = get(tx, workspace, ticket)?;
    let before = closed.clone();
    closed.close(now);
    store(tx, workspace, &mut closed, EventType::TicketResolved, Some(&before), actor)
}

fn store(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    ticket: &mut Ticket,
    event_type: EventType,
    before: Option<&Ticket>,
    actor: &EventActor,
) -> Result<(), Failure> {
    tickets::save(tx.conn, workspace, ticket)?;
    let shape = tickets::shape(tx.conn, workspace, ticket.id)?.ok_or_else(|| missing(ticket.id))?;
    let facts = |ticket: &Ticket| Facts { assignee: ticket.held().by, division: None };
    tx.tell(Change {
        workspace_id: workspace,
        event_type,
        audience: Audience::Ticket(Sight { before: before.map(facts), after: Some(facts(ticket)) }),
        conversation_id: Some(ticket.conversation_id),
        actor,
        data: &shape,
        previous: None,
    });
    Ok(())
}

fn get(tx: &mut Tx<'_>, workspace: WorkspaceId, id: TicketId) -> Result<Ticket, Failure> {
    tickets::get(tx.conn, workspace, id)?.ok_or_else(|| missing(id))
}

fn missing(id: TicketId) -> Failure {
    StoreError::Unreadable { table: "conversations", column: "ticket_id", id: id.to_string() }.into()
}
