//! Random teams and questions: few channels, divisions, loads and times, so that they often meet.

use chrono::TimeDelta;
use domain::agent::{Availability, Role};
use domain::routing::{Inquiry, Member, Strategy as Choice, Team};
use domain::time::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

/// The thing with this number.
pub fn id<Id: From<Uuid>>(number: u128) -> Id {
    Uuid::from_u128(number).into()
}

/// So many seconds after some day.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_795_160_000).unwrap().plus(TimeDelta::seconds(seconds))
}

/// A few of the three things of a kind.
fn some<Id: From<Uuid> + std::fmt::Debug>() -> impl Strategy<Value = Vec<Id>> {
    proptest::sample::subsequence(vec![1_u128, 2, 3], 0..=2)
        .prop_map(|numbers| numbers.into_iter().map(id).collect())
}

/// What members say, and whether they count as online.
pub fn presence() -> impl Strategy<Value = (Availability, bool)> {
    prop_oneof![
        6 => Just((Availability::Online, true)),
        1 => Just((Availability::Online, false)),
        1 => Just((Availability::Away, false)),
        1 => Just((Availability::Offline, false)),
    ]
}

/// A role; most are agents.
pub fn role() -> impl Strategy<Value = Role> {
    prop_oneof![4 => Just(Role::Agent), 1 => Just(Role::Supervisor), 1 => Just(Role::Admin)]
}

prop_compose! {
    /// A member; its id is not its own yet.
    pub fn member()(
        role in role(), (availability, online) in presence(), max_conversations in option::weighted(0.3, 1..4_u32),
        channels in prop_oneof![2 => Just(Vec::new()), 1 => some()], divisions in some(), load in 0..4_u32,
        last_assigned in option::weighted(0.8, 0..4_i64),
    ) -> Member {
        Member {
            id: id(0), role, availability, online, max_conversations, channels, divisions, load,
            last_assigned_at: last_assigned.map(at),
        }
    }
}

/// Up to so many members, with the ids 1, 2, 3 ...
pub fn members(most: usize) -> impl Strategy<Value = Vec<Member>> {
    vec(member(), 0..=most).prop_map(|members| {
        (1..).zip(members).map(|(number, member)| Member { id: id(number), ..member }).collect()
    })
}

prop_compose! {
    /// A question to a team of at most `most`, whose members it names.
    pub fn inquiry(most: u128)(
        channel in 1..=3_u128, division in option::weighted(0.4, 1..=3_u128), holder in option::weighted(0.4, 1..=most),
        previous in vec(1..=most, 0..4), sticky in option::weighted(0.4, 1..=most), strategy in select(Choice::ALL),
        max_conversations in option::weighted(0.6, 1..5_u32),
    ) -> Inquiry {
        Inquiry {
            channel_id: id(channel), division_id: division.map(id), holder_id: holder.map(id),
            previous_holder_ids: previous.into_iter().map(id).collect(), sticky_agent_id: sticky.map(id), strategy,
            max_conversations,
        }
    }
}

/// A team of these.
pub fn team(members: &[Member]) -> Team {
    let mut team = Team::default();
    members.iter().for_each(|member| team.insert(member.clone()));
    team
}
