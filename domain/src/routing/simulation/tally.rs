//! What comes of it, counted.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::id::{AgentId, ConversationId, RoutingDecisionId};
use crate::time::Timestamp;

/// How long conversations waited that were then given to somebody, in whole seconds. Percentiles are by nearest rank: the
/// smallest wait that so many percent do not exceed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waited {
    /// How many.
    pub count: usize,
    /// Half of them waited no longer than this.
    pub median_seconds: Option<i64>,
    /// 95 of 100 waited no longer than this.
    pub p95_seconds: Option<i64>,
}

/// What was given to one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentTally {
    /// The member.
    pub agent_id: AgentId,
    /// How many conversations it was given in the simulation.
    pub assigned: usize,
    /// How many it was really given.
    pub really_assigned: usize,
}

/// What happened in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How often routing gave a conversation to somebody.
    pub assigned: usize,
    /// How long those had waited that nobody held.
    pub waited: Waited,
    /// How many of the assigned were taken from another member.
    pub transfers: usize,
    /// How many waited and were given to nobody.
    pub unassigned: usize,
}

/// What happened in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourTally {
    /// Its beginning.
    pub hour: Timestamp,
    /// What happened in it. Unassigned are those that began to wait in it.
    pub totals: Totals,
}

/// Something that goes another way than it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The last decision about it by then.
    pub decision_id: RoutingDecisionId,
    /// When.
    pub at: Timestamp,
    /// Who really held it then.
    pub really: Option<AgentId>,
    /// Who holds it in the simulation.
    pub simulated: Option<AgentId>,
}

/// What a simulation answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// By member, in the order of ids.
    pub per_agent: Vec<AgentTally>,
    /// By hour of the range, simulated.
    pub per_hour: Vec<HourTally>,
    /// In all, simulated.
    pub simulated: Totals,
    /// In all, as it was.
    pub real: Totals,
    /// The first differences.
    pub differences: Vec<Difference>,
    /// How many there are.
    pub differences_total: usize,
}

/// Counts one of the two worlds.
#[derive(Debug, Default)]
pub(super) struct Tally {
    given: Vec<Given>,
    unassigned: Vec<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Given {
    agent: AgentId,
    at: Timestamp,
    /// `None`: somebody else held it.
    waited: Option<TimeDelta>,
}

impl Tally {
    pub(super) fn give(&mut self, agent: AgentId, at: Timestamp, waiting_since: Option<Timestamp>) {
        let waited = waiting_since.map(|since| at.since(since).max(TimeDelta::zero()));
        self.given.push(Given { agent, at, waited });
    }

    pub(super) fn leave(&mut self, waiting_since: Timestamp) {
        self.unassigned.push(waiting_since);
    }

    pub(super) fn per_agent(&self) -> BTreeMap<AgentId, usize> {
        let mut counts = BTreeMap::new();
        for given in &self.given {
            *counts.entry(given.agent).or_default() += 1;
        }
        counts
    }

    pub(super) fn totals(&self) -> Totals {
        totals(self.given.iter().copied(), self.unassigned.len())
    }

    /// Every hour that the range touches.
    pub(super) fn per_hour(&self, from: Timestamp, to: Timestamp) -> Vec<HourTally> {
        const HOUR: i64 = 3600;
        let number = |at: Timestamp| at.unix_seconds().div_euclid(HOUR);
        let mut given: BTreeMap<i64, Vec<Given>> = BTreeMap::new();
        for one in &self.given {
            given.entry(number(one.at)).or_default().push(*one);
        }
        let mut unassigned: BTreeMap<i64, usize> = BTreeMap::new();
        for since in &self.unassigned {
            *unassigned.entry(number((*since).max(from))).or_default() += 1;
        }
        // The end is not in the range.
        let last = number(to.plus(TimeDelta::microseconds(-1)));
        (number(from)..=last)
            .filter_map(|hour| {
                let totals = totals(
                    given.remove(&hour).unwrap_or_default().into_iter(),
                    unassigned.get(&hour).copied().unwrap_or_default(),
                );
                Some(HourTally { hour: Timestamp::from_unix_seconds(hour * HOUR)?, totals })
            })
            .collect()
    }
}

fn totals(given: impl Iterator<Item = Given>, unassigned: usize) -> Totals {
    let (mut assigned, mut waits) = (0, Vec::new());
    for one in given {
        assigned += 1;
        waits.extend(one.waited.map(|wait| wait.num_seconds()));
    }
    waits.sort_unstable();
    let waited = Waited {
        count: waits.len(),
        median_seconds: nearest_rank(&waits, 50).copied(),
        p95_seconds: nearest_rank(&waits, 95).copied(),
    };
    Totals { assigned, waited, transfers: assigned - waits.len(), unassigned }
}

/// The smallest of these, which are in order, that so many percent of them do not exceed.
pub(super) fn nearest_rank<T>(ordered: &[T], percent: usize) -> Option<&T> {
    let rank = (ordered.len() * percent).div_ceil(100);
    ordered.get(rank.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::nearest_rank;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        assert_eq!(nearest_rank::<i64>(&[], 50), None);
        assert_eq!(nearest_rank(&[7], 95), Some(&7));
        assert_eq!(nearest_rank(&[1, 2, 3, 4], 50), Some(&2));
        assert_eq!(nearest_rank(&[1, 2, 3, 4, 5], 50), Some(&3));
        let twenty: Vec<i64> = (1..=20).collect();
        assert_eq!(nearest_rank(&twenty, 95), Some(&19));
        let more: Vec<i64> = (1..=21).collect();
        assert_eq!(nearest_rank(&more, 95), Some(&20));
    }
}
