//! The remembered team is what was told of it.

use std::collections::BTreeMap;

use domain::id::{AgentId, ChannelId};
use domain::routing::{Member, Team};
use domain::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::random::{at, id, member};

/// Something that is told of a team.
#[derive(Debug, Clone)]
enum Told {
    Insert(u128, Member),
    Remove(u128),
    /// Somebody is given a conversation while the clock shows this.
    Give(u128, i64),
    Take(u128),
    /// Somebody was given one, who is not here.
    Turn(i64),
}

fn told() -> impl Strategy<Value = Told> {
    let who = 1..=4_u128;
    prop_oneof![
        (who.clone(), member()).prop_map(|(who, member)| Told::Insert(who, member)),
        who.clone().prop_map(Told::Remove),
        (who.clone(), 0..10_i64).prop_map(|(who, clock)| Told::Give(who, clock)),
        who.prop_map(Told::Take),
        (0..10_i64).prop_map(Told::Turn),
    ]
}

/// Tells both the team and a plain list.
fn tell(team: &mut Team, list: &mut BTreeMap<AgentId, Member>, turns: &mut Vec<Timestamp>, told: Told) {
    match told {
        Told::Insert(who, member) => {
            let member = Member { id: id(who), ..member };
            team.insert(member.clone());
            turns.extend(member.last_assigned_at);
            list.insert(member.id, member);
        }
        Told::Remove(who) => {
            team.remove(id(who));
            list.remove(&id(who));
        }
        Told::Give(who, clock) => {
            let turn = team.next_turn(at(clock));
            // Later than every turn before, and not before its time.
            assert!(turn >= at(clock) && turns.iter().all(|before| *before < turn), "{turn} in {turns:?}");
            // Later, but no later than it takes.
            assert!(
                turn == at(clock)
                    || turns.iter().any(|before| before.unix_micros() + 1 == turn.unix_micros())
            );
            team.give(id(who), turn);
            turns.push(turn);
            if let Some(member) = list.get_mut(&id(who)) {
                member.load += 1;
                member.last_assigned_at = Some(turn);
            }
        }
        Told::Turn(clock) => {
            team.note_turn(Some(at(clock)));
            turns.push(at(clock));
        }
        Told::Take(who) => {
            team.take(id(who));
            if let Some(member) = list.get_mut(&id(who)).filter(|member| member.load > 0) {
                member.load -= 1;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Members, their loads, which channels have agents of their own, and the order of turns, whatever the clock does.
    #[test]
    fn is_what_it_was_told(steps in vec(told(), 1..40)) {
        let (mut team, mut list, mut turns) = (Team::default(), BTreeMap::new(), Vec::new());
        for step in steps {
            tell(&mut team, &mut list, &mut turns, step);
            prop_assert!(team.iter().eq(list.values()));
            prop_assert_eq!((team.len(), team.is_empty()), (list.len(), list.is_empty()));
            for number in 1..=4 {
                prop_assert_eq!(team.get(id(number)), list.get(&id(number)));
                let channel: ChannelId = id(number);
                let has_agents = list.values().any(|member| member.channels.contains(&channel));
                prop_assert_eq!(team.is_allocated(channel), has_agents);
            }
        }
    }
}
