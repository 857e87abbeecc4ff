//! Over many conversations everybody who is there all the time gets a share.

use std::collections::BTreeMap;

use domain::agent::{Availability, Role};
use domain::id::AgentId;
use domain::routing::{Inquiry, Member, Strategy as Choice, Team, decide};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::random::{at, id, team};

fn asked(strategy: Choice) -> Inquiry {
    Inquiry {
        channel_id: id(1),
        division_id: None,
        holder_id: None,
        previous_holder_ids: Vec::new(),
        sticky_agent_id: None,
        strategy,
        max_conversations: None,
    }
}

prop_compose! {
    /// Agents who are there, each with so many conversations, and last assignments, some at the same instant.
    fn present(most: u32)(past in vec((0..=most, proptest::option::of(0..3_i64)), 1..7)) -> Vec<Member> {
        (1..).zip(past).map(|(number, (load, last_assigned))| Member {
            id: id(number), role: Role::Agent, availability: Availability::Online, online: true, max_conversations: None,
            channels: Vec::new(), divisions: Vec::new(), load, last_assigned_at: last_assigned.map(at),
        }).collect()
    }
}

/// What the clock shows at each conversation: it may stand still, and go back.
fn clock() -> impl Strategy<Value = Vec<i64>> {
    prop_oneof![vec(0..5_i64, 1..40), Just(vec![1; 30])]
}

fn give(team: &mut Team, strategy: Choice, clock: i64) -> AgentId {
    let winner = decide(team, &asked(strategy)).winner().unwrap();
    let turn = team.next_turn(at(clock));
    team.give(winner, turn);
    winner
}

fn spread(team: &Team) -> u32 {
    let loads = || team.iter().map(|member| member.load);
    loads().max().unwrap_or(0) - loads().min().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// From equal loads, nobody ever has two more than another; from unequal ones, the difference never grows.
    #[test]
    fn least_busy_keeps_loads_together(members in present(4), clock in clock()) {
        let mut team = team(&members);
        let mut before = spread(&team);
        for shown in clock {
            give(&mut team, Choice::LeastBusy, shown);
            let now = spread(&team);
            prop_assert!(now <= before.max(1), "{before}, then {now}");
            before = now;
        }
    }

    /// Whatever is resolved meanwhile, nobody is given one who has more than another.
    #[test]
    fn least_busy_gives_to_who_has_least(members in present(3), steps in vec((0..5_i64, 0..7_usize), 1..30)) {
        let mut team = team(&members);
        for (shown, resolves) in steps {
            let least = team.iter().map(|member| member.load).min();
            let held: BTreeMap<_, _> = team.iter().map(|member| (member.id, member.load)).collect();
            let winner = give(&mut team, Choice::LeastBusy, shown);
            prop_assert_eq!(held.get(&winner).copied(), least);
            team.take(members[resolves % members.len()].id);
        }
    }

    /// Everybody gets one before anybody gets two, in the same order each time, whatever they hold and whatever is resolved.
    #[test]
    fn round_robin_goes_round(members in present(4), clock in clock(), resolves in 0..7_usize) {
        let mut team = team(&members);
        let mut given: Vec<AgentId> = Vec::new();
        for shown in clock {
            given.push(give(&mut team, Choice::RoundRobin, shown));
            team.take(members[resolves % members.len()].id);
            let count = |id: AgentId| given.iter().filter(|one| **one == id).count();
            let counts: Vec<usize> = members.iter().map(|member| count(member.id)).collect();
            prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
        }
        for (one, next) in given.iter().zip(given.iter().skip(members.len())) {
            prop_assert_eq!(one, next);
        }
    }
}
