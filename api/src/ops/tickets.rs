//! What a change of a conversation means for its session's ticket.

use std::collections::{BTreeSet, HashMap};

use domain::access::Facts;
use domain::conversation::{Conversation, TicketChange};
use domain::event::{Audience, EventType, Sight};
use domain::id::{TicketId, WorkspaceId};
use domain::resource;
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
    follow_many(tx, workspace, &[(conversation, what)], actor)
}

/// The same for several conversations.
///
/// # Errors
/// Only those of the database.
pub fn follow_many(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    changes: &[(&Conversation, TicketChange)],
    actor: &EventActor,
) -> Result<(), Failure> {
    let now = tx.now;
    let known = changes.iter().filter_map(|(_, what)| match what {
        TicketChange::Moved { ticket, .. } | TicketChange::Released { ticket } => Some(*ticket),
        TicketChange::Opened { .. } => None,
    });
    let mut known: HashMap<TicketId, Ticket> = tickets::get_many(tx.conn, workspace, known.collect())?
        .into_iter()
        .map(|ticket| (ticket.id, ticket))
        .collect();
    let mut steps = Vec::with_capacity(changes.len());
    for (conversation, what) in changes {
        let mut moved = |id: TicketId| known.remove(&id).ok_or_else(|| missing(id));
        steps.push(match *what {
            TicketChange::Opened { ticket, agent, reason } => {
                let session = conversation.session().ok_or_else(|| missing(ticket))?;
                let after = Ticket::open(ticket, conversation.id, session, agent, reason, now);
                Step { before: None, after, event_type: EventType::TicketOpened }
            }
            TicketChange::Moved { ticket, to, reason } => {
                Step::of(moved(ticket)?, EventType::TicketTransferred, |after| {
                    after.transfer(to, reason, now)
                })
            }
            TicketChange::Released { ticket } => {
                Step::of(moved(ticket)?, EventType::TicketTransferred, |after| after.release(now))
            }
        });
    }
    store(tx, workspace, steps, actor)
}

/// A ticket that is new or changed.
struct Step {
    before: Option<Ticket>,
    after: Ticket,
    event_type: EventType,
}

impl Step {
    fn of(before: Ticket, event_type: EventType, transition: impl FnOnce(&mut Ticket)) -> Self {
        let mut after = before.clone();
        transition(&mut after);
        Self { before: Some(before), after, event_type }
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
    let before = tickets::get(tx.conn, workspace, id)?.ok_or_else(|| missing(id))?;
    let mut changed = false;
    let step = Step::of(before, event_type, |ticket| changed = transition(ticket));
    if changed { store(tx, workspace, vec![step], actor) } else { Ok(()) }
}

/// Stores tickets, counts them, and tells of them.
fn store(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    steps: Vec<Step>,
    actor: &EventActor,
) -> Result<(), Failure> {
    let mut after: Vec<Ticket> = steps.iter().map(|step| step.after.clone()).collect();
    tickets::save_many(tx.conn, workspace, &mut after)?;
    let ids = after.iter().map(|ticket| ticket.id).collect();
    let mut shapes: HashMap<TicketId, resource::Ticket> =
        tickets::shapes(tx.conn, workspace, ids)?.into_iter().map(|shape| (shape.id, shape)).collect();
    for Step { before, after, event_type } in steps {
        count(tx, workspace, before.as_ref(), &after);
        let shape = shapes.remove(&after.id).ok_or_else(|| missing(after.id))?;
        // The last holder keeps seeing it.
        let channel = shape.channel.id;
        let facts = |ticket: &Ticket| Facts { channel, assignee: Some(ticket.agent_id), division: None };
        tx.tell(Change {
            workspace_id: workspace,
            event_type,
            audience: Audience::Ticket(Sight {
                before: before.as_ref().map(facts),
                after: Some(facts(&after)),
            }),
            conversation_id: Some(after.conversation_id),
            actor,
            data: &shape,
            previous: None,
        });
    }
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
