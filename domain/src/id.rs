//! One type per kind of id, so that a ticket's id cannot be passed where a message's is meant.
//!
//! All are UUIDs of version 7. New ones are made by the caller (`api::state::Ids`), never here:
//! the domain has neither clock nor randomness.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

ids! {
    /// A tenant.
    WorkspaceId,
    /// A member of the team, whatever its role.
    AgentId,
    /// A named group of agents.
    DivisionId,
    /// One connected account at a provider.
    ChannelId,
    /// A customer.
    ContactId,
    /// Two contacts that became one.
    ContactMergeId,
    /// What a provider knows a contact by, on one channel.
    IdentityId,
    /// The lasting thread of one identity.
    ConversationId,
    /// The stretch of a conversation until it is resolved.
    SessionId,
    /// One message of a conversation.
    MessageId,
    /// The record of a session that an agent handled.
    TicketId,
    /// One entry of the event log.
    EventId,
    /// One piece of work that happens later.
    JobId,
    /// One signed-in device of an agent: the family of its refresh tokens.
    SignInId,
    /// One token that was mailed to an agent.
    OneTimeTokenId,
    /// A label, put on conversations.
    LabelId,
    /// What somebody of the team noted on a contact.
    NoteId,
    /// A credential of a program.
    ApiKeyId,
    /// One entry of the audit trail.
    AuditEntryId,
    /// A stretch of one member's availability.
    AvailabilityPeriodId,
    /// Routing options of some channels.
    DistributionPolicyId,
    /// One decision of routing.
    RoutingDecisionId,
    /// Something that routing has to look at.
    RoutingRequestId,
    /// Something that happens later.
    TimerId,
    /// What one member is to know of.
    NotificationId,
    /// A file that was uploaded, or came with a message.
    AttachmentId,
    /// A message that the provider approves.
    TemplateId,
    /// A server of an integrator that is told what happens.
    WebhookEndpointId,
    /// What became of an event for such a server.
    WebhookDeliveryId,
}
