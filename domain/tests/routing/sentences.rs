//! The rules of routing once more, sentence by sentence, and as slow as they read.

use domain::agent::{Availability, Role};
use domain::id::AgentId;
use domain::routing::{DecisionReason, Inquiry, LeftOut, Member, Strategy, TieBreak};

/// Why a member is left out, and when that is so.
type Sentence = (LeftOut, fn(&[Member], &Member, &Inquiry) -> bool);

/// The first that holds is the reason.
const SENTENCES: [Sentence; 8] = [
    // A channel with no allocated agents is open to all; any other is for those allocated to it.
    (LeftOut::NotOnChannel, |team, member, asked| {
        team.iter().any(|one| one.channels.contains(&asked.channel_id))
            && !member.channels.contains(&asked.channel_id)
    }),
    // If a division was asked for, it is for the division's members.
    (LeftOut::NotInDivision, |_, member, asked| match asked.division_id {
        Some(division) => !member.divisions.contains(&division),
        None => false,
    }),
    // Admins and supervisors receive automatic assignments only if allocated to the channel or division by name.
    (LeftOut::RoleExcluded, |_, member, asked| {
        let by_channel = member.channels.contains(&asked.channel_id);
        let by_division = match asked.division_id {
            Some(division) => member.divisions.contains(&division),
            None => false,
        };
        [Role::Admin, Role::Supervisor].contains(&member.role) && !(by_channel || by_division)
    }),
    (LeftOut::Away, |_, member, _| !member.online && member.availability == Availability::Away),
    (LeftOut::Offline, |_, member, _| !member.online),
    // Who is to be relieved of it does not get it.
    (LeftOut::ExcludedPrevious, |_, member, asked| asked.holder_id == Some(member.id)),
    // An automatic assignment never lifts an agent above the limit: its own, or else the workspace's.
    (LeftOut::AtCapacity, |_, member, asked| match (member.max_conversations, asked.max_conversations) {
        (Some(own), _) => member.load + 1 > own,
        (None, Some(general)) => member.load + 1 > general,
        (None, None) => false,
    }),
    // Who lost it to a time-out does not get it back, ...
    (LeftOut::ExcludedPrevious, |_, member, asked| asked.previous_holder_ids.contains(&member.id)),
];

/// Why each member is left out, in the order of the team.
pub fn left_out(team: &[Member], asked: &Inquiry) -> Vec<Option<LeftOut>> {
    let first = |member: &Member| SENTENCES.iter().find(|(_, holds)| holds(team, member, asked));
    let reasons: Vec<_> = team.iter().map(|member| first(member).map(|(reason, _)| *reason)).collect();
    if reasons.contains(&None) {
        return reasons;
    }
    // ... while anybody else can take it.
    let only_for_that = |member: &Member| {
        let holding: Vec<usize> =
            (0..SENTENCES.len()).filter(|n| SENTENCES[*n].1(team, member, asked)).collect();
        holding == [SENTENCES.len() - 1]
    };
    reasons.into_iter().zip(team).map(|(reason, member)| reason.filter(|_| !only_for_that(member))).collect()
}

/// Who can take it.
pub fn eligible<'a>(team: &'a [Member], asked: &Inquiry) -> Vec<&'a Member> {
    let reasons = left_out(team, asked);
    team.iter().zip(reasons).filter(|(_, reason)| reason.is_none()).map(|(member, _)| member).collect()
}

/// For how long a member has not been given one; who never was has waited longest.
fn idle(member: &Member) -> i64 {
    member.last_assigned_at.map_or(i64::MAX, |last| i64::MAX / 2 - last.unix_micros())
}

/// What puts one before the other, if anything but the id does not.
fn precedes(strategy: Strategy, one: &Member, other: &Member) -> (bool, TieBreak) {
    if strategy == Strategy::LeastBusy && one.load != other.load {
        (one.load < other.load, TieBreak::FewestHeld)
    } else if idle(one) != idle(other) {
        (idle(one) > idle(other), TieBreak::LongestSinceAssignment)
    } else {
        (one.id < other.id, TieBreak::LowestId)
    }
}

/// The one of these that comes before all others.
fn first<'a>(strategy: Strategy, of: &[&'a Member]) -> Option<&'a Member> {
    of.iter().copied().find(|one| {
        of.iter().filter(|other| other.id != one.id).all(|other| precedes(strategy, one, other).0)
    })
}

/// The winner, and why; what told it from the next in line.
pub fn outcome(team: &[Member], asked: &Inquiry) -> (Option<AgentId>, DecisionReason, Option<TieBreak>) {
    let eligible = eligible(team, asked);
    let sticky = eligible.iter().find(|one| Some(one.id) == asked.sticky_agent_id);
    if let Some(sticky) = sticky {
        return (Some(sticky.id), DecisionReason::StickyAgent, None);
    }
    let Some(winner) = first(asked.strategy, &eligible) else {
        return (None, DecisionReason::NobodyAvailable, None);
    };
    let others: Vec<&Member> = eligible.into_iter().filter(|one| one.id != winner.id).collect();
    let tie_break = match first(asked.strategy, &others) {
        Some(next) => precedes(asked.strategy, winner, next).1,
        None => TieBreak::OnlyCandidate,
    };
    let reason = match asked.strategy {
        Strategy::LeastBusy => DecisionReason::LeastBusy,
        Strategy::RoundRobin => DecisionReason::RoundRobin,
    };
    (Some(winner.id), reason, Some(tie_break))
}
