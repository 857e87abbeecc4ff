//! Who holds a conversation, and whether it is over.

mod locked;
mod start;

use domain::access::{
    Act, ArchiveConversation, AssignConversation, Caller, ClaimConversation, ManageTeam,
    MarkConversationRead, ResolveConversation, UnassignConversation, may_assign_to, may_assign_to_division,
};
use domain::conversation::FreshIds;
use domain::event::EventType;
use domain::id::{AgentId, ConversationId, DivisionId};
use domain::notification::NotificationKind;
use domain::refusal::{Code, Refusal};
use domain::resource::{self, AgentRef, DivisionRef, SystemEvent, SystemEventType};
use persistence::error::Failure;
use persistence::{agents, divisions};

use super::gestures;
use super::notifications::{About, Notice, notify};
use super::tickets;
use super::transaction::Tx;

pub(super) use locked::{Locked, changed, system_message};
pub use start::{StartDraft, Whom, start};

/// To whom a conversation is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To an agent.
    Agent(AgentId),
    /// To a division: it waits for one of its members.
    Division(DivisionId),
}

/// Which conversation, and which version of it the caller has seen.
#[derive(Debug, Clone, Copy)]
pub struct Which {
    /// The conversation.
    pub id: ConversationId,
    /// The version that `If-Match` demands.
    pub expected_version: Option<i64>,
}

/// Takes a conversation that nobody holds. Taking what one holds already changes nothing.
///
/// # Errors
/// `not_found`, `already_held`, `already_resolved`, `version_mismatch`.
pub fn claim(
    tx: &mut Tx<'_>,
    caller: &Caller<ClaimConversation>,
    which: Which,
) -> Result<resource::Conversation, Failure> {
    let mut locked = Locked::lock(tx, caller, which)?;
    let (fresh, now) = (fresh(tx), tx.now);
    let change = match locked.conversation.claim(&locked.permit, fresh, now) {
        Ok(Some(change)) => change,
        Ok(None) => return locked.unchanged(tx),
        Err(refusal) if refusal.code == Code::AlreadyHeld => {
            return Err(name_holder(tx, &locked, refusal)?.into());
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let shape = locked.save(tx, EventType::ConversationAssigned)?;
    let me = caller.actor();
    let event = SystemEvent::new(SystemEventType::Claimed).about(me.into()).by(me.into());
    locked.note(tx, locked.session(), format!("{} took the conversation", me.name), event)?;
    locked.follow(tx, change)?;
    Ok(shape)
}

/// Gives a conversation to an agent or a division.
///
/// # Errors
/// `not_found`, `forbidden`, `not_assignable`, `already_resolved` (for a division), `version_mismatch`;
/// `validation_failed` for an agent or division that does not exist.
pub fn assign(
    tx: &mut Tx<'_>,
    caller: &Caller<AssignConversation>,
    which: Which,
    target: Target,
) -> Result<resource::Conversation, Failure> {
    let locked = Locked::lock(tx, caller, which)?;
    match target {
        Target::Agent(agent) => assign_agent(tx, caller, locked, agent),
        Target::Division(division) => assign_division(tx, caller, locked, division),
    }
}

fn assign_agent(
    tx: &mut Tx<'_>,
    caller: &Caller<AssignConversation>,
    mut locked: Locked<AssignConversation>,
    agent: AgentId,
) -> Result<resource::Conversation, Failure> {
    let unknown = || Refusal::invalid("/agent_id", "unknown", "there is no such agent");
    let to = agents::lock_candidate(tx.conn, locked.workspace, agent)?.ok_or_else(unknown)?;
    may_assign_to(caller.actor(), &to)?;
    locked.conversation.expect_open_to_customer()?;
    let (fresh, now) = (fresh(tx), tx.now);
    let Some(change) = locked.conversation.assign(&locked.permit, agent, fresh, now) else {
        return locked.unchanged(tx);
    };
    let previous = locked.holder_before();
    let shape = locked.save(tx, EventType::ConversationAssigned)?;
    let me = caller.actor();
    let given = AgentRef { id: agent, name: to.name.clone() };
    let event = SystemEvent::new(SystemEventType::Assigned).about(given).by(me.into());
    let text = format!("{} gave the conversation to {}", me.name, to.name);
    locked.note(tx, locked.session(), text.clone(), event)?;
    locked.follow(tx, change)?;
    let told = [(Some(agent), NotificationKind::Assigned), (previous, NotificationKind::Transferred)];
    let notices = told.into_iter().filter_map(|(who, kind)| {
        // Nobody is told what it did itself.
        let agent_id = who.filter(|who| *who != me.agent_id)?;
        let about = About::Conversation(locked.conversation.id, locked.conversation.ticket());
        Some(Notice { agent_id, kind, about, text: text.clone() })
    });
    notify(tx, locked.workspace, locked.actor(), notices.collect())?;
    Ok(shape)
}

fn assign_division(
    tx: &mut Tx<'_>,
    caller: &Caller<AssignConversation>,
    mut locked: Locked<AssignConversation>,
    division: DivisionId,
) -> Result<resource::Conversation, Failure> {
    let unknown = || Refusal::invalid("/division_id", "unknown", "there is no such division");
    may_assign_to_division(caller.actor())?;
    let name = divisions::lock_name(tx.conn, locked.workspace, division)?.ok_or_else(unknown)?;
    let now = tx.now;
    let change = locked.conversation.assign_division(&locked.permit, division, now)?;
    let event_type =
        if change.is_some() { EventType::ConversationUnassigned } else { EventType::ConversationUpdated };
    let shape = locked.save(tx, event_type)?;
    let me = caller.actor();
    let text = format!("{} gave the conversation to {}", me.name, name);
    let event = SystemEvent {
        division: Some(DivisionRef { id: division, name }),
        ..SystemEvent::new(SystemEventType::DivisionAssigned).by(me.into())
    };
    locked.note(tx, locked.session(), text, event)?;
    if let Some(change) = change {
        locked.follow(tx, change)?;
    }
    Ok(shape)
}

/// Puts a conversation back into the queue.
///
/// # Errors
/// `not_found`, `forbidden`, `not_held`, `version_mismatch`.
pub fn unassign(
    tx: &mut Tx<'_>,
    caller: &Caller<UnassignConversation>,
    which: Which,
) -> Result<resource::Conversation, Failure> {
    let mut locked = Locked::lock(tx, caller, which)?;
    let now = tx.now;
    let change = locked.conversation.unassign(&locked.permit, now)?;
    let shape = locked.save(tx, EventType::ConversationUnassigned)?;
    let me = caller.actor();
    let event = SystemEvent::new(SystemEventType::Unassigned).by(me.into());
    locked.note(
        tx,
        locked.session(),
        format!("{} put the conversation back into the queue", me.name),
        event,
    )?;
    locked.follow(tx, change)?;
    Ok(shape)
}

/// Puts a conversation back into the queue because its holder leaves the team, unless somebody else holds it by now.
/// `text` and `event` say so in the thread.
pub(super) fn take_back(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTeam>,
    (id, holder): (ConversationId, AgentId),
    text: &str,
    event: &SystemEvent,
) -> Result<(), Failure> {
    let mut locked = Locked::lock(tx, caller, Which { id, expected_version: None })?;
    let now = tx.now;
    if locked.conversation.assignee() != Some(holder) {
        return Ok(());
    }
    if let Some(change) = locked.conversation.lose_holder(&locked.permit, now) {
        locked.save(tx, EventType::ConversationUnassigned)?;
        locked.note(tx, locked.session(), text.to_owned(), event.clone())?;
        locked.follow(tx, change)?;
    }
    Ok(())
}

/// Ends a session: the ticket is closed, nobody holds the conversation.
///
/// # Errors
/// `not_found`, `forbidden`, `already_resolved`, `version_mismatch`.
pub fn resolve(
    tx: &mut Tx<'_>,
    caller: &Caller<ResolveConversation>,
    which: Which,
) -> Result<resource::Conversation, Failure> {
    let mut locked = Locked::lock(tx, caller, which)?;
    let (session, ticket) = locked.conversation.resolve(&locked.permit)?;
    let shape = locked.save(tx, EventType::ConversationResolved)?;
    let me = caller.actor();
    let event = SystemEvent::new(SystemEventType::Resolved).by(me.into());
    locked.note(tx, Some(session.id), format!("{} resolved the conversation", me.name), event)?;
    if let Some(ticket) = ticket {
        tickets::closed(tx, locked.workspace, ticket, locked.actor())?;
    }
    Ok(shape)
}

/// Says that the customer's messages have been read, to the customer too where the channel can; the caller need not be
/// notified of them any more.
///
/// # Errors
/// `not_found`, `forbidden`.
pub fn mark_read(
    tx: &mut Tx<'_>,
    caller: &Caller<MarkConversationRead>,
    which: Which,
) -> Result<resource::Conversation, Failure> {
    let mut locked = Locked::lock(tx, caller, which)?;
    locked.messages_seen(tx)?;
    let shape = if locked.conversation.mark_read(&locked.permit) {
        locked.save(tx, EventType::ConversationRead)?
    } else {
        locked.unchanged(tx)?
    };
    gestures::tell_read(tx, &locked)?;
    Ok(shape)
}

/// Takes a conversation out of the everyday tabs, or brings it back.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`.
pub fn archive(
    tx: &mut Tx<'_>,
    caller: &Caller<ArchiveConversation>,
    which: Which,
    archived: bool,
) -> Result<resource::Conversation, Failure> {
    let mut locked = Locked::lock(tx, caller, which)?;
    let now = tx.now;
    if !locked.conversation.archive(&locked.permit, archived, now) {
        return locked.unchanged(tx);
    }
    let event_type =
        if archived { EventType::ConversationArchived } else { EventType::ConversationUnarchived };
    locked.save(tx, event_type)
}

/// Ids for what a transition may begin.
pub(super) fn fresh(tx: &Tx<'_>) -> FreshIds {
    FreshIds { session: tx.id(), ticket: tx.id() }
}

pub(super) fn name_holder<A: Act>(
    tx: &mut Tx<'_>,
    locked: &Locked<A>,
    refusal: Refusal,
) -> Result<Refusal, Failure> {
    let holder = match locked.conversation.assignee() {
        Some(agent) => agents::lock_candidate(tx.conn, locked.workspace, agent)?,
        None => None,
    };
    Ok(refusal.with("holder", holder.map(|agent| agent.name).unwrap_or_default()))
}
