//! What a caller sees in lists and on the stream.

use crate::actor::{Actor, Allocation};
use crate::agent::Role;
use crate::id::{AgentId, ChannelId, WorkspaceId};

use super::{Action, Facts, KeyScope, Relation, Standing, Verdict, decide};

/// What a caller sees. There is no list without one.
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
    /// The only kinds of things that a program may read; `None`: every kind.
    pub kinds: Option<Vec<KeyScope>>,
}

/// Which of the conversations or tickets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Those that the reader holds; always, but for `only_channels`.
    pub own: AgentId,
    /// Those of others.
    pub others: Seen,
    /// The others only on the channels, and for the divisions, of this allocation.
    pub restricted_to: Option<Allocation>,
    /// Anything at all only on these channels: the limit of a key.
    pub only_channels: Option<Vec<ChannelId>>,
}

/// Which of the things that the reader does not hold itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
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
    /// Is a thing with these facts in the scope?
    #[must_use]
    pub fn contains(&self, facts: Facts) -> bool {
        if !self.allows_channel(facts.channel) {
            return false;
        }
        if facts.assignee == Some(self.own) {
            return true;
        }
        self.restricted_to.as_ref().is_none_or(|allocation| allocation.covers(facts))
            && match &self.others {
                Seen::Everything => true,
                Seen::HeldBy { agents, unassigned } => {
                    facts.assignee.map_or(*unassigned, |holder| agents.contains(&holder))
                }
            }
    }

    fn allows_channel(&self, channel: ChannelId) -> bool {
        self.only_channels.as_ref().is_none_or(|only| only.contains(&channel))
    }

    fn of(actor: &Actor, action: Action) -> Self {
        let who = Standing::from(actor);
        let sees = |relation| decide(who, action, relation) == Verdict::Allowed;
        let others = if sees(Relation::Other) {
            Seen::Everything
        } else {
            let agents = if sees(Relation::Supervised) { actor.supervises.clone() } else { Vec::new() };
            Seen::HeldBy { agents, unassigned: sees(Relation::Unassigned) }
        };
        Self {
            own: actor.agent_id,
            others,
            restricted_to: actor.restricted_to.clone(),
            only_channels: actor.key().and_then(|key| key.channels.clone()),
        }
    }
}

impl Allocation {
    /// Is a thing of others within it? A held one has found its division's member; only one that
    /// waits asks for the division.
    #[must_use]
    pub fn covers(&self, facts: Facts) -> bool {
        let waits_elsewhere = facts.assignee.is_none()
            && facts.division.is_some_and(|division| !self.divisions.contains(&division));
        self.channels.contains(&facts.channel) && !waits_elsewhere
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
            kinds: actor.key().map(|key| key.scopes.clone()),
        }
    }

    /// What a webhook endpoint is told, as an admin would be, but for what is one member's own: of these channels, or of all.
    #[must_use]
    pub fn to_endpoint(workspace_id: WorkspaceId, only_channels: Option<Vec<ChannelId>>) -> Self {
        // Nobody has this id, so nothing is held by, or meant for, the reader itself.
        let agent_id = AgentId(uuid::Uuid::nil());
        let scope = Scope { own: agent_id, others: Seen::Everything, restricted_to: None, only_channels };
        Self {
            workspace_id,
            agent_id,
            role: Role::Admin,
            conversations: scope.clone(),
            tickets: scope,
            kinds: None,
        }
    }

    /// May the reader read things of this kind at all?
    #[must_use]
    pub fn reads(&self, kind: KeyScope) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }

    /// Does the reader see a conversation with these facts?
    #[must_use]
    pub fn sees_conversation(&self, facts: Facts) -> bool {
        self.reads(KeyScope::ConversationsRead) && self.conversations.contains(facts)
    }

    /// Does the reader see a contact whose identities, with the conversations that they have, have these facts? Contacts
    /// are the whole team's. Who is kept to an allocation sees those of its channels, those whose conversation it holds,
    /// and those that are on no channel yet; a program that is limited to channels sees those of its channels.
    #[must_use]
    pub fn sees_contact(&self, facts: &[Facts]) -> bool {
        if !self.reads(KeyScope::ContactsRead) {
            return false;
        }
        let scope = &self.conversations;
        let mut near = facts.iter().filter(|one| scope.allows_channel(one.channel));
        match &scope.restricted_to {
            None => scope.only_channels.is_none() || near.next().is_some(),
            Some(allocation) => {
                (facts.is_empty() && scope.only_channels.is_none())
                    || near.any(|one| {
                        one.assignee == Some(scope.own) || allocation.channels.contains(&one.channel)
                    })
            }
        }
    }

    /// May the reader know of this channel at all?
    #[must_use]
    pub fn allows_channel(&self, channel: ChannelId) -> bool {
        self.conversations.allows_channel(channel)
    }

    /// The only channels of which anything exists for the reader; `None`: all.
    #[must_use]
    pub fn only_channels(&self) -> Option<&[ChannelId]> {
        self.conversations.only_channels.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::{Scope, Visible};
    use crate::access::{Action, Facts, Verdict, decide};
    use crate::actor::{Actor, Allocation, KeyLimits, Via};
    use crate::agent::Role;

    fn id<Id: From<Uuid>>(number: u128) -> Id {
        Uuid::from_u128(number).into()
    }

    fn ids<Id: From<Uuid> + std::fmt::Debug>() -> impl Strategy<Value = Vec<Id>> {
        proptest::collection::vec(1..4_u128, 0..3).prop_map(|numbers| numbers.into_iter().map(id).collect())
    }

    prop_compose! {
        fn actors()(
            role in proptest::sample::select(Role::ALL), view_all: bool, supervises in ids(),
            restricted in proptest::option::of((ids(), ids())), key in proptest::option::of(proptest::option::of(ids())),
        ) -> Actor {
            let limits = |channels| KeyLimits { id: id(9), name: String::new(), scopes: Vec::new(), channels };
            Actor {
                workspace_id: id(1),
                agent_id: id(1),
                via: key.map_or(Via::SignIn(id(1)), |channels| Via::ApiKey(limits(channels))),
                name: String::new(),
                role,
                view_all,
                supervises: if role == Role::Supervisor { supervises } else { Vec::new() },
                restricted_to: restricted
                    .filter(|_| role != Role::Admin)
                    .map(|(channels, divisions)| Allocation { channels, divisions }),
                agents_may_claim: true,
                agents_may_transfer: true,
            }
        }
    }

    prop_compose! {
        fn facts()(channel in 1..4_u128, assignee in proptest::option::of(1..4_u128), division in proptest::option::of(1..4_u128))
            -> Facts
        {
            Facts { channel: id(channel), assignee: assignee.map(id), division: division.map(id) }
        }
    }

    proptest! {
        /// Lists and single things are two ways to ask the same policy.
        #[test]
        fn what_a_list_shows_is_what_can_be_read_one_by_one(actor in actors(), facts in facts()) {
            let visible = Visible::to(&actor);
            for (action, scope) in
                [(Action::ReadConversation, &visible.conversations), (Action::ReadTicket, &visible.tickets)]
            {
                let verdict = decide((&actor).into(), action, facts.relation_to(&actor));
                // Nobody holds a ticket that nobody holds.
                if action == Action::ReadConversation || facts.assignee.is_some() {
                    prop_assert_eq!(Scope::contains(scope, facts), verdict == Verdict::Allowed, "{}", action);
                }
            }
        }
    }
}
