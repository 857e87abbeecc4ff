//! A conversation: the lasting thread of one identity, and who holds it.

use crate::access::{
    ArchiveConversation, AssignConversation, ClaimConversation, Facts, ManageTeam, MarkConversationRead,
    Permit, ResolveConversation, SendMessage, UnassignConversation,
};
use crate::id::{AgentId, ChannelId, ContactId, ConversationId, DivisionId, MessageId, SessionId, TicketId};
use crate::refusal::{Code, Refusal};
use crate::routing::{Nobody, Placement, Trigger};
use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// How a conversation stands; always derived from its state, never stored.
    pub enum ConversationStatus {
        /// Waiting for an agent, or with a bot.
        Open = "open",
        /// An agent holds it.
        Answered = "answered",
        /// Nothing to do until the customer writes again.
        Resolved = "resolved",
    }
}

text_enum! {
    /// Who has to do something next.
    pub enum Handler {
        /// It waits for an agent.
        Queue = "queue",
        /// An agent.
        Agent = "agent",
        /// Nobody: resolved.
        None = "none",
    }
}

text_enum! {
    /// The lists of conversations that a team works from.
    pub enum Tab {
        /// Held by the caller.
        Mine = "mine",
        /// All.
        All = "all",
        /// Held by nobody: waiting, or resolved.
        Unassigned = "unassigned",
        /// Archived; they are in no other tab.
        Archived = "archived",
    }
}

text_enum! {
    /// How an agent came to hold a ticket.
    pub enum HoldReason {
        /// It took the conversation.
        Claimed = "claimed",
        /// It was given the conversation by somebody.
        Assigned = "assigned",
        /// It answered a conversation that nobody held.
        Replied = "replied",
        /// Routing gave it a conversation that waited.
        AutoAssigned = "auto_assigned",
        /// Routing gave it a conversation whose holder did not answer in time.
        UnansweredTransfer = "unanswered_transfer",
        /// Routing gave it a conversation whose holder went offline.
        Handover = "handover",
    }
}

/// The stretch from the first message until the conversation is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub started_at: Timestamp,
}

/// Where a conversation is in its life; each state has what is legal in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No session.
    Resolved,
    /// A session that nobody holds. It has a ticket if somebody held it before.
    Waiting {
        /// The session.
        session: Session,
        /// Since when nobody holds it.
        since: Timestamp,
        /// Why nobody holds it.
        cause: Trigger,
        /// Whether a stored decision of routing says why it waits.
        decided: bool,
        /// The session's ticket.
        ticket: Option<TicketId>,
    },
    /// A session that an agent holds.
    Held {
        /// The session.
        session: Session,
        /// The holder.
        assignee: AgentId,
        /// Since when it is the holder.
        since: Timestamp,
        /// Whether the holder had reached its limit when it was given the conversation by hand.
        over_limit: bool,
        /// The session's ticket.
        ticket: TicketId,
    },
}

/// A conversation, as its rules need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The channel it is on.
    pub channel_id: ChannelId,
    /// Who writes.
    pub contact_id: ContactId,
    /// Where it is in its life.
    pub state: State,
    /// The division it waits for, or was given to.
    pub division_id: Option<DivisionId>,
    /// The customer's last message, by the provider's clock.
    pub last_inbound_at: Option<Timestamp>,
    /// The last thing that happened in it, by our clock; what lists are ordered by.
    pub last_activity_at: Timestamp,
    /// Its newest message.
    pub last_message_id: Option<MessageId>,
    /// Messages of the customer since somebody read or answered.
    pub unread_count: i32,
    /// The customer's first message since an agent last answered.
    pub unanswered_since: Option<Timestamp>,
    /// Who lost it to a time-out or gave it back since it was last answered: gets it from routing only if nobody
    /// else can.
    pub previous_holders: Vec<AgentId>,
    /// Since when it is out of the everyday tabs.
    pub archived_at: Option<Timestamp>,
    /// Rises by one with every change.
    pub version: i64,
    /// When the first message came.
    pub created_at: Timestamp,
}

/// What happened to the ticket while the conversation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketChange {
    /// The session got its ticket.
    Opened {
        /// The new ticket.
        ticket: TicketId,
        /// Its holder.
        agent: AgentId,
        /// How the holder came by it.
        reason: HoldReason,
    },
    /// The session's ticket has another holder.
    Moved {
        /// The ticket.
        ticket: TicketId,
        /// The new holder.
        to: AgentId,
        /// How the new holder came by it.
        reason: HoldReason,
    },
    /// The holder gave it back; the ticket waits with the conversation.
    Released {
        /// The ticket.
        ticket: TicketId,
    },
}

/// Ids that a transition may need; made by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshIds {
    /// For a session that begins.
    pub session: SessionId,
    /// For a ticket that is opened.
    pub ticket: TicketId,
}

impl Conversation {
    /// A conversation that begins now; it has no message yet.
    #[must_use]
    pub fn begin(id: ConversationId, channel_id: ChannelId, contact_id: ContactId, now: Timestamp) -> Self {
        Self {
            id,
            channel_id,
            contact_id,
            state: State::Resolved,
            division_id: None,
            last_inbound_at: None,
            last_activity_at: now,
            last_message_id: None,
            unread_count: 0,
            unanswered_since: None,
            previous_holders: Vec::new(),
            archived_at: None,
            version: 0,
            created_at: now,
        }
    }

    /// What decides who may see it and do something to it.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts { channel: self.channel_id, assignee: self.assignee(), division: self.division_id }
    }

    /// Its holder.
    #[must_use]
    pub fn assignee(&self) -> Option<AgentId> {
        match self.state {
            State::Held { assignee, .. } => Some(assignee),
            State::Waiting { .. } | State::Resolved => None,
        }
    }

    /// Its session, unless it is resolved.
    #[must_use]
    pub fn session(&self) -> Option<Session> {
        match self.state {
            State::Held { session, .. } | State::Waiting { session, .. } => Some(session),
            State::Resolved => None,
        }
    }

    /// The ticket of its session.
    #[must_use]
    pub fn ticket(&self) -> Option<TicketId> {
        match self.state {
            State::Held { ticket, .. } => Some(ticket),
            State::Waiting { ticket, .. } => ticket,
            State::Resolved => None,
        }
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> ConversationStatus {
        match self.state {
            State::Resolved => ConversationStatus::Resolved,
            State::Waiting { .. } => ConversationStatus::Open,
            State::Held { .. } => ConversationStatus::Answered,
        }
    }

    /// Who has to do something next.
    #[must_use]
    pub fn handler(&self) -> Handler {
        match self.state {
            State::Resolved => Handler::None,
            State::Waiting { .. } => Handler::Queue,
            State::Held { .. } => Handler::Agent,
        }
    }

    /// Refuses if it changed since the caller read it.
    ///
    /// # Errors
    /// `version_mismatch`, naming the version now.
    pub fn expect_version(&self, expected: Option<i64>) -> Result<(), Refusal> {
        match expected {
            Some(version) if version != self.version => {
                Err(Refusal::new(Code::VersionMismatch).with("version", self.version))
            }
            _ => Ok(()),
        }
    }

    /// The customer wrote. Begins a session if there is none, and brings it back from the archive.
    pub fn receive(&mut self, message: MessageId, written_at: Timestamp, session: SessionId, now: Timestamp) {
        if self.state == State::Resolved {
            let session = Session { id: session, started_at: now };
            let cause = Trigger::SessionStarted;
            self.state = State::Waiting { session, since: now, cause, decided: false, ticket: None };
        }
        self.archived_at = None;
        self.unanswered_since.get_or_insert(now);
        self.unread_count = self.unread_count.saturating_add(1);
        self.last_inbound_at = self.last_inbound_at.max(Some(written_at));
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

    /// Its division is no more. A waiting one waits for anybody, which is to be decided anew.
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
        let session = self.session().ok_or(Code::AlreadyResolved)?;
        let ticket = self.ticket();
        self.state = State::Resolved;
        self.division_id = None;
        self.unread_count = 0;
        self.answered();
        Ok((session, ticket))
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
