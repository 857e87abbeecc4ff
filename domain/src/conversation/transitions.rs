//! What can happen to a conversation.

use super::{Conversation, FreshIds, HoldReason, Session, State, TicketChange};
use crate::access::{
    ArchiveConversation, AssignConversation, BlockContact, ClaimConversation, ManageTeam,
    MarkConversationRead, Permit, ResolveConversation, SendMessage, StartConversation, UnassignConversation,
};
use crate::agent::Role;
use crate::id::{AgentId, DivisionId, MessageId, SessionId, TicketId};
use crate::refusal::{Code, Refusal};
use crate::routing::{Nobody, Placement, Trigger};
use crate::time::Timestamp;

impl Conversation {
    /// The customer wrote. Begins a session if there is none, and brings it back from the archive.
    ///
    /// Of one who is shut out only the message is kept: nobody is to do anything about it, and no list moves.
    pub fn receive(&mut self, message: MessageId, written_at: Timestamp, session: SessionId, now: Timestamp) {
        self.last_inbound_at = self.last_inbound_at.max(Some(written_at));
        if self.blocked {
            self.last_message_id = Some(message);
            return;
        }
        if self.state == State::Resolved {
            let session = Session { id: session, started_at: now };
            let cause = Trigger::SessionStarted;
            self.state = State::Waiting { session, since: now, cause, decided: false, ticket: None };
        }
        self.archived_at = None;
        self.unanswered_since.get_or_insert(now);
        self.unread_count = self.unread_count.saturating_add(1);
        self.note(message, now);
    }

    /// A message came to be the newest.
    pub fn note(&mut self, message: MessageId, now: Timestamp) {
        self.last_message_id = Some(message);
        self.last_activity_at = self.last_activity_at.max(now);
    }

    /// Takes it for the caller. Claiming what the caller holds changes nothing.
    ///
    /// # Errors
    /// `already_held` by another (`holder` is to be named), `already_resolved`.
    pub fn claim(
        &mut self,
        permit: &Permit<ClaimConversation>,
        fresh: FreshIds,
        now: Timestamp,
    ) -> Result<Option<TicketChange>, Refusal> {
        let me = permit.actor().agent_id;
        match self.state {
            State::Held { assignee, .. } if assignee == me => Ok(None),
            State::Held { .. } => Err(Code::AlreadyHeld.into()),
            State::Resolved => Err(Code::AlreadyResolved.into()),
            State::Waiting { .. } => Ok(self.hold(me, HoldReason::Claimed, fresh, now)),
        }
    }

    /// Gives it to an agent; a resolved one begins a new session.
    pub fn assign(
        &mut self,
        _permit: &Permit<AssignConversation>,
        to: AgentId,
        fresh: FreshIds,
        now: Timestamp,
    ) -> Option<TicketChange> {
        self.hold(to, HoldReason::Assigned, fresh, now)
    }

    /// Gives it to a division: it waits in the queue for one of its members.
    ///
    /// # Errors
    /// `already_resolved`: there is nothing to wait for.
    pub fn assign_division(
        &mut self,
        _permit: &Permit<AssignConversation>,
        division: DivisionId,
        now: Timestamp,
    ) -> Result<Option<TicketChange>, Refusal> {
        if self.state == State::Resolved {
            return Err(Code::AlreadyResolved.into());
        }
        self.division_id = Some(division);
        let released = self.give_back(Trigger::DivisionSet, now);
        if let State::Waiting { cause, decided, .. } = &mut self.state {
            (*cause, *decided) = (Trigger::DivisionSet, false);
        }
        Ok(released)
    }

    /// Its division is no more. A waiting one waits for anybody: why it waits is to be said anew.
    pub fn leave_division(&mut self, _permit: &Permit<ManageTeam>) {
        self.division_id = None;
        if let State::Waiting { decided, .. } = &mut self.state {
            *decided = false;
        }
    }

    /// Puts it back into the queue.
    ///
    /// # Errors
    /// `not_held`.
    pub fn unassign(
        &mut self,
        _permit: &Permit<UnassignConversation>,
        now: Timestamp,
    ) -> Result<TicketChange, Refusal> {
        self.give_back(Trigger::Unassigned, now).ok_or_else(|| Code::NotHeld.into())
    }

    /// Puts it back into the queue because its holder leaves the team; `None` if nobody holds it.
    pub fn lose_holder(&mut self, _permit: &Permit<ManageTeam>, now: Timestamp) -> Option<TicketChange> {
        self.release(Trigger::HolderLeft, now)
    }

    /// Routing found an agent for it. Whom it is taken from does not get it back while anybody else can.
    ///
    /// Nothing happens to a resolved one.
    pub fn place(
        &mut self,
        placement: Placement,
        trigger: Trigger,
        fresh: FreshIds,
        now: Timestamp,
    ) -> Option<TicketChange> {
        let reason = match (self.state, trigger) {
            (State::Resolved, _) => return None,
            (State::Held { .. }, Trigger::Handover) => HoldReason::Handover,
            (State::Held { .. }, _) => HoldReason::UnansweredTransfer,
            (State::Waiting { .. }, _) => HoldReason::AutoAssigned,
        };
        self.pass_on();
        self.hold(placement.agent(), reason, fresh, now)
    }

    /// Routing found nobody: it waits, and the stored decision says why. Its holder, if it has one, is gone.
    pub fn queue(&mut self, _nobody: Nobody, trigger: Trigger, now: Timestamp) -> Option<TicketChange> {
        self.pass_on();
        let released = self.release(trigger, now);
        if let State::Waiting { decided, .. } = &mut self.state {
            *decided = true;
        }
        released
    }

    /// Says whether the holder had reached its limit when it was given the conversation.
    pub fn mark_over_limit(&mut self, reached: bool) {
        if let State::Held { over_limit, .. } = &mut self.state {
            *over_limit = reached;
        }
    }

    /// Ends the session. The ticket, if there is one, is to be closed.
    ///
    /// # Errors
    /// `already_resolved`.
    pub fn resolve(
        &mut self,
        _permit: &Permit<ResolveConversation>,
    ) -> Result<(Session, Option<TicketId>), Refusal> {
        self.end().ok_or_else(|| Code::AlreadyResolved.into())
    }

    /// Its customer is shut out: the session ends, if there is one, and none begins until the customer is let in again.
    pub fn block(&mut self, _permit: &Permit<BlockContact>) -> Option<(Session, Option<TicketId>)> {
        self.blocked = true;
        self.unread_count = 0;
        self.end()
    }

    /// Its customer is let in again: the next message begins a session.
    pub fn unblock(&mut self, _permit: &Permit<BlockContact>) {
        self.blocked = false;
    }

    /// The caller writes to the customer: what nobody holds becomes the caller's first, a resolved
    /// one begins a new session. Answering is reading.
    pub fn reply(
        &mut self,
        permit: &Permit<SendMessage>,
        fresh: FreshIds,
        now: Timestamp,
    ) -> Option<TicketChange> {
        self.unread_count = 0;
        self.archived_at = None;
        self.answered();
        match self.state {
            State::Held { .. } => None,
            State::Waiting { .. } | State::Resolved => {
                self.hold(permit.actor().agent_id, HoldReason::Replied, fresh, now)
            }
        }
    }

    /// The caller writes first, with a template: what nobody holds becomes the caller's, a resolved one begins a new session.
    ///
    /// # Errors
    /// `already_held` by another (`holder` is to be named); `forbidden` where the caller may not take what waits.
    pub fn start(
        &mut self,
        permit: &Permit<StartConversation>,
        fresh: FreshIds,
        now: Timestamp,
    ) -> Result<Option<TicketChange>, Refusal> {
        let me = permit.actor();
        match self.state {
            State::Held { assignee, .. } if assignee != me.agent_id => return Err(Code::AlreadyHeld.into()),
            State::Waiting { .. } if me.role == Role::Agent && !me.agents_may_claim => {
                return Err(Code::Forbidden.into());
            }
            _ => {}
        }
        self.unread_count = 0;
        self.archived_at = None;
        self.answered();
        Ok(self.hold(me.agent_id, HoldReason::Started, fresh, now))
    }

    /// Says that the customer's messages have been read. True if there were unread ones.
    pub fn mark_read(&mut self, _permit: &Permit<MarkConversationRead>) -> bool {
        std::mem::take(&mut self.unread_count) > 0
    }

    /// Takes it out of the everyday tabs, or brings it back. True if that changed anything.
    pub fn archive(&mut self, _permit: &Permit<ArchiveConversation>, archived: bool, now: Timestamp) -> bool {
        let changed = self.archived_at.is_some() != archived;
        if changed {
            self.archived_at = archived.then_some(now);
        }
        changed
    }

    /// Ends the session.
    fn end(&mut self) -> Option<(Session, Option<TicketId>)> {
        let ended = self.session().map(|session| (session, self.ticket()));
        if ended.is_some() {
            self.state = State::Resolved;
            self.division_id = None;
            self.unread_count = 0;
            self.answered();
        }
        ended
    }

    fn hold(
        &mut self,
        agent: AgentId,
        reason: HoldReason,
        fresh: FreshIds,
        now: Timestamp,
    ) -> Option<TicketChange> {
        let session = self.session().unwrap_or(Session { id: fresh.session, started_at: now });
        let held_before = self.ticket();
        if self.assignee() == Some(agent) {
            return None;
        }
        let ticket = held_before.unwrap_or(fresh.ticket);
        self.state = State::Held { session, assignee: agent, since: now, over_limit: false, ticket };
        self.last_activity_at = self.last_activity_at.max(now);
        Some(if held_before.is_some() {
            TicketChange::Moved { ticket, to: agent, reason }
        } else {
            TicketChange::Opened { ticket, agent, reason }
        })
    }

    /// The holder gives it back, and does not get it again while anybody else can.
    fn give_back(&mut self, cause: Trigger, now: Timestamp) -> Option<TicketChange> {
        self.pass_on();
        self.release(cause, now)
    }

    fn release(&mut self, cause: Trigger, now: Timestamp) -> Option<TicketChange> {
        let State::Held { session, ticket, .. } = self.state else { return None };
        self.state = State::Waiting { session, since: now, cause, decided: false, ticket: Some(ticket) };
        self.last_activity_at = self.last_activity_at.max(now);
        Some(TicketChange::Released { ticket })
    }

    /// Remembers the holder as one who had it.
    fn pass_on(&mut self) {
        if let Some(holder) = self.assignee().filter(|holder| !self.previous_holders.contains(holder)) {
            self.previous_holders.push(holder);
        }
    }

    /// The customer has an answer, or needs none any longer.
    fn answered(&mut self) {
        self.unanswered_since = None;
        self.previous_holders.clear();
    }
}
