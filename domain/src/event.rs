//! The log: what happened, and who may be told.

use serde::{Deserialize, Serialize};

use crate::access::{Facts, KeyScope, Scope, Visible};
use crate::agent::Role;
use crate::id::{AgentId, ChannelId};
use crate::text_enum::text_enum;

text_enum! {
    /// What happened. `conversation.hidden`, `conversation.shown`, `ticket.hidden` and
    /// `contact.hidden` are never stored: they are what a reader gets who loses or gains sight of the thing.
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
        /// A label was made.
        LabelCreated = "label.created",
        /// A label's name or colour changed: also on every conversation that has it.
        LabelUpdated = "label.updated",
        /// A label is no more, and on no conversation.
        LabelDeleted = "label.deleted",
        /// Somebody noted something on a contact.
        NoteCreated = "note.created",
        /// A note was changed.
        NoteUpdated = "note.updated",
        /// A note is no more.
        NoteDeleted = "note.deleted",
        /// A new contact.
        ContactCreated = "contact.created",
        /// What is known of a contact changed.
        ContactUpdated = "contact.updated",
        /// A contact was shut out.
        ContactBlocked = "contact.blocked",
        /// A contact was let in again.
        ContactUnblocked = "contact.unblocked",
        /// Two contacts became one.
        ContactMerged = "contact.merged",
        /// What had become one contact is two again.
        ContactUnmerged = "contact.unmerged",
        /// A contact is no more.
        ContactDeleted = "contact.deleted",
        /// The reader no longer sees the contact. Only ids.
        ContactHidden = "contact.hidden",
        /// A member was made, or invited.
        AgentCreated = "agent.created",
        /// A member's profile, role, allocation, availability or presence changed.
        AgentUpdated = "agent.updated",
        /// A member left the team.
        AgentDeleted = "agent.deleted",
        /// A division was made.
        DivisionCreated = "division.created",
        /// A division's name or members changed.
        DivisionUpdated = "division.updated",
        /// A division is no more.
        DivisionDeleted = "division.deleted",
        /// The workspace's name, time zone or presence mode changed.
        WorkspaceUpdated = "workspace.updated",
        /// Settings of the workspace changed.
        SettingsUpdated = "settings.updated",
        /// What is set about messages changed.
        MessagingSettingsUpdated = "messaging_settings.updated",
        /// A program was given a key.
        ApiKeyCreated = "api_key.created",
        /// A key was ended.
        ApiKeyDeleted = "api_key.deleted",
        /// A distribution policy was made.
        PolicyCreated = "policy.created",
        /// A distribution policy changed.
        PolicyUpdated = "policy.updated",
        /// A distribution policy is no more.
        PolicyDeleted = "policy.deleted",
        /// Routing found nobody: the conversation waits, or stays with its holder.
        RoutingQueued = "routing.queued",
        /// Routing gave a conversation to an agent.
        RoutingDecided = "routing.decided",
        /// A member is to know of something.
        NotificationCreated = "notification.created",
        /// A member has read a notification.
        NotificationRead = "notification.read",
        /// A member wants to be told otherwise.
        NotificationPreferencesUpdated = "notification_preferences.updated",
        /// A channel was connected.
        ChannelCreated = "channel.created",
        /// A channel's name, credentials or state changed.
        ChannelUpdated = "channel.updated",
        /// The time to answer a customer freely is about to end.
        ConversationReplyWindowClosing = "conversation.reply_window_closing",
        /// A template was made, or found at the provider.
        TemplateCreated = "template.created",
        /// A template changed, here or at the provider.
        TemplateUpdated = "template.updated",
        /// A template is no more.
        TemplateDeleted = "template.deleted",
        /// The provider's templates have been read.
        TemplateSynced = "template.synced",
        /// A webhook endpoint was made. Of its `url` events have scheme, host and port only.
        WebhookEndpointCreated = "webhook_endpoint.created",
        /// A webhook endpoint was changed, paused or set going again.
        WebhookEndpointUpdated = "webhook_endpoint.updated",
        /// A webhook endpoint is no more.
        WebhookEndpointDeleted = "webhook_endpoint.deleted",
        /// A call to try a webhook endpoint. It is sent to that endpoint only, and is not in the log.
        WebhookEndpointTested = "webhook_endpoint.tested",
    }
}

text_enum! {
    /// What did something.
    pub enum ActorType {
        /// A member of the team.
        Agent = "agent",
        /// A customer.
        Contact = "contact",
        /// The product itself: a job, a provider's news.
        System = "system",
        /// The operator of the installation.
        Operator = "operator",
    }
}

/// Who may be told of an event, before the scope of a reader is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Every member of the workspace.
    Everyone,
    /// Admins only, and of their programs those that are not limited to channels.
    Admins,
    /// One member only, and of its programs those that are not limited to channels.
    Agent(AgentId),
    /// Who sees the conversation.
    Conversation(Sight),
    /// Who sees the ticket.
    Ticket(Sight),
    /// Every member of the workspace, and programs that are not kept from the channel.
    Channel(ChannelId),
    /// Who sees the contact.
    Contact(ContactSight),
}

/// The facts that decide who sees a contact, one for each of its identities, before and after the change. `None`: it did
/// not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactSight {
    /// Before the change.
    pub before: Option<Vec<Facts>>,
    /// After the change.
    pub after: Option<Vec<Facts>>,
}

impl ContactSight {
    /// Nothing that decides changed.
    #[must_use]
    pub fn unchanged(facts: Vec<Facts>) -> Self {
        Self { before: Some(facts.clone()), after: Some(facts) }
    }
}

/// The facts that decide who sees a thing, before and after the change. `None`: it did not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Before the change.
    pub before: Option<Facts>,
    /// After the change.
    pub after: Option<Facts>,
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

impl EventType {
    /// What a program must be able to read to be told.
    #[must_use]
    pub fn scope(self) -> KeyScope {
        match self {
            Self::ConversationCreated
            | Self::ConversationUpdated
            | Self::ConversationAssigned
            | Self::ConversationUnassigned
            | Self::ConversationResolved
            | Self::ConversationArchived
            | Self::ConversationUnarchived
            | Self::ConversationRead
            | Self::ConversationHidden
            | Self::ConversationShown
            | Self::ConversationReplyWindowClosing
            | Self::RoutingQueued
            | Self::RoutingDecided
            | Self::NotificationCreated
            | Self::NotificationRead
            | Self::LabelCreated
            | Self::LabelUpdated
            | Self::LabelDeleted
            | Self::NotificationPreferencesUpdated => KeyScope::ConversationsRead,
            Self::ContactCreated
            | Self::ContactUpdated
            | Self::ContactBlocked
            | Self::ContactUnblocked
            | Self::ContactMerged
            | Self::ContactUnmerged
            | Self::ContactDeleted
            | Self::ContactHidden
            | Self::NoteCreated
            | Self::NoteUpdated
            | Self::NoteDeleted => KeyScope::ContactsRead,
            Self::MessageCreated | Self::MessageUpdated => KeyScope::MessagesRead,
            Self::TicketOpened
            | Self::TicketAnswered
            | Self::TicketTransferred
            | Self::TicketResolved
            | Self::TicketHidden => KeyScope::TicketsRead,
            Self::AgentCreated
            | Self::AgentUpdated
            | Self::AgentDeleted
            | Self::DivisionCreated
            | Self::DivisionUpdated
            | Self::DivisionDeleted => KeyScope::TeamRead,
            Self::ChannelCreated | Self::ChannelUpdated => KeyScope::ChannelsRead,
            Self::TemplateCreated | Self::TemplateUpdated | Self::TemplateDeleted | Self::TemplateSynced => {
                KeyScope::TemplatesRead
            }
            Self::WorkspaceUpdated
            | Self::SettingsUpdated
            | Self::MessagingSettingsUpdated
            | Self::PolicyCreated
            | Self::PolicyUpdated
            | Self::PolicyDeleted => KeyScope::WorkspaceRead,
            // No key reads keys or endpoints; but for its member's role a key would be told of admins' doings.
            Self::ApiKeyCreated
            | Self::ApiKeyDeleted
            | Self::WebhookEndpointCreated
            | Self::WebhookEndpointUpdated
            | Self::WebhookEndpointDeleted
            | Self::WebhookEndpointTested => KeyScope::AuditRead,
        }
    }

    /// May it change who sees what, or who acts? Then every reader's scope is read again.
    #[must_use]
    pub fn changes_rights(self) -> bool {
        matches!(
            self,
            Self::AgentCreated
                | Self::AgentUpdated
                | Self::AgentDeleted
                | Self::DivisionUpdated
                | Self::DivisionDeleted
                | Self::SettingsUpdated
                | Self::ApiKeyDeleted
        )
    }
}

/// What this reader is sent for an event with this audience: a pure function of the reader's scope
/// and the event's own facts, so that a replay gives the same as live did.
#[must_use]
pub fn delivery(visible: &Visible, event_type: EventType, audience: &Audience) -> Delivery {
    let told = |yes: bool| if yes { Delivery::Full } else { Delivery::Nothing };
    if !visible.reads(event_type.scope()) {
        return Delivery::Nothing;
    }
    match audience {
        Audience::Everyone => Delivery::Full,
        // What admins do may be about any channel.
        Audience::Admins => told(visible.role == Role::Admin && visible.only_channels().is_none()),
        // What a member is to know of may be about any channel.
        Audience::Agent(agent) => told(visible.agent_id == *agent && visible.only_channels().is_none()),
        Audience::Channel(channel) => told(visible.allows_channel(*channel)),
        Audience::Conversation(sight) => by_sight(*sight, &visible.conversations),
        Audience::Ticket(sight) => by_sight(*sight, &visible.tickets),
        Audience::Contact(sight) => {
            let saw = |facts: &Option<Vec<Facts>>| facts.as_ref().map(|facts| visible.sees_contact(facts));
            by_change(saw(&sight.before), saw(&sight.after))
        }
    }
}

fn by_sight(sight: Sight, scope: &Scope) -> Delivery {
    let saw = |facts: Option<Facts>| facts.map(|facts| scope.contains(facts));
    by_change(saw(sight.before), saw(sight.after))
}

/// Whether the reader saw the thing before the change, and sees it after; `None`: it is not there.
fn by_change(before: Option<bool>, after: Option<bool>) -> Delivery {
    match (before, after) {
        (None | Some(true), Some(true)) => Delivery::Full,
        (Some(false), Some(true)) => Delivery::Shown,
        (Some(true), Some(false) | None) => Delivery::Hidden,
        (None | Some(false), Some(false) | None) => Delivery::Nothing,
    }
}
