//! What a change of a conversation means for its session's ticket.

use std::collections::BTreeSet;

use domain::access::Facts;
use domain::conversation::{Conversation, TicketChange};
use domain::event::{Audience, EventType, Sight};
use domain::id::{TicketId, WorkspaceId};
use domain::ticket::Ticket;
use persistence::agents::CountsChange;
use persistence::error::{Failure, StoreError};
use persistence::tickets;

use super::transaction::{Change, Tx};
use domain::resource::EventActor;

/// Opens, moves or releases the ticket as the conversation's transition says.
///
/// # Errors
/// Only those of the database.
pub fn follow(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    conversation: &Conversation,
    what: TicketChange,
    actor: &EventActor,
) -> Result<(), Failure> {
    let now = tx.now;
    match what {
        TicketChange::Opened { ticket, agent, reason } => {
            let session = conversation.session().ok_or_else(|| missing(ticket))?;
            let mut opened = Ticket::open(ticket, conversation.id, session, agent, reason, now);
            store(tx, workspace, &mut opened, EventType::TicketOpened, None, actor)
        }
        TicketChange::Moved { ticket, to, reason } => {
            change(tx, workspace, ticket, EventType::TicketTransferred, actor, |moved| {
                moved.transfer(to, reason, now);
                true
            })
        }
        TicketChange::Released { ticket } => {
            change(tx, workspace, ticket, EventType::TicketTransferred, actor, |released| {
                released.release(now);
                true
            })
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
    change(tx, workspace, ticket, EventType::TicketAnswered, actor, |answered| answered.answer(now))
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
    change(tx, workspace, ticket, EventType::TicketResolved, actor, |closed| {
        closed.close(now);
        true
    })
}

/// Changes a stored ticket and tells of it, unless `transition` says that nothing changed.
fn change(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: TicketId,
    event_type: EventType,
    actor: &EventActor,
    transition: impl FnOnce(&mut Ticket) -> bool,
) -> Result<(), Failure> {
    let mut ticket = tickets::get(tx.conn, workspace, id)?.ok_or_else(|| missing(id))?;
    let before = ticket.clone();
    if transition(&mut ticket) {
        store(tx, workspace, &mut ticket, event_type, Some(&before), actor)?;
    }
    Ok(())
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
    count(tx, workspace, before, ticket);
    let shape = tickets::shape(tx.conn, workspace, ticket.id)?.ok_or_else(|| missing(ticket.id))?;
    // The last holder keeps seeing it.
    let channel = shape.channel.id;
    let facts = |ticket: &Ticket| Facts { channel, assignee: Some(ticket.agent_id), division: None };
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

/// A ticket counts once for each member that ever held it, and once more for the one in whose hands it was resolved.
fn count(tx: &mut Tx<'_>, workspace: WorkspaceId, before: Option<&Ticket>, after: &Ticket) {
    let held =
        |ticket: &Ticket| ticket.holders.iter().map(|holding| holding.agent_id).collect::<BTreeSet<_>>();
    let earlier = before.map(held).unwrap_or_default();
    for agent in held(after).difference(&earlier) {
        tx.count(workspace, *agent, CountsChange { handled: 1, ..CountsChange::default() });
    }
    if after.closed_at.is_some() && before.is_none_or(|before| before.closed_at.is_none()) {
        tx.count(workspace, after.agent_id, CountsChange { resolved: 1, ..CountsChange::default() });
    }
}

fn missing(id: TicketId) -> Failure {
    StoreError::Unreadable { table: "conversations", column: "ticket_id", id: id.to_string() }.into()
}
