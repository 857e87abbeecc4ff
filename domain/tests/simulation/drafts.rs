//! What other settings make of histories that can be told by heart.

use domain::id::AgentId;
use domain::routing::Configuration;
use domain::routing::simulation::{Approximation, Difference, History, Outcome, simulate};
use domain::routing::{Strategy, Trigger};

use super::reality::{Reality, agent, at, configuration, conversation, settings, sticky};

fn free() -> Configuration {
    configuration(settings())
}

fn limited(limit: u32) -> Configuration {
    let mut settings = settings();
    settings.max_conversations_per_agent = Some(limit);
    configuration(settings)
}

fn transferred_after(minutes: u32) -> Configuration {
    let mut settings = settings();
    settings.unanswered_transfer_minutes = Some(minutes);
    configuration(settings)
}

fn try_out(history: &History, live: &Configuration, draft: &Configuration) -> Outcome {
    simulate(history, live, draft, 200).0
}

/// Conversation, seconds, who really has it, who has it in the simulation.
type Told = (usize, i64, Option<AgentId>, Option<AgentId>);

fn told(outcome: &Outcome) -> Vec<Told> {
    let number = |one: &Difference| (0..99).find(|n| conversation(*n) == one.conversation_id).unwrap();
    let seconds = |one: &Difference| one.at.since(at(0)).num_seconds();
    outcome.differences.iter().map(|one| (number(one), seconds(one), one.really, one.simulated)).collect()
}

#[test]
fn a_lower_limit_makes_the_second_wait_for_the_first() {
    let mut reality = Reality::new(free(), 1, 2);
    reality.write(0);
    reality.pass(10);
    reality.write(1);
    reality.pass(50);
    reality.resolve(0);
    reality.pass(40);
    reality.resolve(1);
    let outcome = try_out(&reality.history(), &free(), &limited(1));
    let me = Some(agent(0));
    assert_eq!(told(&outcome), [(1, 10, me, None)]);
    assert_eq!((outcome.simulated.assigned, outcome.simulated.unassigned), (2, 0));
    // Of 0 and 50 seconds, by nearest rank.
    assert_eq!(outcome.simulated.waited.median_seconds, Some(0));
    assert_eq!(outcome.simulated.waited.p95_seconds, Some(50));
    assert_eq!(outcome.real.waited.p95_seconds, Some(0));
}

#[test]
fn it_is_held_as_long_as_it_was_and_then_the_next_has_its_turn() {
    let mut reality = Reality::new(free(), 1, 3);
    for thread in 0..3 {
        reality.write(thread);
        reality.pass(1);
    }
    reality.pass(97);
    for thread in 0..3 {
        reality.resolve(thread);
    }
    reality.pass(300);
    // Held for 100, 99 and 98 seconds: one after the other from 0, 100 and 199.
    let outcome = try_out(&reality.history(), &free(), &limited(1));
    let me = Some(agent(0));
    assert_eq!(told(&outcome), [(1, 1, me, None), (2, 2, me, None), (1, 100, None, me), (2, 199, None, me)]);
    assert_eq!(outcome.simulated.waited.p95_seconds, Some(197));
}

#[test]
fn a_higher_limit_gives_out_at_once_what_waited() {
    let mut reality = Reality::new(limited(1), 1, 2);
    reality.write(0);
    reality.pass(10);
    reality.write(1);
    reality.pass(50);
    reality.resolve(0);
    reality.pass(100);
    let (history, me) = (reality.history(), Some(agent(0)));
    let outcome = try_out(&history, &limited(1), &free());
    // When it is really given, it is where it is.
    assert_eq!(told(&outcome), [(1, 10, None, me)]);
    assert_eq!(outcome.simulated.waited.p95_seconds, Some(0));
    assert_eq!(outcome.real.waited.p95_seconds, Some(50));
}

#[test]
fn who_takes_by_hand_what_has_been_given_does_not_get_it() {
    let mut reality = Reality::new(limited(1), 2, 4);
    for thread in 0..3 {
        reality.write(thread);
    }
    reality.pass(10);
    // The third waits; the agent 0 takes it, and so holds two.
    reality.hand_to(2, agent(0));
    reality.pass(10);
    reality.resolve(2);
    reality.pass(10);
    reality.write(3);
    let outcome = try_out(&reality.history(), &limited(1), &limited(2));
    assert_eq!(told(&outcome)[0], (2, 0, None, Some(agent(0))));
    // Held for ten seconds from its own beginning, not from the taking: by 20 it is gone in both.
    assert_eq!(told(&outcome)[1..], [(3, 30, None, Some(agent(0)))]);
    assert_eq!((outcome.simulated.unassigned, outcome.real.unassigned), (0, 1));
}

#[test]
fn what_waits_in_the_simulation_is_taken_by_hand_as_it_was() {
    let mut reality = Reality::new(free(), 2, 2);
    reality.write(0);
    reality.pass(10);
    reality.hand_to(0, agent(1));
    reality.pass(10);
    let mut nobody = free();
    nobody.settings.auto_assign = false;
    let outcome = try_out(&reality.history(), &free(), &nobody);
    assert_eq!(told(&outcome), [(0, 0, Some(agent(0)), None)]);
    assert_eq!((outcome.simulated.assigned, outcome.simulated.unassigned), (0, 0));
}

#[test]
fn nothing_is_given_out_while_nothing_is_assigned() {
    let mut reality = Reality::new(free(), 2, 2);
    reality.write(0);
    reality.write(1);
    reality.pass(3600);
    let mut off = free();
    off.settings.assignment_enabled = false;
    let outcome = try_out(&reality.history(), &free(), &off);
    assert_eq!((outcome.simulated.assigned, outcome.simulated.unassigned), (0, 2));
    assert_eq!((outcome.real.assigned, outcome.real.unassigned), (2, 0));
    assert_eq!(outcome.per_agent.iter().map(|one| one.really_assigned).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn the_other_strategy_gives_to_the_other_agent() {
    let mut reality = Reality::new(free(), 2, 3);
    // 0 gets the first and loses it, 1 gets the second: by load it is 0's turn, by the last assignment too.
    reality.write(0);
    reality.pass(1);
    reality.write(1);
    reality.pass(1);
    reality.resolve(1);
    reality.pass(1);
    // 1 has none: least busy chooses it, in turn it is 0.
    reality.write(2);
    let mut in_turn = free();
    in_turn.settings.strategy = Strategy::RoundRobin;
    let outcome = try_out(&reality.history(), &free(), &in_turn);
    assert_eq!(told(&outcome), [(2, 3, Some(agent(1)), Some(agent(0)))]);
    let counts: Vec<_> = outcome.per_agent.iter().map(|one| (one.assigned, one.really_assigned)).collect();
    assert_eq!(counts, [(2, 1), (1, 2)]);
}

#[test]
fn a_difference_is_carried_into_what_comes_after_it() {
    let mut reality = Reality::new(free(), 2, 5);
    reality.write(0);
    reality.pass(1);
    reality.write(1);
    reality.pass(1);
    reality.resolve(1);
    reality.pass(1);
    for thread in 2..5 {
        reality.write(thread);
        reality.pass(1);
    }
    // Really 1, 0, 1. In turn: 0, 1, 0, since the turns of the simulation count and not the real ones.
    let mut in_turn = free();
    in_turn.settings.strategy = Strategy::RoundRobin;
    let outcome = try_out(&reality.history(), &free(), &in_turn);
    let simulated: Vec<_> = told(&outcome).iter().map(|(thread, _, _, who)| (*thread, *who)).collect();
    assert_eq!(simulated, [(2, Some(agent(0))), (3, Some(agent(1))), (4, Some(agent(0)))]);
}

#[test]
fn shorter_minutes_move_what_was_answered_late() {
    let mut reality = Reality::new(free(), 3, 2);
    reality.write(0);
    reality.pass(12 * 60);
    reality.answer(0);
    reality.pass(60);
    reality.resolve(0);
    reality.pass(60);
    let (outcome, approximate) = simulate(&reality.history(), &free(), &transferred_after(5), 200);
    let me = Some(agent(0));
    assert_eq!(told(&outcome), [(0, 300, me, Some(agent(1))), (0, 600, me, Some(agent(2)))]);
    assert_eq!((outcome.simulated.transfers, outcome.real.transfers), (2, 0));
    assert!(approximate.contains(&Approximation::TransfersNotSimulated));
}

#[test]
fn longer_minutes_leave_it_where_it_was() {
    let mut reality = Reality::new(transferred_after(5), 2, 2);
    reality.write(0);
    reality.pass(5 * 60);
    reality.pass(60);
    reality.answer(0);
    reality.pass(60);
    let outcome = try_out(&reality.history(), &transferred_after(5), &transferred_after(10));
    assert_eq!(told(&outcome), [(0, 300, Some(agent(1)), Some(agent(0)))]);
    assert_eq!((outcome.simulated.transfers, outcome.real.transfers), (0, 1));
}

#[test]
fn without_handover_it_stays_with_who_left() {
    let mut live = free();
    live.settings.auto_handover = true;
    let mut reality = Reality::new(live.clone(), 2, 2);
    reality.write(0);
    reality.pass(10);
    reality.change(agent(0), Trigger::AgentAvailable, |member| {
        member.online = false;
        member.availability = domain::agent::Availability::Offline;
    });
    reality.pass(10);
    let outcome = try_out(&reality.history(), &live, &free());
    assert_eq!(told(&outcome), [(0, 10, Some(agent(1)), Some(agent(0)))]);
    let (_, approximate) = simulate(&reality.history(), &free(), &live, 200);
    assert!(approximate.contains(&Approximation::HandoversNotSimulated));
}

#[test]
fn a_sticky_agent_is_found_in_the_tickets() {
    let mut reality = Reality::new(free(), 2, 4);
    // Conversation 1 is on the channel of the policy.
    reality.write(0);
    reality.write(1);
    reality.pass(10);
    reality.resolve(1);
    reality.resolve(0);
    reality.pass(10);
    // By the last assignment it would be the agent 0; 1 has resolved the last ticket.
    reality.write(1);
    let mut returns = free();
    returns.policies = vec![sticky()];
    let outcome = try_out(&reality.history(), &free(), &returns);
    assert_eq!(told(&outcome), [(1, 20, Some(agent(0)), Some(agent(1)))]);
}

#[test]
fn own_limits_stay() {
    let mut reality = Reality::new(limited(2), 2, 4);
    reality.change(agent(0), Trigger::LimitChanged, |member| member.max_conversations = Some(1));
    for thread in 0..4 {
        reality.write(thread);
        reality.pass(1);
    }
    let outcome = try_out(&reality.history(), &limited(2), &limited(3));
    // The agent 0 has its one, the other one three.
    assert_eq!(told(&outcome), [(3, 3, None, Some(agent(1)))]);
}

#[test]
fn hours_are_all_there_and_count_what_happened_in_them() {
    let mut reality = Reality::new(limited(1), 1, 3);
    reality.write(0);
    reality.pass(3600);
    reality.write(1);
    reality.pass(7200);
    let history = reality.history();
    let outcome = try_out(&history, &limited(1), &limited(1));
    let hours: Vec<_> =
        outcome.per_hour.iter().map(|one| (one.totals.assigned, one.totals.unassigned)).collect();
    assert_eq!(hours, [(1, 0), (0, 1), (0, 0), (0, 0)]);
    assert_eq!(outcome.simulated.unassigned, 1);
}
