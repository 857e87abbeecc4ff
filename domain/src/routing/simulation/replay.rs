//! The recorded decisions, made again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::Approximation;
use super::history::{History, Recorded};
use super::stays::{Stay, Stays};
use super::tally::{AgentTally, Difference, Outcome, Tally};
use super::world::{Pool, View, World};
use crate::id::AgentId;
use crate::routing::Configuration;
use crate::time::Timestamp;

/// Makes the recorded decisions again, as if the settings and policies had been those of the draft. Keeps the first
/// `differences` differences. `live` is what is in force.
#[must_use]
pub fn simulate(
    history: &History,
    live: &Configuration,
    draft: &Configuration,
    differences: usize,
) -> (Outcome, BTreeSet<Approximation>) {
    let mut replay = Replay::new(history, live, draft, differences);
    for index in 0..history.decisions.len() {
        replay.until(history.decisions[index].at, true);
        replay.decision(index);
    }
    replay.until(history.to, false);
    replay.finish()
}

/// Where a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Waiting,
    Held(AgentId),
    Gone,
}

impl Place {
    pub(super) fn holder(self) -> Option<AgentId> {
        match self {
            Self::Held(agent) => Some(agent),
            Self::Waiting | Self::Gone => None,
        }
    }
}

/// A stay in both worlds.
#[derive(Debug)]
pub(super) struct Run {
    pub real: Place,
    pub simulated: Place,
    /// It went another way: from now on it has a clock of its own.
    pub astray: bool,
    /// Since when it waits, in each world.
    pub really_since: Timestamp,
    pub since: Timestamp,
    /// When the simulation first gave it to somebody.
    pub given_at: Option<Timestamp>,
    /// Since when its last holder there has held it.
    pub held_since: Timestamp,
    /// How often the simulation has moved it: events for an earlier holder are void.
    pub moves: u32,
    /// Whom the simulation has taken it from.
    pub previous: Vec<AgentId>,
    /// The last decision about it.
    pub latest: usize,
}

/// What happens between the decisions; at one time, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// It leaves its last real holder.
    ReallyLeft(usize),
    /// It is taken by hand.
    Taken(usize),
    /// It had left the queue by then.
    LeftQueue(usize),
    /// It leaves its holder in the simulation.
    Left(usize, u32),
    /// A member came or went.
    Presence(usize),
    /// Its holder in the simulation has not answered in time.
    TimedOut(usize, u32),
}

/// A simulation under way.
pub(super) struct Replay<'a> {
    pub history: &'a History,
    pub live: &'a Configuration,
    pub draft: &'a Configuration,
    pub stays: Vec<Stay>,
    /// The stay of each decision.
    pub of: Vec<usize>,
    /// The stays that have begun, by number.
    pub runs: BTreeMap<usize, Run>,
    pub world: World<'a>,
    /// What waits in the simulation, oldest first.
    pub queue: BTreeSet<(Timestamp, usize)>,
    /// How many of each pool that are.
    pub waiting: BTreeMap<Pool, usize>,
    pub events: BinaryHeap<Reverse<(Timestamp, Event)>>,
    pub real: Tally,
    pub simulated: Tally,
    differences: Vec<Difference>,
    differences_total: usize,
    keep: usize,
    approximate: BTreeSet<Approximation>,
}

impl<'a> Replay<'a> {
    fn new(history: &'a History, live: &'a Configuration, draft: &'a Configuration, keep: usize) -> Self {
        let Stays { all: stays, of } = Stays::of(history);
        let presences = history.presences.iter().enumerate();
        let events = presences.map(|(index, one)| Reverse((one.at, Event::Presence(index)))).collect();
        Self {
            history,
            live,
            draft,
            stays,
            of,
            runs: BTreeMap::new(),
            world: World::new(history),
            queue: BTreeSet::new(),
            waiting: BTreeMap::new(),
            events,
            real: Tally::default(),
            simulated: Tally::default(),
            differences: Vec::new(),
            differences_total: 0,
            keep,
            approximate: approximations(history, live, draft),
        }
    }

    fn finish(mut self) -> (Outcome, BTreeSet<Approximation>) {
        for run in self.runs.values() {
            if run.real == Place::Waiting {
                self.real.leave(run.really_since);
            }
            if run.simulated == Place::Waiting {
                self.simulated.leave(run.since);
            }
        }
        let mut agents: BTreeMap<AgentId, (usize, usize)> = BTreeMap::new();
        for (agent, count) in self.simulated.per_agent() {
            agents.entry(agent).or_default().0 = count;
        }
        for (agent, count) in self.real.per_agent() {
            agents.entry(agent).or_default().1 = count;
        }
        let per_agent = agents.into_iter().map(|(agent_id, (assigned, really_assigned))| AgentTally {
            agent_id,
            assigned,
            really_assigned,
        });
        let outcome = Outcome {
            per_agent: per_agent.collect(),
            per_hour: self.simulated.per_hour(self.history.from, self.history.to),
            simulated: self.simulated.totals(),
            real: self.real.totals(),
            differences: self.differences,
            differences_total: self.differences_total,
        };
        (outcome, self.approximate)
    }

    /// Lets everything happen that happens before this time or, if `inclusive`, at it. What happens at one time happens
    /// at once; then there may be room.
    fn until(&mut self, at: Timestamp, inclusive: bool) {
        while let Some(Reverse((when, event))) = self.events.peek().copied() {
            if when > at || (when == at && !inclusive) {
                return;
            }
            self.events.pop();
            self.happen(event, when);
            if self.events.peek().is_none_or(|Reverse((next, _))| *next > when) {
                self.give_out(when, None);
            }
        }
    }

    fn happen(&mut self, event: Event, at: Timestamp) {
        match event {
            Event::ReallyLeft(stay) => self.really_left(stay),
            Event::Taken(stay) => self.taken(stay),
            Event::LeftQueue(stay) => self.left_queue(stay),
            Event::Left(stay, moves) => {
                if self.runs.get(&stay).is_some_and(|run| run.astray && run.moves == moves) {
                    self.put(stay, View::Simulated, Place::Gone);
                }
            }
            Event::Presence(index) => {
                let one = self.history.presences[index];
                self.world.set_online(one.agent_id, one.online);
            }
            Event::TimedOut(stay, moves) => self.timed_out(stay, moves, at),
        }
    }

    /// It leaves its last real holder: resolved, or by hand. What went the same way goes along.
    fn really_left(&mut self, stay: usize) {
        let Some(run) = self.runs.get(&stay) else { return };
        let follows = !run.astray;
        if let Some(holder) = run.real.holder() {
            self.world.really_holds(holder, -1);
        }
        self.put(stay, View::Real, Place::Gone);
        if follows {
            self.put(stay, View::Simulated, Place::Gone);
        }
    }

    /// Somebody took it by hand: from the queue, or from who held it.
    fn taken(&mut self, stay: usize) {
        let (Some(run), Some(hand)) = (self.runs.get(&stay), self.stays[stay].hand) else { return };
        let from_queue = run.real == Place::Waiting;
        let too_late = run.astray && run.simulated != Place::Waiting;
        if from_queue {
            self.world.really_holds(hand.agent_id, 1);
        }
        if !too_late {
            self.put(stay, View::Simulated, Place::Gone);
            self.put(stay, View::Real, Place::Gone);
        } else if from_queue {
            // The simulation had given it to somebody before.
            self.world.void(hand.agent_id, hand.from);
            self.put(stay, View::Real, Place::Held(hand.agent_id));
            self.events.extend(hand.to.map(|to| Reverse((to, Event::ReallyLeft(stay)))));
        } else {
            self.put(stay, View::Real, Place::Gone);
        }
    }

    /// Nobody held it, and it waits no longer.
    fn left_queue(&mut self, stay: usize) {
        let Some(run) = self.runs.get(&stay) else { return };
        let (really_since, since, waits) = (run.really_since, run.since, run.simulated == Place::Waiting);
        self.real.leave(really_since);
        self.put(stay, View::Real, Place::Gone);
        if waits {
            self.simulated.leave(since);
            self.put(stay, View::Simulated, Place::Gone);
        }
    }

    /// Notes it if somebody else holds the conversation in the simulation.
    pub(super) fn compare(&mut self, stay: usize, at: Timestamp) {
        let differs = |run: &&Run| run.real.holder() != run.simulated.holder();
        let Some(run) = self.runs.get(&stay).filter(differs) else { return };
        self.differences_total += 1;
        if self.differences.len() < self.keep {
            let made = &self.history.decisions[run.latest];
            self.differences.push(Difference {
                conversation_id: made.conversation_id,
                decision_id: made.id,
                at,
                really: run.real.holder(),
                simulated: run.simulated.holder(),
            });
        }
    }
}

/// What the answer will not have right.
fn approximations(history: &History, live: &Configuration, draft: &Configuration) -> BTreeSet<Approximation> {
    let any = |is: fn(&Recorded, &Configuration) -> bool| history.decisions.iter().any(|made| is(made, live));
    let minutes =
        |of: &Configuration, made: &Recorded| of.timer_rules(made.inquiry.channel_id).unanswered_transfer;
    let handover = draft.handover_after();
    let other_minutes = history.decisions.iter().any(|made| minutes(live, made) != minutes(draft, made));
    [
        (Approximation::LargeTeam, any(|made, _| made.omits)),
        (Approximation::HandoversNotSimulated, handover.is_some() && handover != live.handover_after()),
        (Approximation::UnroutedConversations, draft.assigns() && !live.assigns()),
        (Approximation::TransfersNotSimulated, other_minutes),
        (Approximation::SettingsChanged, any(|made, live| made.settings_version != live.version)),
    ]
    .into_iter()
    .filter_map(|(what, holds)| holds.then_some(what))
    .collect()
}
