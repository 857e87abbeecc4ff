//! A small workspace that routes by itself, and records what it does.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::agent::{Availability, Role};
use domain::id::{AgentId, ChannelId, ConversationId, DistributionPolicyId, DivisionId};
use domain::resource::AssignmentSettings;
use domain::routing::simulation::{History, Holding, Presence, Recorded};
use domain::routing::{Configuration, Inquiry, Member, Outcome, Policy, Strategy, Team, Trigger, decide};
use domain::time::Timestamp;
use uuid::Uuid;

pub fn agent(number: u128) -> AgentId {
    Uuid::from_u128(number + 1).into()
}

pub fn channel(number: u128) -> ChannelId {
    Uuid::from_u128(100 + number).into()
}

pub fn division(number: u128) -> DivisionId {
    Uuid::from_u128(200 + number).into()
}

pub fn conversation(number: usize) -> ConversationId {
    Uuid::from_u128(300 + number as u128).into()
}

/// The beginning of time, and so many seconds later.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_795_000_000 + seconds).unwrap()
}

/// Settings that assign by themselves, least busy first, and nothing else.
pub fn settings() -> AssignmentSettings {
    AssignmentSettings {
        assignment_enabled: true,
        agents_may_claim: true,
        agents_may_transfer: true,
        auto_assign: true,
        strategy: Strategy::LeastBusy,
        max_conversations_per_agent: None,
        unanswered_transfer_minutes: None,
        notify_supervisor_minutes: None,
        auto_handover: false,
        handover_grace_seconds: 0,
        restrict_to_allocation: false,
        version: 1,
    }
}

pub fn configuration(settings: AssignmentSettings) -> Configuration {
    Configuration { settings, policies: Vec::new(), version: 1, reply_window_warnings: Default::default() }
}

/// A policy for the channel 1 that has customers return.
pub fn sticky() -> Policy {
    Policy {
        id: DistributionPolicyId(Uuid::from_u128(900)),
        channels: vec![channel(1)],
        sticky_agent: true,
        idle_transfer_minutes: None,
        strategy: None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Waiting { since: Timestamp, decided: bool, cause: Trigger },
    Held(AgentId),
}

#[derive(Debug)]
struct Thread {
    channel: ChannelId,
    division: Option<DivisionId>,
    state: State,
    previous: Vec<AgentId>,
    unanswered_since: Option<Timestamp>,
    held_since: Timestamp,
    began: Timestamp,
    blocked: bool,
    resolver: Option<AgentId>,
    /// The first holding of the session.
    ticket: Option<usize>,
}

pub struct Reality {
    pub configuration: Configuration,
    pub now: Timestamp,
    team: Team,
    threads: Vec<Thread>,
    decisions: Vec<Recorded>,
    holdings: Vec<Holding>,
    presences: Vec<Presence>,
}

impl Reality {
    /// The agents 0 to `agents`, online, and so many conversations, which are on the channels 0 and 1 in turn.
    pub fn new(configuration: Configuration, agents: u128, conversations: usize) -> Self {
        let mut team = Team::default();
        for number in 0..agents {
            team.insert(Member {
                id: agent(number),
                role: Role::Agent,
                availability: Availability::Online,
                online: true,
                max_conversations: None,
                channels: Vec::new(),
                divisions: Vec::new(),
                load: 0,
                last_assigned_at: None,
            });
        }
        let thread = |number: usize| Thread {
            channel: channel(number as u128 % 2),
            division: None,
            state: State::Idle,
            previous: Vec::new(),
            unanswered_since: None,
            held_since: at(0),
            began: at(0),
            blocked: false,
            resolver: None,
            ticket: None,
        };
        let presences =
            team.iter().map(|one| Presence { agent_id: one.id, at: at(0), online: true }).collect();
        Self {
            configuration,
            now: at(0),
            team,
            threads: (0..conversations).map(thread).collect(),
            decisions: Vec::new(),
            holdings: Vec::new(),
            presences,
        }
    }

    /// What is recorded of the time from the beginning until now.
    pub fn history(&self) -> History {
        self.history_from(at(0))
    }

    pub fn history_from(&self, from: Timestamp) -> History {
        let waiting = self.threads.iter().enumerate().filter_map(|(number, thread)| match thread.state {
            State::Waiting { since, .. } => Some((conversation(number), since)),
            State::Idle | State::Held(_) => None,
        });
        let decisions: Vec<Recorded> =
            self.decisions.iter().filter(|made| made.at >= from).cloned().collect();
        let mut placements = HashMap::new();
        for made in decisions.iter().filter(|made| made.agent_id.is_some()) {
            *placements.entry(made.conversation_id).or_default() += 1;
        }
        History {
            from,
            to: self.now.plus(TimeDelta::seconds(1)),
            decisions,
            holdings: self.holdings.clone(),
            placements,
            waiting: waiting.collect(),
            presences: self.presences.clone(),
            own_limits: self.team.iter().filter_map(|one| Some((one.id, one.max_conversations?))).collect(),
        }
    }

    /// Lets time pass, and what is due happen.
    pub fn pass(&mut self, seconds: i64) {
        self.now = self.now.plus(TimeDelta::seconds(seconds));
        for number in 0..self.threads.len() {
            self.relieve_unanswered(number);
        }
        self.route(Trigger::SlotFreed);
    }

    /// The customer writes.
    pub fn write(&mut self, number: usize) {
        let now = self.now;
        let thread = &mut self.threads[number];
        thread.unanswered_since.get_or_insert(now);
        if thread.state == State::Idle {
            thread.began = now;
            thread.state = State::Waiting { since: now, decided: false, cause: Trigger::SessionStarted };
            self.route(Trigger::SlotFreed);
        }
    }

    /// Its holder answers.
    pub fn answer(&mut self, number: usize) {
        let now = self.now;
        let thread = &mut self.threads[number];
        if matches!(thread.state, State::Held(_)) {
            thread.unanswered_since = None;
            thread.previous.clear();
            if let Some(ticket) = thread.ticket {
                let id = conversation(number);
                let first = self.holdings[ticket].answered_at.unwrap_or(now);
                for one in self.holdings[ticket..].iter_mut().filter(|one| one.conversation_id == id) {
                    one.answered_at = Some(first);
                }
            }
        }
    }

    pub fn resolve(&mut self, number: usize) {
        if let State::Held(holder) = self.threads[number].state {
            self.let_go(number, holder);
            self.threads[number].resolver = Some(holder);
        }
        let thread = &mut self.threads[number];
        (thread.state, thread.division, thread.unanswered_since, thread.ticket) =
            (State::Idle, None, None, None);
        thread.previous.clear();
        self.route(Trigger::SlotFreed);
    }

    pub fn unassign(&mut self, number: usize) {
        if let State::Held(holder) = self.threads[number].state {
            self.let_go(number, holder);
            let thread = &mut self.threads[number];
            thread.previous.push(holder);
            thread.state = State::Waiting { since: self.now, decided: false, cause: Trigger::Unassigned };
            self.route(Trigger::SlotFreed);
        }
    }

    /// Somebody gives it to this member, whoever holds it.
    pub fn hand_to(&mut self, number: usize, to: AgentId) {
        if self.threads[number].state == State::Idle || self.threads[number].state == State::Held(to) {
            return;
        }
        if let State::Held(holder) = self.threads[number].state {
            self.let_go(number, holder);
        }
        self.team.give(to, self.now);
        self.hold(number, to, false, self.now);
        self.route(Trigger::SlotFreed);
    }

    pub fn set_division(&mut self, number: usize, division: DivisionId) {
        if let State::Waiting { since, .. } = self.threads[number].state {
            let state = State::Waiting { since, decided: false, cause: Trigger::DivisionSet };
            (self.threads[number].state, self.threads[number].division) = (state, Some(division));
            self.route(Trigger::SlotFreed);
        }
    }

    pub fn change(&mut self, id: AgentId, trigger: Trigger, change: impl FnOnce(&mut Member)) {
        let mut member = self.team.get(id).unwrap().clone();
        let was = member.online;
        change(&mut member);
        let online = member.online;
        self.team.insert(member);
        if online != was {
            self.presences.push(Presence { agent_id: id, at: self.now, online });
        }
        if !online && self.configuration.hands_over() {
            for number in 0..self.threads.len() {
                if self.threads[number].state == State::Held(id) {
                    self.decide(number, Trigger::Handover, Some(id));
                }
            }
        }
        self.route(trigger);
    }

    fn let_go(&mut self, number: usize, holder: AgentId) {
        self.team.take(holder);
        let id = conversation(number);
        let last = self.holdings.iter_mut().rfind(|one| one.conversation_id == id).unwrap();
        last.to = Some(self.now);
        self.threads[number].blocked = false;
    }

    fn hold(&mut self, number: usize, to: AgentId, by_routing: bool, from: Timestamp) {
        let id = conversation(number);
        let thread = &mut self.threads[number];
        let waited_since = match thread.state {
            State::Waiting { since, .. } => since,
            State::Idle | State::Held(_) => self.now,
        };
        let answered_at = thread.ticket.and_then(|ticket| self.holdings[ticket].answered_at);
        thread.ticket.get_or_insert(self.holdings.len());
        (thread.state, thread.held_since, thread.blocked) = (State::Held(to), from, false);
        let from = self.now;
        self.holdings.push(Holding {
            conversation_id: id,
            agent_id: to,
            from,
            to: None,
            by_routing,
            waited_since,
            answered_at,
        });
    }

    fn relieve_unanswered(&mut self, number: usize) {
        let thread = &self.threads[number];
        let minutes = self.configuration.timer_rules(thread.channel).unanswered_transfer;
        if let (State::Held(holder), Some(minutes), Some(since)) =
            (thread.state, minutes, thread.unanswered_since)
            && self.now >= since.max(thread.held_since).plus(minutes)
        {
            self.decide(number, Trigger::Unanswered, Some(holder));
        }
    }

    /// Gives out what waits, oldest first.
    fn route(&mut self, cause: Trigger) {
        if !self.configuration.assigns() {
            return;
        }
        let mut waiting: Vec<(Timestamp, usize)> = Vec::new();
        for (number, thread) in self.threads.iter().enumerate() {
            if let State::Waiting { since, .. } = thread.state {
                waiting.push((since, number));
            }
        }
        waiting.sort_unstable();
        for (_, number) in waiting {
            self.decide(number, cause, None);
        }
    }

    fn decide(&mut self, number: usize, cause: Trigger, holder: Option<AgentId>) {
        let thread = &self.threads[number];
        let policy = self.configuration.policy(thread.channel);
        let inquiry = Inquiry {
            channel_id: thread.channel,
            division_id: thread.division,
            holder_id: holder,
            previous_holder_ids: thread.previous.clone(),
            sticky_agent_id: thread.resolver.filter(|_| self.configuration.is_sticky(thread.channel)),
            strategy: policy.and_then(|one| one.strategy).unwrap_or(self.configuration.settings.strategy),
            max_conversations: self.configuration.settings.max_conversations_per_agent,
        };
        let decision = decide(&self.team, &inquiry);
        let (known, first_cause) = match thread.state {
            State::Waiting { decided, cause, .. } => (decided, cause),
            State::Idle | State::Held(_) => (thread.blocked, cause),
        };
        let winner = match decision.outcome {
            Outcome::Found(placement) => Some(placement.agent()),
            Outcome::NotFound(_) if known => return,
            Outcome::NotFound(_) => None,
        };
        let turn = winner.map_or(self.now, |_| self.team.next_turn(self.now));
        self.decisions.push(Recorded {
            id: Uuid::from_u128(1000 + self.decisions.len() as u128).into(),
            conversation_id: conversation(number),
            trigger: if known && holder.is_none() { cause } else { first_cause },
            at: turn,
            agent_id: winner,
            inquiry,
            candidates: decision.candidates().to_vec(),
            omits: false,
            settings_version: self.configuration.version,
            last_resolver: thread.resolver,
        });
        match (winner, holder) {
            (Some(to), _) => {
                self.team.give(to, turn);
                if let Some(holder) = holder {
                    self.let_go(number, holder);
                    self.threads[number].previous.push(holder);
                }
                self.hold(number, to, true, turn);
            }
            (None, Some(holder)) if cause == Trigger::Handover => {
                self.let_go(number, holder);
                let thread = &mut self.threads[number];
                thread.previous.push(holder);
                thread.state = State::Waiting { since: self.now, decided: true, cause };
            }
            (None, Some(_)) => self.threads[number].blocked = true,
            (None, None) => {
                if let State::Waiting { decided, .. } = &mut self.threads[number].state {
                    *decided = true;
                }
            }
        }
    }
}
