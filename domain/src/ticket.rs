//! A ticket: the record of a session that an agent handled.

use crate::conversation::{HoldReason, Session};
use crate::id::{AgentId, ConversationId, TicketId};
use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// How a ticket stands; derived from its times.
    pub enum TicketStatus {
        /// No agent has answered yet.
        Open = "open",
        /// An agent has answered.
        Answered = "answered",
        /// Closed.
        Resolved = "resolved",
    }
}

/// A ticket, as its rules need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The session it is the record of.
    pub session: Session,
    /// Who holds it, or held it last.
    pub agent_id: AgentId,
    /// When an agent first got the session.
    pub opened_at: Timestamp,
    /// The first reply of an agent.
    pub answered_at: Option<Timestamp>,
    /// When it was resolved.
    pub closed_at: Option<Timestamp>,
    /// Everybody who held it, in order.
    pub holders: Vec<Holding>,
    /// Rises by one with every change.
    pub version: i64,
}

/// One agent's time with a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Who.
    pub agent_id: AgentId,
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None`: still.
    pub to: Option<Timestamp>,
    /// How it came by the ticket.
    pub reason: HoldReason,
}

impl Ticket {
    /// A session gets its ticket, with its first holder.
    #[must_use]
    pub fn open(
        id: TicketId,
        conversation_id: ConversationId,
        session: Session,
        agent_id: AgentId,
        reason: HoldReason,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            conversation_id,
            session,
            agent_id,
            opened_at: now,
            answered_at: None,
            closed_at: None,
            holders: vec![Holding { agent_id, from: now, to: None, reason }],
            version: 0,
        }
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> TicketStatus {
        match (self.closed_at, self.answered_at) {
            (Some(_), _) => TicketStatus::Resolved,
            (None, Some(_)) => TicketStatus::Answered,
            (None, None) => TicketStatus::Open,
        }
    }

    /// It goes to another agent.
    pub fn transfer(&mut self, to: AgentId, reason: HoldReason, now: Timestamp) {
        self.release(now);
        self.agent_id = to;
        self.holders.push(Holding { agent_id: to, from: now, to: None, reason });
    }

    /// Nobody holds it for now.
    pub fn release(&mut self, now: Timestamp) {
        if let Some(holding) = self.holders.last_mut() {
            holding.to.get_or_insert(now);
        }
    }

    /// An agent wrote. True if it was the first time.
    pub fn answer(&mut self, now: Timestamp) -> bool {
        let first = self.answered_at.is_none();
        self.answered_at.get_or_insert(now);
        first
    }

    /// The session ended.
    pub fn close(&mut self, now: Timestamp) {
        self.release(now);
        self.closed_at.get_or_insert(now);
    }
}
