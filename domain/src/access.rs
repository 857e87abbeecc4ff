//! Who may do what: the one place that says.
//!
//! Three answers: allowed, hidden (the caller may not know that the thing exists: 404) and forbidden
//! (it may know, not do: 403). A permitted action yields a [`Permit`], which the transitions of the
//! domain take as an argument: a forgotten check does not compile.

use std::marker::PhantomData;

use crate::actor::Actor;
use crate::agent::Role;
use crate::conversation::Tab;
use crate::id::{AgentId, WorkspaceId};
use crate::refusal::{Code, Refusal};
use crate::text_enum::text_enum;

/// What a caller wants to do, as a type.
pub trait Act {
    /// The same as a value.
    const ACTION: Action;
}

macro_rules! actions {
    ($($(#[$meta:meta])* $name:ident = $text:literal),+ $(,)?) => {
        text_enum! {
            /// Everything that can be asked for.
            pub enum Action { $($(#[$meta])* $name = $text),+ }
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

actions! {
    /// See the workspace, its team, its channels, and one's own profile.
    ReadWorkspace = "read_workspace",
    /// Connect and change channels.
    ManageChannels = "manage_channels",
    /// See a conversation and its messages.
    ReadConversation = "read_conversation",
    /// Give a conversation to an agent or a division.
    AssignConversation = "assign_conversation",
    /// Take a conversation that nobody holds.
    ClaimConversation = "claim_conversation",
    /// Put a conversation back into the queue.
    UnassignConversation = "unassign_conversation",
    /// Close a conversation's session.
    ResolveConversation = "resolve_conversation",
    /// Move a conversation out of, or back into, the everyday tabs.
    ArchiveConversation = "archive_conversation",
    /// Say that the customer's messages have been read.
    MarkConversationRead = "mark_conversation_read",
    /// Write to the customer.
    SendMessage = "send_message",
    /// See a ticket and its transcript.
    ReadTicket = "read_ticket",
}

text_enum! {
    /// How the caller stands to the thing.
    pub enum Relation {
        /// The caller holds it.
        Own = "own",
        /// An agent supervised by the caller holds it.
        Supervised = "supervised",
        /// Nobody holds it.
        Unassigned = "unassigned",
        /// Somebody else holds it.
        Other = "other",
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

/// The whole policy: may a member of this role, with this `view_all`, do this to a thing it stands
/// to like this?
#[must_use]
pub fn decide(role: Role, view_all: bool, action: Action, relation: Relation) -> Verdict {
    use Relation::{Other, Own, Supervised, Unassigned};
    let seen = match (action, role) {
        (Action::ReadWorkspace | Action::ManageChannels, _) | (_, Role::Admin) => true,
        (Action::ReadTicket, Role::Supervisor) => matches!(relation, Own | Supervised),
        (Action::ReadTicket, Role::Agent) => relation == Own,
        (_, Role::Supervisor) => relation != Other,
        (_, Role::Agent) => view_all || relation == Own,
    };
    if !seen {
        return Verdict::Hidden;
    }
    let allowed = match action {
        Action::ReadWorkspace | Action::ReadConversation | Action::ReadTicket => true,
        Action::ManageChannels => role == Role::Admin,
        // Whether a held conversation can be claimed is a matter of its state, not of rights.
        Action::ClaimConversation => true,
        Action::MarkConversationRead => matches!(relation, Own | Unassigned),
        Action::AssignConversation
        | Action::UnassignConversation
        | Action::ResolveConversation
        | Action::ArchiveConversation
        | Action::SendMessage => match role {
            Role::Admin => true,
            Role::Supervisor => matches!(relation, Own | Supervised | Unassigned),
            Role::Agent => matches!(relation, Own | Unassigned),
        },
    };
    if allowed { Verdict::Allowed } else { Verdict::Forbidden }
}

/// The roles that may do this to at least one kind of thing: `x-roles` in the OpenAPI document.
#[must_use]
pub fn roles_for(action: Action) -> Vec<Role> {
    Role::ALL.iter().copied().filter(|role| role_may(*role, true, action)).collect()
}

fn role_may(role: Role, view_all: bool, action: Action) -> bool {
    Relation::ALL.iter().any(|relation| decide(role, view_all, action, *relation) == Verdict::Allowed)
}

/// Who holds a thing; what the policy needs to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The holder, if any.
    pub by: Option<AgentId>,
}

impl Held {
    fn relation_to(self, actor: &Actor) -> Relation {
        match self.by {
            None => Relation::Unassigned,
            Some(holder) if holder == actor.agent_id => Relation::Own,
            Some(holder) if actor.role == Role::Supervisor && actor.supervises.contains(&holder) => {
                Relation::Supervised
            }
            Some(_) => Relation::Other,
        }
    }
}

/// A caller whose role allows the action on at least some things. What depends on the thing is
/// asked again, with [`Caller::on`], after its row is locked.
#[derive(Debug, Clone)]
pub struct Caller<A> {
    actor: Actor,
    action: PhantomData<fn() -> A>,
}

impl<A: Act> Caller<A> {
    /// Checks what the role alone can settle.
    ///
    /// # Errors
    /// `forbidden` if no thing could ever allow the action to this role.
    pub fn new(actor: Actor) -> Result<Self, Refusal> {
        if role_may(actor.role, actor.view_all, A::ACTION) {
            Ok(Self { actor, action: PhantomData })
        } else {
            Err(Code::Forbidden.into())
        }
    }

    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Checks the action on one thing.
    ///
    /// # Errors
    /// `not_found` if the caller may not know of it, `forbidden` if it may not do this.
    pub fn on(&self, held: Held) -> Result<Permit<A>, Refusal> {
        let relation = held.relation_to(&self.actor);
        match decide(self.actor.role, self.actor.view_all, A::ACTION, relation) {
            Verdict::Allowed => Ok(Permit { actor: self.actor.clone(), action: PhantomData }),
            Verdict::Forbidden => Err(Code::Forbidden.into()),
            Verdict::Hidden => Err(Code::NotFound.into()),
        }
    }
}

/// Proof that the actor may do `A` to the thing it was asked for.
#[derive(Debug, Clone)]
pub struct Permit<A> {
    actor: Actor,
    action: PhantomData<fn() -> A>,
}

impl<A: Act> Permit<A> {
    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
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
    /// False: it left the team.
    pub active: bool,
}

/// May the actor give a conversation to this member? (Whether it may give this conversation away is
/// [`Action::AssignConversation`].)
///
/// # Errors
/// `not_assignable`.
pub fn may_assign_to(actor: &Actor, to: &Candidate) -> Result<(), Refusal> {
    let allowed = to.active
        && match actor.role {
            Role::Admin => true,
            Role::Supervisor => to.agent_id == actor.agent_id || actor.supervises.contains(&to.agent_id),
            Role::Agent => to.agent_id == actor.agent_id || to.role == Role::Agent,
        };
    if allowed { Ok(()) } else { Err(Refusal::new(Code::NotAssignable).with("agent", &to.name)) }
}

/// May the actor read this tab? An agent without `view_all` has only its own conversations.
///
/// # Errors
/// `forbidden`.
pub fn may_read_tab(actor: &Actor, tab: Tab) -> Result<(), Refusal> {
    let narrow = actor.role == Role::Agent && !actor.view_all;
    if narrow && matches!(tab, Tab::All | Tab::Unassigned) { Err(Code::Forbidden.into()) } else { Ok(()) }
}

/// What a caller sees in lists and on the stream. There is no list without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The reader.
    pub agent_id: AgentId,
    /// The reader's role.
    pub role: Role,
    /// Which conversations.
    pub conversations: Scope,
    /// Which tickets.
    pub tickets: Scope,
}

/// Which of the things that agents hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All.
    Everything,
    /// Those held by one of these, and those held by nobody if `unassigned`.
    HeldBy {
        /// The holders.
        agents: Vec<AgentId>,
        /// Whether those that nobody holds are in.
        unassigned: bool,
    },
}

impl Scope {
    /// Is a thing held like this in the scope?
    #[must_use]
    pub fn contains(&self, held: Held) -> bool {
        match self {
            Self::Everything => true,
            Self::HeldBy { agents, unassigned } => {
                held.by.map_or(*unassigned, |holder| agents.contains(&holder))
            }
        }
    }

    fn of(actor: &Actor, action: Action) -> Self {
        let sees = |relation| decide(actor.role, actor.view_all, action, relation) == Verdict::Allowed;
        if sees(Relation::Other) {
            return Self::Everything;
        }
        let mut agents = vec![actor.agent_id];
        if sees(Relation::Supervised) {
            agents.extend(actor.supervises.iter().copied());
        }
        Self::HeldBy { agents, unassigned: sees(Relation::Unassigned) }
    }
}

impl Visible {
    /// What this actor sees.
    #[must_use]
    pub fn to(actor: &Actor) -> Self {
        Self {
            workspace_id: actor.workspace_id,
            agent_id: actor.agent_id,
            role: actor.role,
            conversations: Scope::of(actor, Action::ReadConversation),
            tickets: Scope::of(actor, Action::ReadTicket),
        }
    }
}
