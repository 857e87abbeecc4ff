//! One decision.

use std::cmp::Ordering;

use super::{DecisionReason, Inquiry, LeftOut, Member, Strategy, Team, TieBreak};
use crate::agent::{Availability, Role};
use crate::id::AgentId;
use crate::time::Timestamp;

/// How many candidates of a decision are named; of a larger team the others are counted.
pub const CANDIDATES_NAMED: usize = 200;

/// The proof that routing chose this agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    agent: AgentId,
}

impl Placement {
    /// The agent.
    #[must_use]
    pub fn agent(self) -> AgentId {
        self.agent
    }
}

/// The proof that routing found nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nobody(());

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An agent is to be given the conversation.
    Found(Placement),
    /// Every member was left out.
    NotFound(Nobody),
}

/// A member, as it stood when the decision was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The member.
    pub agent_id: AgentId,
    /// Why it was left out; `None`: it could have been given the conversation.
    pub left_out: Option<LeftOut>,
    /// How many conversations it held.
    pub load: u32,
    /// The most that it is given.
    pub limit: Option<u32>,
    /// When it last came to hold one.
    pub last_assigned_at: Option<Timestamp>,
}

/// A decision with all that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What came of it.
    pub outcome: Outcome,
    /// By what.
    pub reason: DecisionReason,
    /// What told the winner from the next in line; of a choice by strategy only.
    pub tie_break: Option<TieBreak>,
    /// Every member, in no order; [`Decision::ranked`] puts them into one.
    candidates: Vec<Candidate>,
    strategy: Strategy,
    sticky: Option<AgentId>,
}

/// Decides who is given a conversation.
///
/// 1. Who is not allocated to the channel (if it has agents of its own), does not belong to the division asked for, or is
///    an admin or supervisor that is allocated to neither by name, is left out; so is who is offline, away, full, or
///    holds it now.
/// 2. Who lost it to a time-out or a handover, or gave it back, is left out, unless nobody else remains.
/// 3. Of those who remain: the sticky agent; or by strategy. Least busy: fewest held, then longest since the last
///    assignment, then lowest id. Round robin: longest since the last assignment, then lowest id.
#[must_use]
pub fn decide(team: &Team, inquiry: &Inquiry) -> Decision {
    let mut candidates: Vec<Candidate> = team.iter().map(|member| candidate(team, member, inquiry)).collect();
    if candidates.iter().all(|one| one.left_out.is_some()) {
        readmit(&mut candidates, inquiry);
    }
    let (strategy, sticky) = (inquiry.strategy, inquiry.sticky_agent_id);
    let nobody = |candidates| Decision {
        outcome: Outcome::NotFound(Nobody(())),
        reason: DecisionReason::NobodyAvailable,
        tie_break: None,
        candidates,
        strategy,
        sticky,
    };
    let eligible = || candidates.iter().filter(|one| one.left_out.is_none());
    if let Some(winner) = eligible().find(|one| sticky == Some(one.agent_id)) {
        let outcome = Outcome::Found(Placement { agent: winner.agent_id });
        return Decision {
            outcome,
            reason: DecisionReason::StickyAgent,
            tie_break: None,
            candidates,
            strategy,
            sticky,
        };
    }
    let Some(first) = eligible().min_by(|a, b| compare(strategy, a, b)) else { return nobody(candidates) };
    let second =
        eligible().filter(|one| one.agent_id != first.agent_id).min_by(|a, b| compare(strategy, a, b));
    Decision {
        outcome: Outcome::Found(Placement { agent: first.agent_id }),
        reason: match strategy {
            Strategy::LeastBusy => DecisionReason::LeastBusy,
            Strategy::RoundRobin => DecisionReason::RoundRobin,
        },
        tie_break: Some(told_apart(strategy, first, second)),
        candidates,
        strategy,
        sticky,
    }
}

impl Decision {
    /// Who was chosen.
    #[must_use]
    pub fn winner(&self) -> Option<AgentId> {
        match self.outcome {
            Outcome::Found(placement) => Some(placement.agent()),
            Outcome::NotFound(_) => None,
        }
    }

    /// The first `most` candidates: the winner, the other eligible ones in the order of choice, then the others by reason
    /// and id. And those beyond, counted by reason. The agent that the customer was to return to is never beyond: people
    /// ask why it was not the one.
    #[must_use]
    pub fn ranked(&self, most: usize) -> (Vec<Candidate>, Vec<(Option<LeftOut>, usize)>) {
        let order = |a: &Candidate, b: &Candidate| {
            let by_rule = || match a.left_out {
                None => compare(self.strategy, a, b),
                Some(_) => a.agent_id.cmp(&b.agent_id),
            };
            let is_other = |one: &Candidate| self.winner() != Some(one.agent_id);
            is_other(a).cmp(&is_other(b)).then(a.left_out.cmp(&b.left_out)).then_with(by_rule)
        };
        let mut all = self.candidates.clone();
        let mut rest = Vec::new();
        if all.len() > most {
            all.select_nth_unstable_by(most, order);
            rest = all.split_off(most);
            let sticky = rest.iter_mut().find(|one| self.sticky == Some(one.agent_id));
            if let (Some(sticky), Some(last)) = (sticky, all.iter_mut().max_by(|a, b| order(a, b))) {
                std::mem::swap(sticky, last);
            }
        }
        all.sort_unstable_by(order);
        let mut omitted: Vec<(Option<LeftOut>, usize)> = Vec::new();
        for one in rest {
            match omitted.iter_mut().find(|(reason, _)| *reason == one.left_out) {
                Some((_, count)) => *count += 1,
                None => omitted.push((one.left_out, 1)),
            }
        }
        omitted.sort_unstable();
        (all, omitted)
    }

    /// A member, as it stood.
    #[must_use]
    pub fn candidate(&self, id: AgentId) -> Option<&Candidate> {
        self.candidates.iter().find(|one| one.agent_id == id)
    }

    /// Every member, in no order.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }
}

fn candidate(team: &Team, member: &Member, inquiry: &Inquiry) -> Candidate {
    Candidate {
        agent_id: member.id,
        left_out: left_out(team, member, inquiry),
        load: member.load,
        limit: member.limit(inquiry.max_conversations),
        last_assigned_at: member.last_assigned_at,
    }
}

fn left_out(team: &Team, member: &Member, inquiry: &Inquiry) -> Option<LeftOut> {
    let on_channel = member.channels.contains(&inquiry.channel_id);
    let in_division = inquiry.division_id.is_some_and(|division| member.divisions.contains(&division));
    if !on_channel && team.is_allocated(inquiry.channel_id) {
        Some(LeftOut::NotOnChannel)
    } else if inquiry.division_id.is_some() && !in_division {
        Some(LeftOut::NotInDivision)
    } else if member.role != Role::Agent && !on_channel && !in_division {
        Some(LeftOut::RoleExcluded)
    } else if !member.online {
        let away = member.availability == Availability::Away;
        Some(if away { LeftOut::Away } else { LeftOut::Offline })
    } else if inquiry.holder_id == Some(member.id) {
        Some(LeftOut::ExcludedPrevious)
    } else if !member.has_room(inquiry.max_conversations) {
        Some(LeftOut::AtCapacity)
    } else if inquiry.previous_holder_ids.contains(&member.id) {
        Some(LeftOut::ExcludedPrevious)
    } else {
        None
    }
}

/// Nobody else remains: those who had it before may have it again, but for who holds it now.
fn readmit(candidates: &mut [Candidate], inquiry: &Inquiry) {
    for one in candidates {
        if one.left_out == Some(LeftOut::ExcludedPrevious) && inquiry.holder_id != Some(one.agent_id) {
            one.left_out = None;
        }
    }
}

fn compare(strategy: Strategy, a: &Candidate, b: &Candidate) -> Ordering {
    let load = match strategy {
        Strategy::LeastBusy => a.load.cmp(&b.load),
        Strategy::RoundRobin => Ordering::Equal,
    };
    // `None`, never, is before every time.
    load.then(a.last_assigned_at.cmp(&b.last_assigned_at)).then(a.agent_id.cmp(&b.agent_id))
}

fn told_apart(strategy: Strategy, first: &Candidate, second: Option<&Candidate>) -> TieBreak {
    match second {
        None => TieBreak::OnlyCandidate,
        Some(second) if strategy == Strategy::LeastBusy && first.load != second.load => TieBreak::FewestHeld,
        Some(second) if first.last_assigned_at != second.last_assigned_at => TieBreak::LongestSinceAssignment,
        Some(_) => TieBreak::LowestId,
    }
}
