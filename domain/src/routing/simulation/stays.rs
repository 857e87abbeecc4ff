//! Stretches in which a conversation is in routing's hands.

use std::collections::HashMap;
use std::ops::Range;

use chrono::TimeDelta;

use super::history::{History, Holding, Recorded};
use super::tally::nearest_rank;
use crate::id::{AgentId, ConversationId};
use crate::routing::Trigger;
use crate::time::Timestamp;

/// From the first decision about a conversation that waits, or is to be taken from its holder, until it is resolved, or
/// somebody decides by hand.
#[derive(Debug, Clone)]
pub(super) struct Stay {
    /// Since when it waits, at the beginning.
    pub since: Timestamp,
    /// Who really holds it at the beginning.
    pub holder: Option<AgentId>,
    /// How long it was really held, by all whom routing gave it to; `None`: it still is.
    pub held: Option<TimeDelta>,
    /// How long after it was first given to somebody it was answered; `None`: never.
    pub answered_after: Option<TimeDelta>,
    /// The last decision about it.
    pub last: usize,
    /// Until when it was held by the last of those whom routing gave it to.
    pub until: Option<Timestamp>,
    /// Who took it by hand while it waited, when, and until when.
    pub hand: Option<Holding>,
    /// When it surely had left the queue, nobody having held it.
    pub left_at: Option<Timestamp>,
    /// Nothing says how long it would be held.
    is_unknown: bool,
}

/// All stays, and to which of them each decision belongs.
#[derive(Debug, Default)]
pub(super) struct Stays {
    pub all: Vec<Stay>,
    pub of: Vec<usize>,
}

impl Stays {
    pub(super) fn of(history: &History) -> Self {
        let mut by_conversation: HashMap<ConversationId, Vec<usize>> = HashMap::new();
        for (index, made) in history.decisions.iter().enumerate() {
            by_conversation.entry(made.conversation_id).or_default().push(index);
        }
        let mut holdings: HashMap<ConversationId, Vec<Holding>> = HashMap::new();
        for holding in &history.holdings {
            holdings.entry(holding.conversation_id).or_default().push(*holding);
        }
        let mut stays = Self { all: Vec::new(), of: vec![0; history.decisions.len()] };
        // In the order of decisions: a simulation must not depend on the order of a map.
        for (index, made) in history.decisions.iter().enumerate() {
            let conversation = made.conversation_id;
            let Some(decisions) =
                by_conversation.get(&conversation).filter(|all| all.first() == Some(&index))
            else {
                continue;
            };
            let holdings = holdings.remove(&conversation).unwrap_or_default();
            let placements = history.placements.get(&conversation).copied().unwrap_or_default();
            let waiting = history.waiting.get(&conversation).copied();
            Thread { history, decisions, holdings, waiting }.walk(placements, &mut stays);
        }
        stays.guess_what_is_unknown();
        stays
    }

    /// What was never held is taken to be like the others.
    fn guess_what_is_unknown(&mut self) {
        let known = || self.all.iter().filter(|stay| !stay.is_unknown);
        let median = |mut all: Vec<TimeDelta>| {
            all.sort_unstable();
            nearest_rank(&all, 50).copied()
        };
        let held = median(known().filter_map(|stay| stay.held).collect());
        let answered_after = median(known().filter_map(|stay| stay.answered_after).collect());
        for stay in self.all.iter_mut().filter(|stay| stay.is_unknown) {
            (stay.held, stay.answered_after) = (held, answered_after);
        }
    }
}

/// One conversation.
struct Thread<'a> {
    history: &'a History,
    decisions: &'a [usize],
    holdings: Vec<Holding>,
    waiting: Option<Timestamp>,
}

/// A stay that is being put together.
struct Open {
    decisions: Vec<usize>,
    /// The holdings that routing made in it.
    given: Vec<usize>,
    /// Who holds it now.
    holder: Option<AgentId>,
    /// The holding by which it was held at the beginning.
    initial: Option<usize>,
}

impl Thread<'_> {
    fn walk(&self, placements: usize, stays: &mut Stays) {
        // Each placement made one holding, in this order: the last ones belong to the decisions since the range began.
        let by_routing: Vec<usize> =
            (0..self.holdings.len()).filter(|at| self.holdings[*at].by_routing).collect();
        let mut placed = by_routing[by_routing.len().saturating_sub(placements)..].iter().copied().peekable();
        let mut open: Option<Open> = None;
        // What of the holdings is behind us.
        let mut next = 0;
        for &index in self.decisions {
            let made = &self.history.decisions[index];
            let bound = placed.peek().copied().unwrap_or(self.holdings.len());
            let holding = made.agent_id.and_then(|_| placed.next());
            let end = holding.unwrap_or_else(|| self.begun_before(next..bound, made.at));
            let hand = (next..end).find(|at| {
                let one = self.holdings[*at];
                !one.by_routing && one.from >= self.history.from
            });
            if let Some(before) = open.take() {
                if hand.is_none() && before.goes_on_with(made) {
                    open = Some(before);
                } else {
                    let left = before.holder.is_none() && hand.is_none();
                    self.close(before, hand, left.then_some(made.at), stays);
                }
            }
            let initial =
                || (0..end).rev().find(|at| made.inquiry.holder_id == Some(self.holdings[*at].agent_id));
            let stay = open.get_or_insert_with(|| Open {
                decisions: Vec::new(),
                given: Vec::new(),
                holder: made.inquiry.holder_id,
                initial: made.inquiry.holder_id.and_then(|_| initial()),
            });
            stay.decisions.push(index);
            stay.given.extend(holding);
            if made.agent_id.is_some() || made.trigger == Trigger::Handover {
                stay.holder = made.agent_id;
            }
            next = holding.map_or(end, |at| at + 1).max(next);
        }
        if let Some(last) = open {
            let hand = Some(next).filter(|at| self.holdings.get(*at).is_some_and(|one| !one.by_routing));
            self.close(last, hand, None, stays);
        }
    }

    fn begun_before(&self, mut among: Range<usize>, at: Timestamp) -> usize {
        let end = among.end;
        among.find(|index| self.holdings[*index].from >= at).unwrap_or(end)
    }

    fn close(&self, open: Open, hand: Option<usize>, left_at: Option<Timestamp>, stays: &mut Stays) {
        let Some(first) = open.decisions.first().map(|index| &self.history.decisions[*index]) else { return };
        let holding = |at: usize| self.holdings.get(at).copied();
        let hand = hand.and_then(holding);
        let initial = open.initial.and_then(holding).map(|one| Holding { from: first.at, ..one });
        let mut held: Vec<Holding> =
            initial.into_iter().chain(open.given.iter().copied().filter_map(holding)).collect();
        let first_given = open.given.first().copied().and_then(holding).or(hand);
        if held.is_empty() {
            held.extend(hand);
        }
        let long = |one: &Holding| Some(one.to?.since(one.from).max(TimeDelta::zero()));
        let answered = held.first().and_then(|one| Some(one.answered_at?.since(one.from)));
        let waited_since = first_given.map(|one| one.waited_since).or(self.waiting);
        let until = open.given.last().copied().or(open.initial).filter(|_| open.holder.is_some());
        let until = until.and_then(holding).and_then(|one| one.to);
        for index in &open.decisions {
            stays.of[*index] = stays.all.len();
        }
        stays.all.push(Stay {
            since: waited_since.filter(|since| *since <= first.at).unwrap_or(first.at),
            holder: first.inquiry.holder_id,
            held: held.iter().map(long).sum(),
            answered_after: answered,
            last: open.decisions.last().copied().unwrap_or_default(),
            until,
            hand,
            left_at,
            is_unknown: held.is_empty(),
        });
    }
}

impl Open {
    /// Whether this decision is about the same stretch: otherwise something was done by hand in between.
    fn goes_on_with(&self, made: &Recorded) -> bool {
        match (self.holder, made.inquiry.holder_id) {
            (None, None) => made.trigger != Trigger::SessionStarted,
            (Some(holder), Some(relieved)) => holder == relieved,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}
