//! A conversation: the lasting thread of one identity, and who holds it.

mod transitions;
mod words;

pub use words::{ConversationStatus, Handler, HoldReason, Tab};

use crate::access::Facts;
use crate::id::{AgentId, ChannelId, ContactId, ConversationId, DivisionId, MessageId, SessionId, TicketId};
use crate::refusal::{Code, Refusal};
use crate::routing::Trigger;
use crate::time::Timestamp;

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
    /// Whether its customer is shut out. Then it is resolved, and stays so.
    pub blocked: bool,
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
            blocked: false,
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

    /// Refuses if its customer is shut out.
    ///
    /// # Errors
    /// `contact_blocked`.
    pub fn expect_open_to_customer(&self) -> Result<(), Refusal> {
        if self.blocked { Err(Code::ContactBlocked.into()) } else { Ok(()) }
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
}
