//! What is kept of a decision explains it, and it can be decided again from that alone.

use domain::agent::{Availability, Role};
use domain::id::AgentId;
use domain::routing::{Candidate, Decision, Inquiry, LeftOut, Member, Team, decide};
use proptest::prelude::*;

use crate::random::{inquiry, members, team};

/// How many candidates are kept.
const KEPT: usize = 200;

/// A member as far as a stored candidate says: who was left out for what it is or where it works is left out again, and of
/// the others only numbers decide.
fn again(candidate: &Candidate, asked: &Inquiry) -> Member {
    let absent = matches!(
        candidate.left_out,
        Some(
            LeftOut::NotOnChannel
                | LeftOut::NotInDivision
                | LeftOut::RoleExcluded
                | LeftOut::Offline
                | LeftOut::Away
        )
    );
    Member {
        id: candidate.agent_id,
        role: Role::Agent,
        availability: if absent { Availability::Offline } else { Availability::Online },
        online: !absent,
        max_conversations: candidate.limit,
        channels: vec![asked.channel_id],
        divisions: asked.division_id.into_iter().collect(),
        load: candidate.load,
        last_assigned_at: candidate.last_assigned_at,
    }
}

fn decided_again(kept: &[Candidate], asked: &Inquiry) -> Decision {
    let members: Vec<Member> = kept.iter().map(|candidate| again(candidate, asked)).collect();
    decide(&team(&members), asked)
}

/// Members of a team of a thousand, and a question to it.
fn thousand() -> impl Strategy<Value = (Vec<Member>, Inquiry)> {
    let often_plain = prop_oneof![Just(true), Just(false)];
    (proptest::collection::vec(crate::random::member(), 1000), inquiry(1000), often_plain).prop_map(
        |(mut members, asked, plain)| {
            for (number, member) in (1..).zip(&mut members) {
                member.id = crate::random::id(number);
                if plain {
                    // Otherwise hardly ever more than two hundred could take it.
                    (member.role, member.online, member.availability) =
                        (Role::Agent, true, Availability::Online);
                    member.channels = vec![asked.channel_id];
                    member.divisions = asked.division_id.into_iter().collect();
                }
            }
            (members, asked)
        },
    )
}

fn check(whole: &Team, asked: &Inquiry, most: usize) -> Result<(), TestCaseError> {
    let decision = decide(whole, asked);
    let (kept, omitted) = decision.ranked(most);
    // Everybody is there once, named or counted.
    prop_assert_eq!(kept.len(), whole.len().min(most));
    for reason in LeftOut::ALL.iter().copied().map(Some).chain([None]) {
        let all = decision.candidates().iter().filter(|one| one.left_out == reason).count();
        let named = kept.iter().filter(|one| one.left_out == reason).count();
        let counted: Vec<usize> =
            omitted.iter().filter(|(other, _)| *other == reason).map(|(_, n)| *n).collect();
        prop_assert!(counted.len() <= 1 && !counted.contains(&0));
        prop_assert_eq!(all, named + counted.iter().sum::<usize>());
    }
    for one in &kept {
        prop_assert!(decision.candidates().contains(one));
    }
    // The winner is first, then who can, then who cannot; and the agent that was asked for is named.
    let named: Vec<AgentId> = kept.iter().map(|one| one.agent_id).collect();
    prop_assert!(decision.winner().is_none_or(|winner| named.first() == Some(&winner)));
    prop_assert!(kept.is_sorted_by_key(|one| one.left_out));
    if let Some(sticky) = asked.sticky_agent_id.filter(|one| whole.get(*one).is_some()) {
        prop_assert!(named.contains(&sticky));
    }
    let second = decided_again(&kept, asked);
    prop_assert_eq!(second.winner(), decision.winner());
    prop_assert_eq!((second.reason, second.tie_break), (decision.reason, decision.tie_break));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Of a small team, also when little is kept: the winner, the next in line, and one more.
    #[test]
    fn a_decision_can_be_made_again_from_what_is_kept(members in members(8), asked in inquiry(8), most in 3..9_usize) {
        check(&team(&members), &asked, most)?;
    }

    /// Those behind the winner are named in the order in which they would be chosen.
    #[test]
    fn candidates_are_ranked_as_they_would_be_chosen(members in members(8), mut asked in inquiry(8)) {
        asked.previous_holder_ids.clear();
        let mut rest = team(&members);
        let (kept, _) = decide(&rest, &asked).ranked(KEPT);
        // Who leaves must not open the channel to others.
        let stays = members.iter().find(|one| one.channels.contains(&asked.channel_id)).cloned();
        for one in kept.iter().filter(|one| one.left_out.is_none()) {
            prop_assert_eq!(decide(&rest, &asked).winner(), Some(one.agent_id));
            rest.remove(one.agent_id);
            for member in stays.iter().filter(|member| member.id == one.agent_id) {
                rest.insert(Member { online: false, ..member.clone() });
            }
        }
        prop_assert_eq!(decide(&rest, &asked).winner(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Of a team of a thousand two hundred are kept.
    #[test]
    fn a_decision_of_a_thousand_can_be_made_again_from_two_hundred((members, asked) in thousand()) {
        check(&team(&members), &asked, KEPT)?;
    }
}
