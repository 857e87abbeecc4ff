//! Reading one thing that the caller may or may not see.

use diesel::PgConnection;
use domain::access::{Act, Caller, Held, ReadConversation, ReadTicket};
use domain::id::{ConversationId, TicketId};
use domain::refusal::Code;
use domain::resource::{Conversation, Ticket};
use domain::time::Timestamp;
use persistence::error::Failure;
use persistence::{conversations, tickets};

/// A conversation that the caller sees.
///
/// # Errors
/// `not_found`.
pub fn readable_conversation(
    conn: &mut PgConnection,
    caller: &Caller<ReadConversation>,
    id: ConversationId,
    now: Timestamp,
) -> Result<Conversation, Failure> {
    let conversation = conversations::shape(conn, caller.actor().workspace_id, id, now)?;
    let conversation = conversation.ok_or(Code::NotFound)?;
    see(caller, Held { by: conversation.assignee.as_ref().map(|assignee| assignee.id) })?;
    Ok(conversation)
}

/// A ticket that the caller sees.
///
/// # Errors
/// `not_found`.
pub fn readable_ticket(
    conn: &mut PgConnection,
    caller: &Caller<ReadTicket>,
    id: TicketId,
) -> Result<Ticket, Failure> {
    let ticket = tickets::shape(conn, caller.actor().workspace_id, id)?.ok_or(Code::NotFound)?;
    see(caller, Held { by: Some(ticket.agent.id) })?;
    Ok(ticket)
}

fn see<A: Act>(caller: &Caller<A>, held: Held) -> Result<(), Failure> {
    caller.on(held)?;
    Ok(())
}
