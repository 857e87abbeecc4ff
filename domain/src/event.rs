//! The log: what happened, and who may be told.

use crate::access::{Held, Visible};
use crate::agent::Role;
use crate::id::{AgentId, DivisionId};
use crate::text_enum::text_enum;

text_enum! {
    /// What happened. `conversation.hidden`, `conversation.shown` and `ticket.hidden` are never
    /// stored: the first two, and the last, are what a reader gets who loses or gains sight of it.
    pub enum EventType {
        /// A customer wrote for the first time.
        ConversationCreated = "conversation.created",
        /// Something of a conversation changed that no other type tells.
        ConversationUpdated = "conversation.updated",
        /// A conversation has a (new) holder.
        ConversationAssigned = "conversation.assigned",
        /// A conversation went back to the queue.
        ConversationUnassigned = "conversation.unassigned",
        /// A session ended.
        ConversationResolved = "conversation.resolved",
        /// A conversation left the everyday tabs.
        ConversationArchived = "conversation.archived",
        /// A conversation is back in the everyday tabs.
        ConversationUnarchived = "conversation.unarchived",
        /// The customer's messages were read.
        ConversationRead = "conversation.read",
        /// The reader no longer sees the conversation. Only ids.
        ConversationHidden = "conversation.hidden",
        /// The reader now sees the conversation. Its whole state.
        ConversationShown = "conversation.shown",
        /// A message came, or was handed in.
        MessageCreated = "message.created",
        /// A message's status, text or reactions changed.
        MessageUpdated = "message.updated",
        /// A session got its ticket.
        TicketOpened = "ticket.opened",
        /// An agent answered for the first time.
        TicketAnswered = "ticket.answered",
        /// A ticket has another holder, or waits for one.
        TicketTransferred = "ticket.transferred",
        /// A ticket was closed.
        TicketResolved = "ticket.resolved",
        /// The reader no longer sees the ticket. Only ids.
        TicketHidden = "ticket.hidden",
        /// A new contact.
        ContactCreated = "contact.created",
        /// A contact's name, number or preferences changed.
        ContactUpdated = "contact.updated",
        /// A member joined the team.
        AgentCreated = "agent.created",
        /// What others see of a member changed.
        AgentUpdated = "agent.updated",
        /// A division was made.
        DivisionCreated = "division.created",
        /// A channel was connected.
        ChannelCreated = "channel.created",
        /// A channel's name, credentials or state changed.
        ChannelUpdated = "channel.updated",
    }
}

/// Who may be told of an event, before the scope of a reader is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Every member of the workspace.
    Everyone,
    /// Admins only.
    Admins,
    /// One member only.
    Agent(AgentId),
    /// Who sees the conversation.
    Conversation(Sight),
    /// Who sees the ticket.
    Ticket(Sight),
}

/// The facts that decide who sees a thing, before and after the change. `None`: it did not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Before the change.
    pub before: Option<Facts>,
    /// After the change.
    pub after: Option<Facts>,
}

/// What of a conversation or ticket decides who sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The holder.
    pub assignee: Option<AgentId>,
    /// The division it waits for.
    pub division: Option<DivisionId>,
}

impl Sight {
    /// Nothing that decides changed.
    #[must_use]
    pub fn unchanged(facts: Facts) -> Self {
        Self { before: Some(facts), after: Some(facts) }
    }
}

/// What a reader is sent for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The event as it is.
    Full,
    /// `*.shown`: the reader gains sight.
    Shown,
    /// `*.hidden`: the reader loses sight. Ids only.
    Hidden,
    /// Nothing.
    Nothing,
}

/// What this reader is sent for an event with this audience: a pure function of the reader's scope
/// and the event's own facts, so that a replay gives the same as live did.
#[must_use]
pub fn delivery(visible: &Visible, audience: Audience) -> Delivery {
    let told = |yes: bool| if yes { Delivery::Full } else { Delivery::Nothing };
    match audience {
        Audience::Everyone => Delivery::Full,
        Audience::Admins => told(visible.role == Role::Admin),
        Audience::Agent(agent) => told(visible.agent_id == agent),
        Audience::Conversation(sight) => by_sight(sight, |held| visible.conversations.contains(held)),
        Audience::Ticket(sight) => by_sight(sight, |held| visible.tickets.contains(held)),
    }
}

fn by_sight(sight: Sight, sees: impl Fn(Held) -> bool) -> Delivery {
    let saw = |facts: Option<Facts>| facts.map(|facts| sees(Held { by: facts.assignee }));
    match (saw(sight.before), saw(sight.after)) {
        (None | Some(true), Some(true)) => Delivery::Full,
        (Some(false), Some(true)) => Delivery::Shown,
        (Some(true), Some(false) | None) => Delivery::Hidden,
        (None | Some(false), Some(false) | None) => Delivery::Nothing,
    }
}
