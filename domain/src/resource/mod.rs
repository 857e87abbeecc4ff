//! The shapes that clients see. A `GET`, a list's items and an event's `data` are the same bytes'
//! worth of the same type, which is why they live below the routes: an event is written in the
//! transaction of the change.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::actor::Actor;
use crate::agent::PresenceMode;
use crate::attachment::{AttachmentKind, AttachmentState};
use crate::channel::{ChannelKind, ChannelState};
use crate::conversation::{ConversationStatus, Handler, HoldReason};
use crate::id::{
    AgentId, AttachmentId, ChannelId, ContactId, ConversationId, DistributionPolicyId, DivisionId, LabelId,
    MessageId, TicketId, WorkspaceId,
};
use crate::message::{AuthorType, Direction, MessageKind, MessageStatus, ReplyTo, StatusTimes};
use crate::reply_window::ReplyWindow;
use crate::ticket::TicketStatus;
use crate::time::Timestamp;
use uuid::Uuid;

macro_rules! shape {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        $(#[$meta])*
        pub struct $name { $($body)* }
    };
}

mod administration;
mod annotations;
mod attachments;
mod capability;
mod contacts;
mod content;
mod inbox;
mod integrator;
mod notification;
mod routing;
mod simulation;
mod team;
mod template;
mod webhook;

pub use administration::{ApiKey, ApiKeyRef, AuditEntry, AuditSubjectRef, EventActor};
pub use annotations::{Label, LabelDeletion, Note};
pub use attachments::{Attachment, AttachmentLimits, MessagingSettings, SignedUrl, SignedUrls};
pub use capability::{
    ChannelAttachmentLimits, ChannelCapabilities, ChannelLimits, InteractiveLimits, InteractiveListLimits,
};
pub use contacts::{
    ContactImport, ContactMerge, ImportError, ImportOutcome, ImportedLine, MergedContact, UnmergedContact,
};
pub use content::{
    CardEntry, ChoiceType, ContactCard, MediaDetails, MessageChoice, MessageContent, MessageForm,
    MessageLocation, MessageOrder, MessageReferral, OrderItem, ProductReference, SharedLink, SystemEvent,
    SystemEventType, UnsupportedContent,
};
pub use inbox::ConversationCounts;
pub use integrator::{Callback, CallbackContact, CallbackType, Delivered, DeliveredMessage, DeliveredStatus};
pub use notification::{Notification, NotificationPreferences, NotificationsRead};
pub use routing::{
    AssignmentSettings, DistributionPolicy, OmittedCandidates, QueueCode, QueueEntry, QueueReason,
    RoutingCandidate, RoutingDecision, StickyAgent, Timer,
};
pub use simulation::{
    RoutingSimulation, SimulatedAgent, SimulatedComparison, SimulatedDecision, SimulatedDifference,
    SimulatedHour, SimulatedRange, SimulatedTotals, SimulatedWaits,
};
pub use team::{Agent, AgentCounts, Division, DivisionDeletion, Member};
pub use template::{Template, TemplateRef, TemplateSync};
pub use webhook::{DeliveryAttempt, LostEvents, WebhookDelivery, WebhookEndpoint};

shape! {
    /// A reference to an agent.
    pub struct AgentRef {
        /// The agent.
        pub id: AgentId,
        /// Its name.
        pub name: String,
    }
}

impl From<&Actor> for AgentRef {
    fn from(actor: &Actor) -> Self {
        Self { id: actor.agent_id, name: actor.name.clone() }
    }
}

shape! {
    /// A reference to a division.
    pub struct DivisionRef {
        /// The division.
        pub id: DivisionId,
        /// Its name.
        pub name: String,
    }
}

shape! {
    /// A reference to a channel.
    pub struct ChannelRef {
        /// The channel.
        pub id: ChannelId,
        /// What kind of account it is.
        pub kind: ChannelKind,
        /// Its name.
        pub name: String,
    }
}

shape! {
    /// A reference to a distribution policy.
    pub struct PolicyRef {
        /// The policy.
        pub id: DistributionPolicyId,
        /// Its name.
        pub name: String,
    }
}

shape! {
    /// A reference to a contact.
    pub struct ContactRef {
        /// The contact.
        pub id: ContactId,
        /// Its name.
        pub name: String,
        /// Its phone number, digits with country code; null where it is not known.
        pub phone: Option<String>,
        /// Whether it is shut out.
        pub blocked: bool,
    }
}

shape! {
    /// A reference to a label.
    pub struct LabelRef {
        /// The label.
        pub id: LabelId,
        /// Its name.
        pub name: String,
        /// Its colour, `#RRGGBB`.
        pub color: String,
    }
}

shape! {
    /// A tenant.
    pub struct Workspace {
        /// Its id.
        pub id: WorkspaceId,
        /// Its name.
        pub name: String,
        /// Its short name, unique in the installation, used to sign in.
        pub slug: String,
        /// Its time zone (IANA), `Asia/Jakarta` for example.
        pub timezone: String,
        /// What makes members count as online, beside their own word.
        pub presence: PresenceMode,
        /// Rises by one with every change.
        pub version: i64,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

shape! {
    /// Whether a channel works.
    pub struct ChannelStatus {
        /// Whether it does.
        pub state: ChannelState,
        /// What is wrong, in words for an admin.
        pub detail: Option<String>,
    }
}

shape! {
    /// A secret that is set; it is never shown.
    pub struct SecretHint {
        /// Which: `access_token`, `app_secret`, ...
        pub name: String,
        /// Its last four characters; null if it is too short to show any.
        pub ends_with: Option<String>,
    }
}

shape! {
    /// One connected account at a provider.
    pub struct Channel {
        /// Its id.
        pub id: ChannelId,
        /// What kind of account.
        pub kind: ChannelKind,
        /// Its name in the team.
        pub name: String,
        /// The account at the provider: a phone number id, a Page id, a bot id; of an `api` channel its own id.
        pub external_id: String,
        /// What else is known of the account and may be shown.
        pub account: Value,
        /// Whether it works.
        pub status: ChannelStatus,
        /// What to enter as webhook address at the provider; of an `api` channel, where it delivers.
        pub webhook_url: String,
        /// Where what is written to customers of an `api` channel is handed over; null where nowhere, in events, and for
        /// readers who are not admins.
        pub callback_url: Option<String>,
        /// What it can do.
        pub capabilities: ChannelCapabilities,
        /// The members that are allocated to it.
        pub agents: Vec<AgentRef>,
        /// Its distribution policy.
        pub policy: Option<PolicyRef>,
        /// The secrets that are set; null in events, and for readers who are not admins.
        pub secrets: Option<Vec<SecretHint>>,
        /// Rises by one with every change.
        pub version: i64,
        /// When it was connected.
        pub created_at: Timestamp,
    }
}

shape! {
    /// Who a contact is on one channel.
    pub struct Identity {
        /// The channel's kind.
        pub kind: ChannelKind,
        /// The channel.
        pub channel_id: ChannelId,
        /// The provider's lasting id.
        pub external_id: String,
        /// The public user name.
        pub username: Option<String>,
        /// The phone number, digits with country code.
        pub phone: Option<String>,
        /// The name that the customer shows there.
        pub name: Option<String>,
    }
}

shape! {
    /// A customer.
    pub struct Contact {
        /// Its id.
        pub id: ContactId,
        /// Its name.
        pub name: String,
        /// Its e-mail address.
        pub email: Option<String>,
        /// Where it works.
        pub company: Option<String>,
        /// Its phone number, digits with country code.
        pub phone: Option<String>,
        /// What else the team knows of it, under names of the team's choice.
        pub attributes: Map<String, Value>,
        /// Who it is on each channel.
        pub identities: Vec<Identity>,
        /// Since when it is shut out.
        pub blocked_at: Option<Timestamp>,
        /// Since when it wants no marketing messages.
        pub opted_out_at: Option<Timestamp>,
        /// Rises by one with every change.
        pub version: i64,
        /// When it first wrote, or was made.
        pub created_at: Timestamp,
    }
}

shape! {
    /// The newest message of a conversation, in short.
    pub struct LastMessage {
        /// The message.
        pub id: MessageId,
        /// What it is.
        pub kind: MessageKind,
        /// Which way it went.
        pub direction: Direction,
        /// The beginning of its text, at most 200 characters.
        pub text: Option<String>,
        /// When it was written.
        pub at: Timestamp,
    }
}

shape! {
    /// The lasting thread of one customer on one channel.
    pub struct Conversation {
        /// Its id.
        pub id: ConversationId,
        /// The channel.
        pub channel: ChannelRef,
        /// The customer.
        pub contact: ContactRef,
        /// How it stands.
        pub status: ConversationStatus,
        /// Who has to do something next.
        pub handler: Handler,
        /// Who holds it.
        pub assignee: Option<AgentRef>,
        /// Whether the holder had reached its limit when it was given the conversation, by hand.
        pub over_limit: bool,
        /// The division it waits for or was given to.
        pub division: Option<DivisionRef>,
        /// Its labels, by name.
        pub labels: Vec<LabelRef>,
        /// Messages of the customer since somebody read or answered.
        pub unread_count: i32,
        /// The newest message.
        pub last_message: Option<LastMessage>,
        /// What lists are ordered by.
        pub last_activity_at: Timestamp,
        /// What may be sent now, and how long.
        pub reply_window: ReplyWindow,
        /// The ticket of the present session.
        pub ticket_id: Option<TicketId>,
        /// Since when it waits for an agent.
        pub waiting_since: Option<Timestamp>,
        /// Since when the customer waits for an answer: the first message since an agent last wrote.
        pub unanswered_since: Option<Timestamp>,
        /// Since when it is archived.
        pub archived_at: Option<Timestamp>,
        /// Rises by one with every change.
        pub version: i64,
        /// When the customer first wrote here.
        pub created_at: Timestamp,
    }
}

shape! {
    /// Who wrote a message.
    pub struct Author {
        /// What it is.
        #[serde(rename = "type")]
        pub author_type: AuthorType,
        /// The contact or agent; null for bots and the product itself.
        pub id: Option<Uuid>,
        /// The name to show.
        pub name: Option<String>,
    }
}

shape! {
    /// The file of a message.
    pub struct MessageAttachment {
        /// Its id.
        pub id: AttachmentId,
        /// What kind of file it is.
        pub kind: AttachmentKind,
        /// Its name, as its sender's device gave it.
        pub filename: Option<String>,
        /// The content type: by its bytes once they are here, until then as the provider says.
        pub content_type: Option<String>,
        /// The size in bytes; as the provider says until the bytes are here.
        pub size_bytes: Option<i64>,
        /// Where its bytes are.
        pub state: AttachmentState,
        /// Where they can be read, with the caller's credentials; null until they are here.
        pub url: Option<String>,
    }
}

shape! {
    /// An emoji that somebody put on a message.
    pub struct Reaction {
        /// The emoji.
        pub emoji: String,
        /// Who: `contact` or `agent`.
        pub author_type: AuthorType,
        /// The contact or agent.
        pub author_id: Uuid,
        /// When.
        pub at: Timestamp,
    }
}

shape! {
    /// Why a message failed.
    pub struct MessageError {
        /// A stable word of ours: `reply_window_closed`, `recipient_blocked`, ...
        pub code: String,
        /// The provider's code.
        pub provider_code: Option<String>,
        /// What an agent should know and do.
        pub detail: String,
    }
}

shape! {
    /// One message of a conversation.
    pub struct Message {
        /// Its id; messages are ordered by it.
        pub id: MessageId,
        /// The conversation.
        pub conversation_id: ConversationId,
        /// Which way it went.
        pub direction: Direction,
        /// Who wrote it.
        pub author: Author,
        /// What it is.
        pub kind: MessageKind,
        /// The text, the caption, or the words on the pressed button.
        pub text: Option<String>,
        /// The file that belongs to it.
        pub attachment: Option<MessageAttachment>,
        /// What the kind needs beside the text.
        pub content: Option<MessageContent>,
        /// The message that it answers.
        pub reply_to: Option<ReplyTo>,
        /// Emojis put on it.
        pub reactions: Vec<Reaction>,
        /// How far it has come.
        pub status: MessageStatus,
        /// When each status was reached.
        pub status_times: StatusTimes,
        /// Why it failed.
        pub error: Option<MessageError>,
        /// The id that the sender gave it.
        pub client_message_id: Option<String>,
        /// The provider's id.
        pub provider_message_id: Option<String>,
        /// When it was written, by the provider's clock.
        pub at: Timestamp,
        /// When the customer last changed it; the text is what it says since.
        pub edited_at: Option<Timestamp>,
        /// When the customer took it back; the team still sees what it said.
        pub revoked_at: Option<Timestamp>,
        /// Rises by one with every change.
        pub version: i64,
        /// When it came here.
        pub created_at: Timestamp,
    }
}

shape! {
    /// One agent's time with a ticket.
    pub struct TicketHolder {
        /// Who.
        pub agent: AgentRef,
        /// Since when.
        pub from: Timestamp,
        /// Until when; null: still.
        pub to: Option<Timestamp>,
        /// How it came by the ticket.
        pub reason: HoldReason,
    }
}

shape! {
    /// The record of a session that an agent handled.
    pub struct Ticket {
        /// Its id.
        pub id: TicketId,
        /// The conversation.
        pub conversation_id: ConversationId,
        /// The customer.
        pub contact: ContactRef,
        /// The channel.
        pub channel: ChannelRef,
        /// Who holds it, or held it last.
        pub agent: AgentRef,
        /// How it stands.
        pub status: TicketStatus,
        /// The first message of the session.
        pub session_started_at: Timestamp,
        /// When an agent first got it.
        pub opened_at: Timestamp,
        /// The first reply of an agent.
        pub answered_at: Option<Timestamp>,
        /// When it was resolved.
        pub closed_at: Option<Timestamp>,
        /// Everybody who held it, in order.
        pub holders: Vec<TicketHolder>,
        /// Rises by one with every change.
        pub version: i64,
    }
}
