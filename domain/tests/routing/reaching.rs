//! What is out of reach nobody can take: the queue is looked through by that.

use domain::routing::{Inquiry, Reach, Strategy as Choice, decide};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::random::{at, id, inquiry, members, team};
use crate::sentences;

/// As a query reads it.
pub fn contains(reach: &Reach, asked: &Inquiry) -> bool {
    reach.places.iter().any(|place| {
        let channel = match place.channel {
            Some(channel) => channel == asked.channel_id,
            None => !reach.allocated.contains(&asked.channel_id),
        };
        let other = place.only.is_none() || place.only != asked.holder_id;
        channel && place.division == asked.division_id && other
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever somebody can take is in reach, and there is a slot for it.
    #[test]
    fn whatever_somebody_can_take_is_in_reach(members in members(6), asked in inquiry(6)) {
        let reach = team(&members).reach(asked.max_conversations);
        if !sentences::eligible(&members, &asked).is_empty() {
            prop_assert!(contains(&reach, &asked), "{reach:?}");
            prop_assert_ne!(reach.slots, Some(0));
        }
    }

    /// Where nobody has room nothing is in reach.
    #[test]
    fn where_nobody_has_room_nothing_is_in_reach(mut members in members(6), asked in inquiry(6)) {
        for member in &mut members {
            member.online &= member.max_conversations.or(asked.max_conversations).is_some_and(|limit| member.load < limit);
        }
        let nobody = members.iter().all(|member| !member.online);
        let reach = team(&members).reach(asked.max_conversations);
        prop_assert_eq!(reach.slots == Some(0), nobody);
        prop_assert!(!nobody || !contains(&reach, &asked));
    }

    /// No queue takes more slots than are counted, and one that is open to all takes exactly those.
    #[test]
    fn there_are_as_many_slots_as_conversations_find_somebody(
        members in members(6), queue in vec(inquiry(6), 30), limit in proptest::option::of(1..5_u32),
    ) {
        let mut now = team(&members);
        let slots = now.reach(limit).slots;
        let mut given = 0;
        for asked in queue {
            let asked = Inquiry { max_conversations: limit, ..asked };
            if let Some(winner) = decide(&now, &asked).winner() {
                now.give(winner, at(100));
                given += 1;
            }
        }
        prop_assert!(slots.is_none_or(|slots| given <= slots));
        let mut open = members;
        for member in &mut open {
            (member.role, member.channels) = (domain::agent::Role::Agent, Vec::new());
        }
        let mut now = team(&open);
        let unlimited = open.iter().any(|one| one.online && one.max_conversations.or(limit).is_none());
        let slots = now.reach(limit).slots;
        prop_assert_eq!(slots.is_none(), unlimited);
        let asked = Inquiry {
            channel_id: id(1), division_id: None, holder_id: None, previous_holder_ids: Vec::new(),
            sticky_agent_id: None, strategy: Choice::RoundRobin, max_conversations: limit,
        };
        for _ in 0..slots.unwrap_or(0) {
            let winner = decide(&now, &asked).winner();
            prop_assert!(winner.is_some());
            winner.into_iter().for_each(|winner| now.give(winner, at(100)));
        }
        prop_assert_eq!(decide(&now, &asked).winner().is_some(), unlimited);
    }
}
