//! What holds at every moment, of every decision, and whenever the router has done its work.

use domain::conversation::State;
use domain::routing::Team;
use domain::timer::{TimerKind, TimerState, running};

use super::router::Verdict;
use super::world::World;
use crate::sentences;

/// At every moment.
pub fn always(world: &World) {
    for conversation in world.conversations.values() {
        let (id, held) = (conversation.id, conversation.assignee());
        assert_eq!(
            world.ledger.holders.get(&id).copied(),
            held,
            "the ticket has the conversation's holder, and no other"
        );
        let lost: Vec<_> = world.ledger.lost.get(&id).into_iter().flatten().copied().collect();
        let mut previous = conversation.previous_holders.clone();
        previous.sort_unstable();
        assert_eq!(previous, lost, "who had it is remembered until it is answered");
        let rules = world.configuration.timer_rules(conversation.channel_id);
        let wanted = running(conversation, rules);
        let kept: Vec<_> =
            world.timers.iter().filter(|((of, _), _)| *of == id).map(|(_, (timer, _))| *timer).collect();
        assert_eq!(kept.len(), wanted.len(), "{kept:?}, {wanted:?}");
        assert!(wanted.iter().all(|timer| kept.contains(timer)), "{kept:?}, {wanted:?}");
        assert!(conversation.session().is_some() || kept.is_empty(), "a resolved one has timers");
        if let State::Held { assignee, .. } = conversation.state {
            assert!(world.member(assignee).is_some(), "the holder has left");
        }
    }
}

/// Of every decision, before it is carried out.
pub fn decided(world: &World, verdict: &Verdict) {
    let Verdict { conversation, since, need, inquiry, decision, seen } = verdict;
    assert_eq!(decision.winner(), sentences::outcome(seen, inquiry).0, "the right one wins");
    let Some(winner) = decision.winner() else { return };
    let member = world.member(winner).unwrap();
    let limit = member.max_conversations.or(world.configuration.settings.max_conversations_per_agent);
    assert!(limit.is_none_or(|limit| member.load < limit), "an automatic assignment exceeds the limit");
    assert!(member.online && world.configuration.settings.assignment_enabled);

    // Whoever has waited longer and could have been given to the winner was.
    let longer = world.conversations.values().filter(|other| match other.state {
        State::Waiting { since: other_since, .. } => {
            other.id != conversation.id
                && other.archived_at.is_none()
                && world.configuration.assigns()
                && (other_since, other.id) < (*since, conversation.id)
        }
        State::Held { .. } | State::Resolved => false,
    });
    for other in longer {
        let asked = world.inquiry(other);
        let could = sentences::eligible(seen, &asked).iter().any(|one| one.id == winner);
        assert!(!could, "{:?} was passed over by {:?}", other.id, conversation.id);
    }

    // It does not go back and forth.
    let lost = world.ledger.lost.get(&conversation.id);
    if lost.is_some_and(|lost| lost.contains(&winner)) {
        let could = sentences::eligible(seen, inquiry);
        let others = could.iter().filter(|one| lost.is_none_or(|lost| !lost.contains(&one.id))).count();
        assert_eq!(others, 0, "it goes back although others could take it");
    }
    if need.is_kept {
        let rules = world.configuration.timer_rules(conversation.channel_id);
        let (moved, latest) = world.ledger.moved_at[&conversation.id];
        let waits = latest.since(moved.max(conversation.unanswered_since.unwrap()));
        assert!(waits >= rules.unanswered_transfer.unwrap(), "it moves again after {waits}");
    }
}

/// When there is nothing left to do.
pub fn settled(world: &World) {
    let members = world.members();
    let eligible = |asked| sentences::eligible(&members, &asked);
    for conversation in world.conversations.values() {
        match conversation.state {
            State::Waiting { decided, .. }
                if conversation.archived_at.is_none() && world.configuration.assigns() =>
            {
                assert!(decided, "it waits, and nothing says why: {conversation:?}");
                let could = eligible(world.inquiry(conversation));
                assert!(could.is_empty(), "it waits although {could:?} could take it: {conversation:?}");
            }
            State::Held { assignee, .. } => {
                let timer = world.timers.get(&(conversation.id, TimerKind::UnansweredTransfer));
                if let Some((_, state)) = timer.filter(|(timer, _)| timer.due_at <= world.now) {
                    assert_eq!(*state, TimerState::Blocked);
                    let could = eligible(world.inquiry(conversation));
                    assert!(
                        could.is_empty(),
                        "it is kept although {could:?} could take it: {conversation:?}"
                    );
                }
                let gone = world.member(assignee).is_some_and(|member| member.is_gone());
                let watched = world.handovers.get(&assignee);
                assert_eq!(watched.is_some(), gone && world.configuration.hands_over(), "{assignee:?}");
                assert!(
                    watched.is_none_or(|timer| timer.due_at > world.now),
                    "not handed over: {conversation:?}"
                );
                let grace = world.configuration.handover_after();
                assert_eq!(watched.map(|timer| timer.due_at.since(timer.since)), grace.filter(|_| gone));
            }
            State::Waiting { .. } | State::Resolved => {}
        }
    }
    // What is remembered is what is so.
    if let Some(memory) = &world.memory {
        assert!(memory.iter().eq(&members), "{:?}\n{members:?}", memory.iter().collect::<Vec<_>>());
        let mut now = Team::default();
        members.iter().for_each(|member| now.insert(member.clone()));
        let limit = world.configuration.settings.max_conversations_per_agent;
        assert_eq!(memory.reach(limit).slots, now.reach(limit).slots);
    }
}
