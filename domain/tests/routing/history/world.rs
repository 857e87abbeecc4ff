//! A small workspace: what is stored, and what every change of it entails.

use std::collections::{BTreeMap, BTreeSet};

use domain::conversation::{Conversation, FreshIds, State, TicketChange};
use domain::id::{AgentId, ConversationId};
use domain::routing::{Configuration, Inquiry, Member, Team};
use domain::time::Timestamp;
use domain::timer::{Running, TimerKind, TimerState, running};
use uuid::Uuid;

use super::operations::{CONVERSATIONS, Setup};
use crate::random::{at, id};

/// What routing is to look at.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub whole: bool,
    pub agents: BTreeMap<AgentId, Timestamp>,
    pub conversations: BTreeSet<ConversationId>,
}

impl Asked {
    pub fn is_empty(&self) -> bool {
        !self.whole && self.agents.is_empty() && self.conversations.is_empty()
    }

    pub fn may_move_the_queue(&self) -> bool {
        self.whole || !self.agents.is_empty()
    }
}

/// What was seen to happen, kept apart from the conversations themselves.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Who holds the ticket, by what became of tickets.
    pub holders: BTreeMap<ConversationId, AgentId>,
    /// Who lost a conversation to a time-out or a handover, or gave it back, since it was last answered.
    pub lost: BTreeMap<ConversationId, BTreeSet<AgentId>>,
    /// When a conversation last came to its holder, and the latest time that the clock has shown since.
    pub moved_at: BTreeMap<ConversationId, (Timestamp, Timestamp)>,
    /// When routing last gave somebody something.
    pub last_turn: Option<Timestamp>,
}

/// A workspace.
#[derive(Debug, Clone)]
pub struct World {
    pub now: Timestamp,
    pub configuration: Configuration,
    pub conversations: BTreeMap<ConversationId, Conversation>,
    pub resolvers: BTreeMap<ConversationId, AgentId>,
    pub timers: BTreeMap<(ConversationId, TimerKind), (Running, TimerState)>,
    pub handovers: BTreeMap<AgentId, Running>,
    pub asked: Asked,
    /// What the router remembers of the team.
    pub memory: Option<Team>,
    pub ledger: Ledger,
    /// When each last came to hold a conversation, those who left included.
    pub turns: BTreeMap<AgentId, Timestamp>,
    /// The members, apart from what they hold and have held.
    people: BTreeMap<AgentId, Member>,
    ids: u128,
}

impl World {
    pub fn new(setup: &Setup) -> Self {
        let begin = |number: u128| {
            let channel = id(number % 3 + 1);
            (id(number), Conversation::begin(id(number), channel, id(number), at(0)))
        };
        Self {
            now: at(0),
            configuration: setup.configuration.clone(),
            conversations: (1..=CONVERSATIONS).map(begin).collect(),
            resolvers: BTreeMap::new(),
            timers: BTreeMap::new(),
            handovers: BTreeMap::new(),
            asked: Asked::default(),
            memory: None,
            ledger: Ledger::default(),
            turns: BTreeMap::new(),
            people: setup.members.iter().map(|member| (member.id, member.clone())).collect(),
            ids: 1000,
        }
    }

    /// The members as they are, with what they hold counted.
    pub fn members(&self) -> Vec<Member> {
        self.people.keys().filter_map(|id| self.member(*id)).collect()
    }

    pub fn member(&self, id: AgentId) -> Option<Member> {
        let held = self.conversations.values().filter(|one| one.assignee() == Some(id)).count();
        let person = self.people.get(&id)?;
        let load = u32::try_from(held).unwrap_or(u32::MAX);
        Some(Member { load, last_assigned_at: self.turns.get(&id).copied(), ..person.clone() })
    }

    pub fn inquiry(&self, conversation: &Conversation) -> Inquiry {
        self.configuration.inquiry(conversation, self.resolvers.get(&conversation.id).copied())
    }

    pub fn fresh(&mut self) -> FreshIds {
        FreshIds { session: self.id(), ticket: self.id() }
    }

    pub fn id<Id: From<Uuid>>(&mut self) -> Id {
        self.ids += 1;
        id(self.ids)
    }

    /// A member changes, comes or goes.
    pub fn set_member(&mut self, id: AgentId, member: Option<Member>) {
        match member {
            Some(member) => self.people.insert(id, Member { id, ..member }),
            None => self.people.remove(&id),
        };
        self.look_at_agent(id);
    }

    pub fn look_at_agent(&mut self, id: AgentId) {
        self.asked.agents.entry(id).or_insert(self.now);
    }

    /// Stores a changed conversation, with everything that follows from it. `at` is when a new holder came to hold it.
    pub fn save(&mut self, after: Conversation, ticket: Option<TicketChange>, at: Timestamp) {
        let Some(before) = self.conversations.insert(after.id, after.clone()) else { return };
        self.follow_ticket(&after, ticket);
        if let Some(holder) = after.assignee().filter(|holder| before.assignee() != Some(*holder)) {
            self.ledger.moved_at.insert(after.id, (self.now, self.now));
            self.turns.entry(holder).and_modify(|last| *last = at.max(*last)).or_insert(at);
        }
        self.follow(&before, &after);
    }

    fn follow_ticket(&mut self, after: &Conversation, ticket: Option<TicketChange>) {
        let holders = &mut self.ledger.holders;
        match ticket {
            Some(TicketChange::Opened { agent, .. }) => {
                assert_eq!(holders.insert(after.id, agent), None, "a ticket is opened over one that is held");
            }
            Some(TicketChange::Moved { to, .. }) => {
                holders.insert(after.id, to);
            }
            Some(TicketChange::Released { .. }) => {
                assert!(holders.remove(&after.id).is_some(), "nobody held the ticket that is given back");
            }
            None if after.session().is_none() => {
                holders.remove(&after.id);
            }
            None => {}
        }
    }

    fn follow(&mut self, before: &Conversation, after: &Conversation) {
        let rules = self.configuration.timer_rules(after.channel_id);
        let timers = running(after, rules);
        if timers != running(before, rules) {
            self.run_timers(after.id, timers);
        }
        if !self.configuration.is_active() {
            return;
        }
        let (from, to) = (before.assignee(), after.assignee());
        if from != to {
            from.into_iter().chain(to).for_each(|member| self.look_at_agent(member));
        }
        let undecided = matches!(after.state, State::Waiting { decided: false, .. });
        let back = before.archived_at.is_some() && after.archived_at.is_none();
        let waits = matches!(after.state, State::Waiting { .. }) && after.archived_at.is_none();
        if waits && (undecided || back) {
            self.asked.conversations.insert(after.id);
        }
    }

    /// A conversation has these timers and no others. One that runs since the same time stays what it is.
    pub fn run_timers(&mut self, of: ConversationId, timers: Vec<Running>) {
        let same = |kind: TimerKind, since| timers.iter().any(|one| one.kind == kind && one.since == since);
        self.timers.retain(|(id, kind), (running, _)| *id != of || same(*kind, running.since));
        for timer in timers {
            let fired =
                self.timers.get(&(of, timer.kind)).is_some_and(|(_, state)| *state == TimerState::Fired);
            let state = if fired { TimerState::Fired } else { TimerState::Armed };
            self.timers.insert((of, timer.kind), (timer, state));
        }
    }
}
