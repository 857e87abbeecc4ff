//! Reading one thing that the caller may or may not see.

use diesel::PgConnection;
use domain::access::{Act, Caller, Facts, ReadTicket};
use domain::id::{ConversationId, TicketId};
use domain::refusal::Code;
use domain::resource::{Conversation, Ticket};
use domain::time::Timestamp;
use persistence::error::Failure;
use persistence::{conversations, tickets};

/// A conversation of which the caller may read this.
///
/// # Errors
/// `not_found`.
pub fn readable_conversation<A: Act>(
    conn: &mut PgConnection,
    caller: &Caller<A>,
    id: ConversationId,
    now: Timestamp,
) -> Result<Conversation, Failure> {
    let conversation = conversations::shape(conn, caller.actor().workspace_id, id, now)?;
    let conversation = conversation.ok_or(Code::NotFound)?;
    caller.on(Facts::from(&conversation))?;
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
    caller.on(Facts { channel: ticket.channel.id, assignee: Some(ticket.agent.id), division: None })?;
    Ok(ticket)
}
