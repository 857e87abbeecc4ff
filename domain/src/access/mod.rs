//! Who may do what: the one place that says.
//!
//! Three answers: allowed, hidden (the caller may not know that the thing exists: 404) and forbidden
//! (it may know, not do: 403). A permitted action yields a [`Permit`], which the transitions of the
//! domain take as an argument: a forgotten check does not compile.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::agent::Role;
use crate::conversation::Tab;
use crate::id::{AgentId, ChannelId, DivisionId};
use crate::refusal::{Code, Refusal};
use crate::resource::Conversation;
use crate::text_enum::text_enum;

pub use caller::{Caller, Permit};
pub use keys::{KeyScope, KeyUse};
pub use scope::{Scope, Seen, Visible};

mod caller;
mod keys;
mod scope;

/// What a caller wants to do, as a type.
pub trait Act {
    /// The same as a value.
    const ACTION: Action;
}

macro_rules! actions {
    ($($(#[$meta:meta])* $name:ident = $text:literal by $key:expr),+ $(,)?) => {
        text_enum! {
            /// Everything that can be asked for.
            pub enum Action { $($(#[$meta])* $name = $text),+ }
        }
        impl Action {
            /// What a program needs to do this in a member's name.
            #[must_use]
            pub const fn key_use(self) -> KeyUse {
                match self { $(Self::$name => $key),+ }
            }
        }
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl Act for $name {
                const ACTION: Action = Action::$name;
            }
        )+
    };
}

use KeyScope::{
    AuditRead, ChannelsInbound, ChannelsRead, ChannelsWrite, ContactsRead, ContactsWrite, ConversationsRead,
    ConversationsWrite, MessagesRead, MessagesWrite, TeamRead, TeamWrite, TemplatesRead, TemplatesWrite,
    TicketsRead, WorkspaceRead, WorkspaceWrite,
};
use KeyUse::{Always, Never, With};

actions! {
    /// See the workspace and its settings.
    ReadWorkspace = "read_workspace" by With(WorkspaceRead),
    /// See the workspace's settings.
    ReadSettings = "read_settings" by With(WorkspaceRead),
    /// Change the workspace and its settings.
    ManageWorkspace = "manage_workspace" by With(WorkspaceWrite),
    /// See who is in the team.
    ReadTeam = "read_team" by With(TeamRead),
    /// See how much a member has to do and has done.
    ReadCounts = "read_counts" by With(TeamRead),
    /// Change who is in the team, in which role, and who works for what.
    ManageTeam = "manage_team" by With(TeamWrite),
    /// Make and end API keys.
    ManageApiKeys = "manage_api_keys" by Never,
    /// Make, change and delete webhook endpoints, and see what they were sent. An endpoint is told more than a key may read.
    ManageWebhookEndpoints = "manage_webhook_endpoints" by Never,
    /// See who changed what.
    ReadAuditTrail = "read_audit_trail" by With(AuditRead),
    /// See one's own profile.
    ReadOwnProfile = "read_own_profile" by Always,
    /// Change one's own profile, password and availability.
    ManageOwnAccount = "manage_own_account" by Never,
    /// Follow what happens; each event needs the right to read what it is about.
    FollowEvents = "follow_events" by Always,
    /// See the channels.
    ReadChannels = "read_channels" by With(ChannelsRead),
    /// Connect and change channels.
    ManageChannels = "manage_channels" by With(ChannelsWrite),
    /// Deliver, on a channel of an integrator, what customers write and what became of answers.
    DeliverInbound = "deliver_inbound" by With(ChannelsInbound),
    /// See a conversation.
    ReadConversation = "read_conversation" by With(ConversationsRead),
    /// See a conversation's messages.
    ReadMessages = "read_messages" by With(MessagesRead),
    /// Give a conversation to an agent or a division.
    AssignConversation = "assign_conversation" by With(ConversationsWrite),
    /// Take a conversation that nobody holds.
    ClaimConversation = "claim_conversation" by With(ConversationsWrite),
    /// Put a conversation back into the queue.
    UnassignConversation = "unassign_conversation" by With(ConversationsWrite),
    /// Close a conversation's session.
    ResolveConversation = "resolve_conversation" by With(ConversationsWrite),
    /// Move a conversation out of, or back into, the everyday tabs.
    ArchiveConversation = "archive_conversation" by With(ConversationsWrite),
    /// Say that the customer's messages have been read.
    MarkConversationRead = "mark_conversation_read" by With(ConversationsWrite),
    /// Write to the customer.
    SendMessage = "send_message" by With(MessagesWrite),
    /// Write first: to a customer without an open conversation.
    StartConversation = "start_conversation" by With(MessagesWrite),
    /// Hand in a file that is to be sent.
    UploadAttachment = "upload_attachment" by With(MessagesWrite),
    /// See the file of a message.
    ReadAttachment = "read_attachment" by With(MessagesRead),
    /// See the labels of the workspace.
    ReadLabels = "read_labels" by With(ConversationsRead),
    /// Make a label.
    CreateLabel = "create_label" by With(ConversationsWrite),
    /// Change and delete labels.
    ManageLabels = "manage_labels" by With(ConversationsWrite),
    /// Put a label on a conversation, or take it off.
    LabelConversation = "label_conversation" by With(ConversationsWrite),
    /// See contacts and the notes on them.
    ReadContacts = "read_contacts" by With(ContactsRead),
    /// Make a contact, and change what is known of one.
    EditContact = "edit_contact" by With(ContactsWrite),
    /// Write notes on a contact.
    WriteNote = "write_note" by With(ContactsWrite),
    /// Shut a contact out, or let it in again.
    BlockContact = "block_contact" by With(ContactsWrite),
    /// Make one contact of two, and undo it.
    MergeContacts = "merge_contacts" by With(ContactsWrite),
    /// Delete a contact.
    DeleteContact = "delete_contact" by With(ContactsWrite),
    /// Bring in contacts from a file.
    ImportContacts = "import_contacts" by With(ContactsWrite),
    /// Take all contacts away as a file.
    ExportContacts = "export_contacts" by With(ContactsRead),
    /// See templates.
    ReadTemplates = "read_templates" by With(TemplatesRead),
    /// Make, change and delete templates.
    ManageTemplates = "manage_templates" by With(TemplatesWrite),
    /// See a ticket and its transcript.
    ReadTicket = "read_ticket" by With(TicketsRead),
    /// See which conversations wait, and why.
    ReadQueue = "read_queue" by With(ConversationsRead),
    /// Try out settings on what happened, or on a conversation that might come.
    SimulateRouting = "simulate_routing" by With(TeamRead),
    /// See what one is to know of.
    ReadNotifications = "read_notifications" by With(ConversationsRead),
    /// Say that one has read it.
    MarkNotificationsRead = "mark_notifications_read" by With(ConversationsWrite),
}

text_enum! {
    /// How the caller stands to the thing: a conversation or ticket by its holder, a member by itself.
    pub enum Relation {
        /// The caller holds it, or is it.
        Own = "own",
        /// An agent supervised by the caller holds it, or is it.
        Supervised = "supervised",
        /// Nobody holds it.
        Unassigned = "unassigned",
        /// Somebody else holds it, or is it.
        Other = "other",
        /// It is on a channel, or waits for a division, that the caller is kept from.
        Outside = "outside",
    }
}

text_enum! {
    /// The answer.
    pub enum Verdict {
        /// Yes.
        Allowed = "allowed",
        /// The caller may know of it, but not do this.
        Forbidden = "forbidden",
        /// The caller may not know that it exists.
        Hidden = "hidden",
    }
}

/// What of a member the policy asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its role.
    pub role: Role,
    /// For agents: whether it sees conversations of others and those waiting.
    pub view_all: bool,
    /// Whether agents may take conversations that nobody holds.
    pub agents_may_claim: bool,
    /// Whether agents may give conversations to others.
    pub agents_may_transfer: bool,
}

impl Standing {
    /// A member of this role where everything is allowed to agents that can be.
    #[must_use]
    pub fn free(role: Role) -> Self {
        Self { role, view_all: true, agents_may_claim: true, agents_may_transfer: true }
    }
}

impl From<&Actor> for Standing {
    fn from(actor: &Actor) -> Self {
        Self {
            role: actor.role,
            view_all: actor.view_all,
            agents_may_claim: actor.agents_may_claim,
            agents_may_transfer: actor.agents_may_transfer,
        }
    }
}

/// The whole policy: may this member do this to a thing it stands to like this?
#[must_use]
pub fn decide(who: Standing, action: Action, relation: Relation) -> Verdict {
    if !may_know(who, action, relation) {
        Verdict::Hidden
    } else if may_do(who, action, relation) {
        Verdict::Allowed
    } else {
        Verdict::Forbidden
    }
}

/// Whether the caller may know that the thing is there.
fn may_know(who: Standing, action: Action, relation: Relation) -> bool {
    use Relation::{Other, Outside, Own, Supervised};
    match action {
        Action::ReadWorkspace
        | Action::ReadSettings
        | Action::ManageWorkspace
        | Action::ReadTeam
        | Action::ReadCounts
        | Action::ManageTeam
        | Action::ManageApiKeys
        | Action::ManageWebhookEndpoints
        | Action::ReadAuditTrail
        | Action::ReadOwnProfile
        | Action::ManageOwnAccount
        | Action::ReadNotifications
        | Action::MarkNotificationsRead
        | Action::FollowEvents => true,
        _ if relation == Outside => false,
        Action::ReadChannels
        | Action::ManageChannels
        | Action::DeliverInbound
        | Action::ReadQueue
        | Action::SimulateRouting
        | Action::StartConversation
        | Action::UploadAttachment
        | Action::ReadLabels
        | Action::CreateLabel
        | Action::ManageLabels
        | Action::ReadContacts
        | Action::EditContact
        | Action::WriteNote
        | Action::BlockContact
        | Action::MergeContacts
        | Action::DeleteContact
        | Action::ImportContacts
        | Action::ExportContacts
        | Action::ReadTemplates
        | Action::ManageTemplates => true,
        Action::ReadTicket => match who.role {
            Role::Admin => true,
            Role::Supervisor => matches!(relation, Own | Supervised),
            Role::Agent => relation == Own,
        },
        Action::ReadConversation
        | Action::ReadMessages
        | Action::AssignConversation
        | Action::ClaimConversation
        | Action::UnassignConversation
        | Action::ResolveConversation
        | Action::ArchiveConversation
        | Action::MarkConversationRead
        | Action::LabelConversation
        | Action::ReadAttachment
        | Action::SendMessage => match who.role {
            Role::Admin => true,
            Role::Supervisor => relation != Other,
            Role::Agent => who.view_all || relation == Own,
        },
    }
}

/// Whether the caller may do it to a thing that it may know of.
fn may_do(who: Standing, action: Action, relation: Relation) -> bool {
    use Relation::{Other, Own, Supervised, Unassigned};
    let agent = who.role == Role::Agent;
    // An agent answers for itself; those above it for all they see.
    let in_hand = match who.role {
        Role::Admin => true,
        Role::Supervisor => relation != Other,
        Role::Agent => matches!(relation, Own | Unassigned),
    };
    match action {
        Action::ReadWorkspace
        | Action::ReadTeam
        | Action::ReadOwnProfile
        | Action::ManageOwnAccount
        | Action::ReadNotifications
        | Action::MarkNotificationsRead
        | Action::FollowEvents
        | Action::ReadChannels
        | Action::ReadConversation
        | Action::ReadMessages
        | Action::StartConversation
        | Action::UploadAttachment
        | Action::ReadAttachment
        | Action::ReadLabels
        | Action::CreateLabel
        | Action::ReadContacts
        | Action::EditContact
        | Action::WriteNote
        | Action::BlockContact
        | Action::ReadTemplates
        | Action::ReadTicket => true,
        Action::ManageLabels | Action::MergeContacts => !agent,
        // The queue is part of the tab Unassigned.
        Action::ReadQueue => !agent || who.view_all,
        Action::ReadSettings
        | Action::SimulateRouting
        | Action::ManageWorkspace
        | Action::ManageTeam
        | Action::ManageApiKeys
        | Action::ManageWebhookEndpoints
        | Action::ReadAuditTrail
        | Action::DeleteContact
        | Action::ImportContacts
        | Action::ExportContacts
        | Action::ManageTemplates
        | Action::ManageChannels
        | Action::DeliverInbound => who.role == Role::Admin,
        Action::ReadCounts => match who.role {
            Role::Admin => true,
            Role::Supervisor => matches!(relation, Own | Supervised),
            Role::Agent => relation == Own,
        },
        // Whether a held conversation can be claimed is a matter of its state, not of rights.
        Action::ClaimConversation => !agent || who.agents_may_claim,
        Action::MarkConversationRead => matches!(relation, Own | Unassigned),
        // To whom is asked by `may_assign_to` and `may_assign_to_division`.
        Action::AssignConversation => {
            let taking = relation == Unassigned && who.agents_may_claim;
            in_hand && (!agent || who.agents_may_transfer || taking)
        }
        // Writing to a customer whom nobody serves is taking the conversation.
        Action::SendMessage => in_hand && (!agent || relation != Unassigned || who.agents_may_claim),
        Action::UnassignConversation
        | Action::ResolveConversation
        | Action::ArchiveConversation
        | Action::LabelConversation => in_hand,
    }
}

/// The roles that may do this to at least one kind of thing: `x-roles` in the OpenAPI document.
#[must_use]
pub fn roles_for(action: Action) -> Vec<Role> {
    Role::ALL.iter().copied().filter(|role| may_ever(Standing::free(*role), action)).collect()
}

fn may_ever(who: Standing, action: Action) -> bool {
    Relation::ALL.iter().any(|relation| decide(who, action, *relation) == Verdict::Allowed)
}

/// What of a conversation or ticket decides who may see it and do something to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The channel it is on.
    pub channel: ChannelId,
    /// The holder, if any.
    pub assignee: Option<AgentId>,
    /// The division it waits for, or was given to.
    pub division: Option<DivisionId>,
}

impl From<&Conversation> for Facts {
    fn from(conversation: &Conversation) -> Self {
        Self {
            channel: conversation.channel.id,
            assignee: conversation.assignee.as_ref().map(|assignee| assignee.id),
            division: conversation.division.as_ref().map(|division| division.id),
        }
    }
}

impl Facts {
    /// How an actor stands to the thing.
    #[must_use]
    pub fn relation_to(self, actor: &Actor) -> Relation {
        if actor.is_kept_from(self.channel) {
            return Relation::Outside;
        }
        let holder = self.assignee.map(|holder| relation_to_member(actor, holder));
        let restricted = actor.restricted_to.as_ref().is_some_and(|allocation| !allocation.covers(self));
        match holder {
            Some(Relation::Own) => Relation::Own,
            _ if restricted => Relation::Outside,
            Some(relation) => relation,
            None => Relation::Unassigned,
        }
    }
}

/// How an actor stands to a member of the team.
#[must_use]
pub fn relation_to_member(actor: &Actor, member: AgentId) -> Relation {
    if member == actor.agent_id {
        Relation::Own
    } else if actor.role == Role::Supervisor && actor.supervises.contains(&member) {
        Relation::Supervised
    } else {
        Relation::Other
    }
}

/// May the actor see how much a member has to do and has done?
#[must_use]
pub fn may_read_counts(actor: &Actor, member: AgentId) -> bool {
    let relation = relation_to_member(actor, member);
    decide(actor.into(), Action::ReadCounts, relation) == Verdict::Allowed
}

/// May the actor order members by how much they have to do and have done? The order tells of everybody's counts.
///
/// # Errors
/// `forbidden`.
pub fn may_compare_counts(actor: &Actor) -> Result<(), Refusal> {
    match decide(actor.into(), Action::ReadCounts, Relation::Other) {
        Verdict::Allowed => Ok(()),
        Verdict::Forbidden | Verdict::Hidden => Err(Code::Forbidden.into()),
    }
}

/// The member of the team that is to be given a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The member.
    pub agent_id: AgentId,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// False: it left the team, or was invited and has not joined yet.
    pub active: bool,
}

/// May the actor give a conversation to this member? (Whether it may give this conversation away is
/// [`Action::AssignConversation`].)
///
/// # Errors
/// `not_assignable`; `forbidden` for an agent that may not take, or not hand over.
pub fn may_assign_to(actor: &Actor, to: &Candidate) -> Result<(), Refusal> {
    let own = to.agent_id == actor.agent_id;
    let allowed = to.active
        && match actor.role {
            Role::Admin => true,
            Role::Supervisor => own || actor.supervises.contains(&to.agent_id),
            Role::Agent => own || to.role == Role::Agent,
        };
    if !allowed {
        return Err(Refusal::new(Code::NotAssignable).with("agent", &to.name));
    }
    let settings_allow = if own { actor.agents_may_claim } else { actor.agents_may_transfer };
    if actor.role == Role::Agent && !settings_allow { Err(Code::Forbidden.into()) } else { Ok(()) }
}

/// May the actor make, change or remove a member of this role? A program never deals with admins: who
/// can make one, or read the mail of one, can do everything, whatever the scopes of its key.
///
/// # Errors
/// `forbidden`.
pub fn may_manage_member(actor: &Actor, role: Role) -> Result<(), Refusal> {
    if actor.key().is_some() && role == Role::Admin { Err(Code::Forbidden.into()) } else { Ok(()) }
}

/// May the actor change or delete a note that this member wrote? What others wrote is for admins alone.
///
/// # Errors
/// `forbidden`.
pub fn may_change_note(actor: &Actor, author: AgentId) -> Result<(), Refusal> {
    if actor.agent_id == author || actor.role == Role::Admin { Ok(()) } else { Err(Code::Forbidden.into()) }
}

/// May the actor give a conversation to a division?
///
/// # Errors
/// `forbidden` for an agent that may not hand over.
pub fn may_assign_to_division(actor: &Actor) -> Result<(), Refusal> {
    if actor.role == Role::Agent && !actor.agents_may_transfer { Err(Code::Forbidden.into()) } else { Ok(()) }
}

/// May the actor read this tab? An agent without `view_all` has only its own conversations.
///
/// # Errors
/// `forbidden`.
pub fn may_read_tab(actor: &Actor, tab: Tab) -> Result<(), Refusal> {
    let narrow = actor.role == Role::Agent && !actor.view_all;
    if narrow && matches!(tab, Tab::All | Tab::Unassigned) { Err(Code::Forbidden.into()) } else { Ok(()) }
}
