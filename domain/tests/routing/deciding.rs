//! One decision.

use std::collections::BTreeMap;

use domain::agent::Availability;
use domain::routing::{Member, decide};
use proptest::prelude::*;

use crate::random::{id, inquiry, member, members, team};
use crate::sentences;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Each member is left out for the one right reason, the right one wins, and what is said of it is true.
    #[test]
    fn is_what_the_sentences_say(members in members(8), asked in inquiry(8)) {
        let decision = decide(&team(&members), &asked);
        let reasons: BTreeMap<_, _> = members.iter().map(|one| one.id).zip(sentences::left_out(&members, &asked)).collect();
        let given: BTreeMap<_, _> = decision.candidates().iter().map(|one| (one.agent_id, one.left_out)).collect();
        prop_assert_eq!(decision.candidates().len(), members.len());
        prop_assert_eq!(given, reasons);
        let (winner, reason, tie_break) = sentences::outcome(&members, &asked);
        prop_assert_eq!((decision.winner(), decision.reason, decision.tie_break), (winner, reason, tie_break));
        for one in decision.candidates() {
            let member = members.iter().find(|member| member.id == one.agent_id).unwrap();
            prop_assert_eq!(one.load, member.load);
            prop_assert_eq!(one.limit, member.max_conversations.or(asked.max_conversations));
            prop_assert_eq!(one.last_assigned_at, member.last_assigned_at);
        }
    }

    /// Who is asked for by name wins if it can, and never otherwise.
    #[test]
    fn the_sticky_agent_wins_if_and_only_if_it_can(members in members(8), asked in inquiry(8)) {
        let Some(sticky) = asked.sticky_agent_id else { return Ok(()) };
        let decision = decide(&team(&members), &asked);
        let can = decision.candidates().iter().any(|one| one.agent_id == sticky && one.left_out.is_none());
        prop_assert_eq!(can, sentences::eligible(&members, &asked).iter().any(|one| one.id == sticky));
        if can {
            prop_assert_eq!(decision.winner(), Some(sticky));
        } else {
            prop_assert_ne!(decision.winner(), Some(sticky));
        }
    }

    /// Who holds it is never given it; who had it before only if nobody else can take it.
    #[test]
    fn the_holder_never_gets_it_and_previous_ones_last(members in members(8), asked in inquiry(8)) {
        let Some(winner) = decide(&team(&members), &asked).winner() else { return Ok(()) };
        prop_assert_ne!(Some(winner), asked.holder_id);
        if asked.previous_holder_ids.contains(&winner) {
            let others = members.iter().filter(|one| !asked.previous_holder_ids.contains(&one.id)).cloned();
            let mut with_fresh: Vec<Member> = others.collect();
            // The channel stays what it is for those who are left.
            with_fresh.extend(members.iter().filter(|one| asked.previous_holder_ids.contains(&one.id)).map(|one| {
                Member { availability: Availability::Offline, online: false, ..one.clone() }
            }));
            prop_assert!(sentences::eligible(&with_fresh, &asked).is_empty());
        }
    }

    /// The same question to the same team has the same answer, however the team came together.
    #[test]
    fn does_not_depend_on_the_order_or_the_past_of_the_team(
        (members, shuffled) in members(8).prop_flat_map(|members| (Just(members.clone()), Just(members).prop_shuffle())),
        gone in proptest::collection::vec(member(), 0..3), asked in inquiry(8),
    ) {
        let mut other = team(&shuffled);
        for (number, one) in (5..).zip(gone) {
            let before = other.get(id(number)).cloned();
            other.insert(Member { id: id(number), ..one });
            other.remove(id(number));
            before.into_iter().for_each(|member| other.insert(member));
        }
        prop_assert_eq!(decide(&other, &asked), decide(&team(&members), &asked));
    }

    /// One member more who cannot take it changes nothing for the others; one who can may win, or changes nothing.
    #[test]
    fn others_do_not_change_because_somebody_joins(members in members(7), one in member(), asked in inquiry(8)) {
        let one = Member { id: id(8), ..one };
        let opens = |member: &Member| member.channels.contains(&asked.channel_id);
        prop_assume!(!opens(&one) || members.iter().any(opens));
        let (without, mut all) = (decide(&team(&members), &asked), members);
        all.push(one);
        let with = decide(&team(&all), &asked);
        let joined = with.candidates().iter().find(|candidate| candidate.agent_id == id(8)).unwrap();
        if joined.left_out.is_some() {
            prop_assert_eq!(with.winner(), without.winner());
            prop_assert_eq!((with.reason, with.tie_break), (without.reason, without.tie_break));
            let others: Vec<_> = with.candidates().iter().filter(|one| one.agent_id != id(8)).copied().collect();
            prop_assert_eq!(&others[..], without.candidates());
        } else {
            prop_assert!(with.winner() == without.winner() || with.winner() == Some(id(8)));
        }
    }

    /// Who could take it and leaves without having been chosen changes nothing either.
    #[test]
    fn the_winner_does_not_depend_on_those_who_lose(members in members(8), asked in inquiry(8), leaves in 1..=8_u128) {
        let decision = decide(&team(&members), &asked);
        let rest: Vec<Member> = members.iter().filter(|one| one.id != id(leaves)).cloned().collect();
        let opens = |member: &Member| member.channels.contains(&asked.channel_id);
        prop_assume!(members.iter().any(opens) == rest.iter().any(opens));
        prop_assume!(decision.winner() != Some(id(leaves)));
        prop_assert_eq!(decide(&team(&rest), &asked).winner(), decision.winner());
    }
}
