//! One recorded decision, made again; and what the simulation decides by itself.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use chrono::TimeDelta;

use super::history::Recorded;
use super::replay::{Event, Place, Replay, Run};
use super::world::{Pool, View};
use crate::id::{AgentId, ChannelId};
use crate::routing::{Configuration, Inquiry, Outcome, Trigger, decide};
use crate::time::Timestamp;

impl Replay<'_> {
    /// Makes one of the recorded decisions again.
    pub(super) fn decision(&mut self, index: usize) {
        let made = &self.history.decisions[index];
        let stay = self.of[index];
        self.world.observe(made);
        self.begin(stay, index);
        let Some(run) = self.runs.get(&stay) else { return };
        let place = (run.since, stay);
        let waits = run.simulated == Place::Waiting;
        if waits && !run.astray {
            // Who waits longer is first.
            self.give_out(made.at, Some(place));
        }
        let again = self.again(stay, made);
        self.happened(stay, index);
        self.expect_the_end(stay, index);
        let winner = again.flatten();
        if winner != made.agent_id {
            if let Some(agent) = made.agent_id {
                self.world.void(agent, made.at);
            }
            if let Some(agent) = winner {
                self.world.simulate(agent, made.at);
            }
        }
        if let Some(agent) = winner {
            self.give(stay, agent, made.at);
        } else if again.is_some() && is_taken_away(made) {
            self.take_back(stay, made.at);
        }
        if self.runs.get(&stay).is_some_and(|run| run.real != run.simulated) {
            self.go_astray(stay, made.at);
        }
        self.compare(stay, made.at);
        self.give_out(made.at, None);
    }

    fn begin(&mut self, stay: usize, index: usize) {
        let made = &self.history.decisions[index];
        if let Some(run) = self.runs.get_mut(&stay) {
            let before = pool(&self.history.decisions[run.latest]);
            run.latest = index;
            if run.simulated == Place::Waiting {
                count(&mut self.waiting, before, -1);
                count(&mut self.waiting, pool(made), 1);
            }
            return;
        }
        let facts = &self.stays[stay];
        let place = facts.holder.map_or(Place::Waiting, Place::Held);
        let run = Run {
            real: place,
            simulated: place,
            astray: false,
            really_since: facts.since,
            since: facts.since,
            given_at: facts.holder.map(|_| made.at),
            held_since: made.at,
            moves: 0,
            previous: Vec::new(),
            latest: index,
        };
        if place == Place::Waiting {
            self.queue.insert((run.since, stay));
            count(&mut self.waiting, pool(made), 1);
        }
        self.runs.insert(stay, run);
    }

    /// The decision by the draft, on the team of the simulation; `None`: it is not asked for.
    fn again(&self, stay: usize, made: &Recorded) -> Option<Option<AgentId>> {
        let run = self.runs.get(&stay).filter(|run| !run.astray)?;
        let asked = match (run.simulated, made.inquiry.holder_id) {
            (Place::Waiting, None) => self.draft.assigns(),
            (Place::Held(holder), Some(relieved)) if holder == relieved => match made.trigger {
                Trigger::Handover => self.draft.hands_over(),
                _ => !self.has_other_minutes(made.inquiry.channel_id),
            },
            _ => false,
        };
        asked.then(|| self.winner(made, self.inquiry(made)))
    }

    fn winner(&self, made: &Recorded, inquiry: Inquiry) -> Option<AgentId> {
        match decide(&self.world.team(pool(made)), &inquiry).outcome {
            Outcome::Found(placement) => Some(placement.agent()),
            Outcome::NotFound(_) => None,
        }
    }

    /// What would have been asked by the draft.
    fn inquiry(&self, made: &Recorded) -> Inquiry {
        let channel = made.inquiry.channel_id;
        let sticky = self.draft.is_sticky(channel);
        let as_it_was = made.settings_version == self.live.version && self.live.is_sticky(channel) == sticky;
        let recorded = made.inquiry.sticky_agent_id;
        let policy = self.draft.policy(channel);
        Inquiry {
            sticky_agent_id: if as_it_was {
                recorded
            } else {
                recorded.or(made.last_resolver).filter(|_| sticky)
            },
            strategy: policy.and_then(|policy| policy.strategy).unwrap_or(self.draft.settings.strategy),
            max_conversations: self.draft.settings.max_conversations_per_agent,
            ..made.inquiry.clone()
        }
    }

    /// The same for a conversation that is where the simulation has put it.
    fn inquiry_now(&self, made: &Recorded, run: &Run) -> Inquiry {
        let inquiry = self.inquiry(made);
        if run.astray {
            let (holder_id, previous_holder_ids) = (run.simulated.holder(), run.previous.clone());
            Inquiry { holder_id, previous_holder_ids, ..inquiry }
        } else {
            inquiry
        }
    }

    fn has_other_minutes(&self, channel: ChannelId) -> bool {
        let minutes = |of: &Configuration| of.timer_rules(channel).unanswered_transfer;
        minutes(self.live) != minutes(self.draft)
    }

    /// What the decision really did.
    fn happened(&mut self, stay: usize, index: usize) {
        let made = &self.history.decisions[index];
        let holder = made.inquiry.holder_id;
        let Some(run) = self.runs.get_mut(&stay) else { return };
        let since = run.really_since;
        if made.agent_id.is_none() && is_taken_away(made) {
            run.really_since = made.at;
        }
        if made.agent_id.is_none() && !is_taken_away(made) {
            return;
        }
        if let Some(holder) = holder {
            self.world.really_holds(holder, -1);
        }
        let Some(agent) = made.agent_id else { return self.put(stay, View::Real, Place::Waiting) };
        self.world.really_holds(agent, 1);
        self.real.give(agent, made.at, holder.is_none().then_some(since));
        self.put(stay, View::Real, Place::Held(agent));
    }

    /// After the last decision about it there is only what was done by hand.
    fn expect_the_end(&mut self, stay: usize, index: usize) {
        let (facts, at) = (&self.stays[stay], self.history.decisions[index].at);
        if facts.last != index {
            return;
        }
        let gone = facts.until.map(|until| (until, Event::ReallyLeft(stay)));
        let taken = facts.hand.map(|hand| (hand.from, Event::Taken(stay)));
        let left = facts.left_at.map(|left| (left, Event::LeftQueue(stay)));
        let later = gone.into_iter().chain(taken).chain(left);
        self.events.extend(later.map(|(when, event)| Reverse((when.max(at), event))));
    }

    /// The simulation gives a conversation to a member.
    fn give(&mut self, stay: usize, agent: AgentId, at: Timestamp) {
        let Some(run) = self.runs.get_mut(&stay) else { return };
        self.simulated.give(agent, at, (run.simulated == Place::Waiting).then_some(run.since));
        run.previous.extend(run.simulated.holder());
        run.given_at.get_or_insert(at);
        run.held_since = at;
        run.moves += 1;
        self.put(stay, View::Simulated, Place::Held(agent));
        self.run_clock(stay, at);
    }

    /// The simulation takes a conversation from its holder, and nobody else can have it.
    fn take_back(&mut self, stay: usize, at: Timestamp) {
        let Some(run) = self.runs.get_mut(&stay) else { return };
        run.previous.extend(run.simulated.holder());
        run.since = at;
        run.moves += 1;
        self.put(stay, View::Simulated, Place::Waiting);
    }

    /// From now on the conversation goes its own way.
    fn go_astray(&mut self, stay: usize, at: Timestamp) {
        let Some(run) = self.runs.get_mut(&stay).filter(|run| !run.astray) else { return };
        run.astray = true;
        let made = &self.history.decisions[run.latest];
        let recorded = made.inquiry.previous_holder_ids.iter().copied();
        let known: BTreeSet<AgentId> = recorded.chain(run.previous.iter().copied()).collect();
        run.previous = known.into_iter().collect();
        // What ran for the holder before does not count any longer.
        run.moves += 1;
        self.run_clock(stay, at);
    }

    /// When the conversation leaves its holder, unless it does what it really did.
    fn run_clock(&mut self, stay: usize, at: Timestamp) {
        let (Some(run), facts) = (self.runs.get(&stay), &self.stays[stay]) else { return };
        if let (true, Some(given_at), Some(held)) = (run.astray, run.given_at, facts.held)
            && run.simulated.holder().is_some()
        {
            self.events.push(Reverse((given_at.plus(held).max(at), Event::Left(stay, run.moves))));
        }
        self.run_timer(stay, at);
    }

    fn run_timer(&mut self, stay: usize, at: Timestamp) {
        let Some(run) = self.runs.get(&stay) else { return };
        let channel = self.history.decisions[run.latest].inquiry.channel_id;
        let runs = run.simulated.holder().is_some() && (run.astray || self.has_other_minutes(channel));
        let minutes: Option<TimeDelta> = self.draft.timer_rules(channel).unanswered_transfer;
        let Some(minutes) = minutes.filter(|_| runs) else { return };
        // The next of those that are counted from when the holder got it.
        let mut due = run.held_since.plus(minutes);
        while due <= at {
            due = due.plus(minutes);
        }
        let answered = run.given_at.zip(self.stays[stay].answered_after).map(|(at, after)| at.plus(after));
        if answered.is_none_or(|answered| due < answered) {
            self.events.push(Reverse((due, Event::TimedOut(stay, run.moves))));
        }
    }

    /// The holder in the simulation has not answered in time.
    pub(super) fn timed_out(&mut self, stay: usize, moves: u32, at: Timestamp) {
        let Some(run) = self.runs.get(&stay).filter(|run| run.moves == moves) else { return };
        let Some(holder) = run.simulated.holder() else { return };
        let made = &self.history.decisions[run.latest];
        let inquiry = Inquiry { holder_id: Some(holder), ..self.inquiry_now(made, run) };
        match self.winner(made, inquiry) {
            Some(agent) => self.decide_apart(stay, agent, at),
            None => self.run_timer(stay, at),
        }
    }

    /// The simulation gives a conversation away where in reality nothing was decided.
    fn decide_apart(&mut self, stay: usize, agent: AgentId, at: Timestamp) {
        self.go_astray(stay, at);
        self.world.simulate(agent, at);
        self.give(stay, agent, at);
        self.compare(stay, at);
    }

    /// Gives out what waits in the simulation, oldest first, as far as somebody has room; only what waits longer than what
    /// is at `before`.
    pub(super) fn give_out(&mut self, at: Timestamp, before: Option<(Timestamp, usize)>) {
        if !self.draft.assigns() {
            return;
        }
        let most = self.draft.settings.max_conversations_per_agent;
        let mut nobody: BTreeSet<Pool> = BTreeSet::new();
        let mut really: BTreeMap<Pool, bool> = BTreeMap::new();
        let mut after = None;
        while nobody.len() < self.waiting.len() {
            let range = (after.map_or(Unbounded, Excluded), before.map_or(Unbounded, Excluded));
            let Some(next) = self.queue.range(range).next().copied() else { return };
            after = Some(next);
            let stay = next.1;
            let Some(run) = self.runs.get(&stay) else { continue };
            let made = &self.history.decisions[run.latest];
            let pool = pool(made);
            if nobody.contains(&pool) {
                continue;
            }
            if !self.world.has_room(pool, View::Simulated, most) {
                nobody.insert(pool);
                continue;
            }
            // If somebody really had room, and it waited all the same, we do not know why.
            let had_room = || self.world.has_room(pool, View::Real, made.inquiry.max_conversations);
            if !run.astray && *really.entry(pool).or_insert_with(had_room) {
                continue;
            }
            if let Some(agent) = self.winner(made, self.inquiry_now(made, run)) {
                self.decide_apart(stay, agent, at);
            }
        }
    }

    /// Puts a conversation somewhere in one of the two worlds, and keeps the difference between them.
    pub(super) fn put(&mut self, stay: usize, view: View, to: Place) {
        let Some(run) = self.runs.get_mut(&stay) else { return };
        let pool = pool(&self.history.decisions[run.latest]);
        let (place, more) = match view {
            View::Real => (&mut run.real, -1),
            View::Simulated => (&mut run.simulated, 1),
        };
        let from = std::mem::replace(place, to);
        if view == View::Simulated && from != to {
            if from == Place::Waiting && self.queue.remove(&(run.since, stay)) {
                count(&mut self.waiting, pool, -1);
            }
            if to == Place::Waiting && self.queue.insert((run.since, stay)) {
                count(&mut self.waiting, pool, 1);
            }
        }
        for (holder, more) in [(from.holder(), -more), (to.holder(), more)] {
            if let Some(agent) = holder {
                self.world.differs(agent, more);
            }
        }
    }
}

/// What decides who could be given a conversation at all.
fn pool(made: &Recorded) -> Pool {
    (made.inquiry.channel_id, made.inquiry.division_id)
}

/// Whether the conversation leaves its holder even if nobody else can have it.
fn is_taken_away(made: &Recorded) -> bool {
    made.trigger == Trigger::Handover && made.inquiry.holder_id.is_some()
}

fn count(waiting: &mut BTreeMap<Pool, usize>, pool: Pool, by: isize) {
    let now = waiting.entry(pool).or_default();
    *now = now.saturating_add_signed(by);
    if *now == 0 {
        waiting.remove(&pool);
    }
}
