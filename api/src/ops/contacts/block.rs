//! Shutting customers out, and letting them in again.

use domain::access::{BlockContact, Caller, Permit};
use domain::channel::ChannelKind;
use domain::conversation::{Conversation, Session};
use domain::event::{Audience, EventType, Sight};
use domain::id::{SessionId, TicketId, WorkspaceId};
use domain::job::ChannelJobKind;
use domain::refusal::Code;
use domain::resource::{Contact, EventActor, SystemEvent, SystemEventType};
use persistence::agents::CountsChange;
use persistence::error::Failure;
use persistence::jobs::{self, ChannelJob};
use persistence::{contacts, conversations, messages};

use super::locked::{Locked, Which, tell_conversation};
use crate::ops::conversations::{changed, system_message};
use crate::ops::transaction::{Change, Tx};
use crate::ops::{routing, tickets};

/// Shuts a contact out: what it has under way is resolved, and what it writes from now on is kept and nothing else.
///
/// # Errors
/// `not_found`, `version_mismatch`.
pub fn block(tx: &mut Tx<'_>, caller: &Caller<BlockContact>, which: Which) -> Result<Contact, Failure> {
    set(tx, caller, which, true)
}

/// Lets a contact in again: its next message begins a session.
///
/// # Errors
/// `not_found`, `version_mismatch`.
pub fn unblock(tx: &mut Tx<'_>, caller: &Caller<BlockContact>, which: Which) -> Result<Contact, Failure> {
    set(tx, caller, which, false)
}

fn set(
    tx: &mut Tx<'_>,
    caller: &Caller<BlockContact>,
    which: Which,
    blocked: bool,
) -> Result<Contact, Failure> {
    let (locked, contact, permit) = Locked::one(tx, caller, which)?;
    if contact.blocked_at.is_some() == blocked {
        return Ok(contact);
    }
    let (workspace, now) = (locked.workspace, tx.now);
    contacts::set_blocked(tx.conn, workspace, contact.id, blocked.then_some(now))?;
    let actor = EventActor::from(caller.actor());
    let event_type = if blocked { EventType::ContactBlocked } else { EventType::ContactUnblocked };
    let told = locked.tell(tx, event_type, &actor)?;
    let ids = contacts::conversations(tx.conn, workspace, vec![contact.id])?;
    let keys = ids.into_iter().map(|id| (workspace, id)).collect();
    for (_, conversation) in conversations::lock_many(tx.conn, keys)? {
        set_conversation(tx, workspace, &permit, conversation, blocked, &actor)?;
    }
    ask_provider(tx, workspace, &contact)?;
    told.into_iter().next().ok_or_else(|| Code::NotFound.into())
}

fn set_conversation(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    permit: &Permit<BlockContact>,
    before: Conversation,
    blocked: bool,
    actor: &EventActor,
) -> Result<(), Failure> {
    let mut after = before.clone();
    let ended: Option<(Session, Option<TicketId>)> = if blocked {
        after.block(permit)
    } else {
        after.unblock(permit);
        None
    };
    if let Some(holder) = before.assignee() {
        tx.count(workspace, holder, CountsChange { assigned: -1, ..CountsChange::default() });
    }
    routing::follow(tx, workspace, &before, &after)?;
    conversations::save(tx.conn, workspace, &mut after)?;
    let event_type =
        if ended.is_some() { EventType::ConversationResolved } else { EventType::ConversationUpdated };
    let sight = Sight { before: Some(before.facts()), after: Some(after.facts()) };
    let previous = Some(changed(&before, &after));
    tell_conversation(tx, (workspace, event_type), after.id, sight, actor, previous)?;
    note(tx, workspace, permit, &after, ended.map(|(session, _)| session.id), actor)?;
    match ended.and_then(|(_, ticket)| ticket) {
        Some(ticket) => tickets::closed(tx, workspace, ticket, actor),
        None => Ok(()),
    }
}

/// Notes in the thread what happened.
fn note(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    permit: &Permit<BlockContact>,
    conversation: &Conversation,
    session: Option<SessionId>,
    actor: &EventActor,
) -> Result<(), Failure> {
    let me = permit.actor();
    let (event, text) = if conversation.blocked {
        (SystemEventType::ContactBlocked, format!("{} blocked the contact", me.name))
    } else {
        (SystemEventType::ContactUnblocked, format!("{} unblocked the contact", me.name))
    };
    let event = SystemEvent::new(event).by(me.into());
    let message = system_message(tx, workspace, conversation, session, text, event);
    let id = message.id;
    messages::insert_new(tx.conn, vec![message])?;
    let Some(shape) = messages::shape(tx.conn, workspace, id)? else { return Ok(()) };
    tx.tell(Change {
        workspace_id: workspace,
        event_type: EventType::MessageCreated,
        audience: Audience::Conversation(Sight::unchanged(conversation.facts())),
        conversation_id: Some(conversation.id),
        actor,
        data: &shape,
        previous: None,
    });
    Ok(())
}

/// Where the provider can shut customers out, it is asked to. The job does what is right when it is done: blocking and
/// unblocking in quick succession leaves what came last.
fn ask_provider(tx: &mut Tx<'_>, workspace: WorkspaceId, contact: &Contact) -> Result<(), Failure> {
    let now = tx.now;
    for identity in contacts::identities_of(tx.conn, workspace, contact.id)? {
        let on_whatsapp = contact
            .identities
            .iter()
            .any(|one| one.channel_id == identity.channel_id && one.kind == ChannelKind::WhatsApp);
        if on_whatsapp {
            let job = ChannelJob {
                workspace_id: workspace,
                id: tx.id(),
                kind: ChannelJobKind::BlockContact,
                lane: identity.id.0,
                channel_id: identity.channel_id,
                subject_id: identity.id.0,
                attempts: 0,
            };
            jobs::enqueue_channel_job(tx.conn, job, now)?;
            tx.has_jobs();
        }
    }
    Ok(())
}
