//! The router, as the server has it: due timers and the queue, oldest first, on what is remembered of the team.

use std::collections::{BTreeMap, BTreeSet};

use domain::conversation::{Conversation, State};
use domain::id::{AgentId, ConversationId};
use domain::routing::{Decision, Inquiry, Member, Outcome, Team, Trigger, decide};
use domain::time::Timestamp;
use domain::timer::{Running, TimerKind, TimerState, running};

use super::rules;
use super::world::{Asked, World};
use crate::reaching::contains;

/// What a conversation needs.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    pub trigger: Trigger,
    /// Whether it is known already that nobody can take it.
    pub is_known: bool,
    /// Whether its holder keeps it if nobody can take it.
    pub is_kept: bool,
}

/// A decision that is to be carried out.
pub struct Verdict {
    pub conversation: Conversation,
    /// Since when it waits for a decision.
    pub since: Timestamp,
    pub need: Need,
    pub inquiry: Inquiry,
    pub decision: Decision,
    /// The members as they were, with what was given since the run began.
    pub seen: Vec<Member>,
}

impl World {
    /// Works until there is nothing to do.
    pub fn route(&mut self) {
        for _ in 0..100 {
            if !self.run() {
                return rules::settled(self);
            }
        }
        panic!("routing does not come to an end: {:?}", self.asked);
    }

    /// One transaction. Answers whether there was anything to do.
    fn run(&mut self) -> bool {
        let asked = std::mem::take(&mut self.asked);
        let now = self.now;
        let due: Vec<(ConversationId, Running)> = self
            .timers
            .iter()
            .filter(|(_, (timer, state))| *state == TimerState::Armed && timer.due_at <= now)
            .map(|((id, _), (timer, _))| (*id, *timer))
            .collect();
        let gone: Vec<(AgentId, Running)> = self
            .handovers
            .iter()
            .filter(|(_, timer)| timer.due_at <= now)
            .map(|(id, timer)| (*id, *timer))
            .collect();
        if asked.is_empty() && due.is_empty() && gone.is_empty() {
            return false;
        }
        let mut team = self.remembered(&asked);
        self.watch_the_gone(&team, &asked);
        let moves = self.moves(&team, &asked, &due, &gone);
        let waiting = self.waiting(&team, &asked);
        for (id, timer) in due {
            // Whoever is above was told.
            if timer.kind == TimerKind::SupervisorNotice {
                self.timers.insert((id, timer.kind), (timer, TimerState::Fired));
            }
        }
        self.decide_all(&mut team, &moves, &waiting);
        self.memory = self.configuration.is_active().then_some(team);
        true
    }

    fn remembered(&mut self, asked: &Asked) -> Team {
        if !self.configuration.is_active() {
            return Team::default();
        }
        let Some(mut team) = self.memory.take() else {
            let mut team = Team::default();
            team.note_turn(self.turns.values().max().copied());
            self.members().into_iter().for_each(|member| team.insert(member));
            return team;
        };
        for agent in asked.agents.keys() {
            team.remove(*agent);
            self.member(*agent).into_iter().for_each(|member| team.insert(member));
        }
        team
    }

    fn watch_the_gone(&mut self, team: &Team, asked: &Asked) {
        let mut looked_at = asked.agents.clone();
        if asked.whole && !self.configuration.hands_over() {
            return self.handovers.clear();
        }
        if asked.whole {
            team.iter().for_each(|member| {
                looked_at.entry(member.id).or_insert(self.now);
            });
        }
        for (agent, since) in looked_at {
            let holds = team.get(agent).is_some_and(|member| member.is_gone() && member.load > 0);
            match self.configuration.handover_after().filter(|_| holds) {
                Some(grace) => {
                    let timer = Running { kind: TimerKind::Handover, since, due_at: since.plus(grace) };
                    let again = |timer: &mut Running| timer.due_at = timer.since.plus(grace);
                    self.handovers.entry(agent).and_modify(again).or_insert(timer);
                }
                None => {
                    self.handovers.remove(&agent);
                }
            }
        }
    }

    /// Held conversations that are to go to somebody else, and since when.
    fn moves(
        &mut self,
        team: &Team,
        asked: &Asked,
        due: &[(ConversationId, Running)],
        gone: &[(AgentId, Running)],
    ) -> BTreeMap<ConversationId, (Running, bool)> {
        let mut moves = BTreeMap::new();
        let transfers = due.iter().filter(|(_, timer)| timer.kind == TimerKind::UnansweredTransfer);
        moves.extend(transfers.map(|(id, timer)| (*id, (*timer, false))));
        for (agent, timer) in gone {
            self.handovers.remove(agent);
            if self.configuration.hands_over() && team.get(*agent).is_some_and(Member::is_gone) {
                let held = self.conversations.values().filter(|one| one.assignee() == Some(*agent));
                moves.extend(held.map(|one| (one.id, (*timer, false))));
            }
        }
        let reach = team.reach(self.configuration.settings.max_conversations_per_agent);
        if asked.may_move_the_queue() && self.configuration.is_active() && reach.slots != Some(0) {
            for ((id, _), (timer, state)) in &self.timers {
                let conversation = &self.conversations[id];
                if *state == TimerState::Blocked && contains(&reach, &self.inquiry(conversation)) {
                    moves.entry(*id).or_insert((*timer, true));
                }
            }
        }
        moves
    }

    fn waiting(&self, team: &Team, asked: &Asked) -> BTreeSet<ConversationId> {
        if !self.configuration.assigns() {
            return BTreeSet::new();
        }
        let mut waiting = asked.conversations.clone();
        let reach = team.reach(self.configuration.settings.max_conversations_per_agent);
        if asked.may_move_the_queue() && (asked.whole || reach.slots != Some(0)) {
            for one in self.conversations.values() {
                if let State::Waiting { decided, .. } = one.state
                    && (contains(&reach, &self.inquiry(one)) || (asked.whole && !decided))
                {
                    waiting.insert(one.id);
                }
            }
        }
        waiting
    }

    fn decide_all(
        &mut self,
        team: &mut Team,
        moves: &BTreeMap<ConversationId, (Running, bool)>,
        waiting: &BTreeSet<ConversationId>,
    ) {
        let needs = self.conversations.values().filter_map(|one| {
            let (since, need) = self.need(one, moves, waiting)?;
            Some((since, one.id, need))
        });
        let mut open: Vec<_> = needs.collect();
        open.sort_unstable_by_key(|(since, id, _)| (*since, *id));
        let mut seen = self.members();
        for (since, id, need) in open {
            let conversation = self.conversations[&id].clone();
            let inquiry = self.inquiry(&conversation);
            let decision = decide(team, &inquiry);
            if need.is_known && matches!(decision.outcome, Outcome::NotFound(_)) {
                continue;
            }
            let verdict = Verdict { conversation, since, need, inquiry, decision, seen: seen.clone() };
            rules::decided(self, &verdict);
            self.carry_out(team, &mut seen, verdict);
        }
    }

    fn need(
        &self,
        conversation: &Conversation,
        moves: &BTreeMap<ConversationId, (Running, bool)>,
        waiting: &BTreeSet<ConversationId>,
    ) -> Option<(Timestamp, Need)> {
        match conversation.state {
            State::Waiting { since, cause, decided, .. } => {
                let wanted = waiting.contains(&conversation.id) && conversation.archived_at.is_none();
                wanted.then_some((since, Need { trigger: cause, is_known: decided, is_kept: false }))
            }
            State::Held { .. } => {
                let (timer, is_known) = *moves.get(&conversation.id)?;
                if timer.kind == TimerKind::Handover {
                    let need = Need { trigger: Trigger::Handover, is_known: false, is_kept: false };
                    return Some((timer.since, need));
                }
                let rules = self.configuration.timer_rules(conversation.channel_id);
                let same = |one: &Running| one.kind == timer.kind && one.since == timer.since;
                let need = Need { trigger: Trigger::Unanswered, is_known, is_kept: true };
                running(conversation, rules).iter().any(same).then_some((timer.since, need))
            }
            State::Resolved => None,
        }
    }

    fn carry_out(&mut self, team: &mut Team, seen: &mut [Member], verdict: Verdict) {
        let Verdict { conversation: mut after, need, decision, .. } = verdict;
        let (fresh, now) = (self.fresh(), self.now);
        let turn = team.next_turn(now);
        match decision.outcome {
            Outcome::Found(placement) => {
                let winner = placement.agent();
                assert!(self.ledger.last_turn.is_none_or(|last| last < turn), "turns are not in order");
                self.ledger.last_turn = Some(turn);
                self.loses(after.id);
                team.give(winner, turn);
                for member in seen.iter_mut().filter(|member| member.id == winner) {
                    (member.load, member.last_assigned_at) = (member.load + 1, Some(turn));
                }
                let ticket = after.place(placement, need.trigger, fresh, now);
                self.save(after, ticket, turn);
            }
            Outcome::NotFound(_) if need.is_kept => {
                let key = (after.id, TimerKind::UnansweredTransfer);
                self.timers.entry(key).and_modify(|(_, state)| *state = TimerState::Blocked);
            }
            Outcome::NotFound(nobody) => {
                self.loses(after.id);
                let ticket = after.queue(nobody, need.trigger, now);
                self.save(after, ticket, now);
            }
        }
    }
}
