//! What holds of every history.

use domain::agent::Availability;
use domain::routing::simulation::simulate;
use domain::routing::{Configuration, Strategy as Choice, Trigger};
use proptest::prelude::*;
use proptest::sample::select;

use super::reality::{Reality, agent, at, channel, configuration, division, settings, sticky};

#[derive(Debug, Clone)]
enum Step {
    Pass(i64),
    Write(usize),
    Answer(usize),
    Resolve(usize),
    Unassign(usize),
    HandTo(usize, u128),
    SetDivision(usize),
    Online(u128, bool),
    Limit(u128, Option<u32>),
    Allocate(u128, bool),
    Join(u128, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (thread, member) = (0..8_usize, 0..4_u128);
    let step = prop_oneof![
        6 => select(vec![0, 1, 30, 61, 400]).prop_map(Step::Pass),
        6 => thread.clone().prop_map(Step::Write),
        2 => thread.clone().prop_map(Step::Answer),
        4 => thread.clone().prop_map(Step::Resolve),
        1 => thread.clone().prop_map(Step::Unassign),
        2 => (thread.clone(), member.clone()).prop_map(|(thread, to)| Step::HandTo(thread, to)),
        1 => thread.prop_map(Step::SetDivision),
        3 => (member.clone(), any::<bool>()).prop_map(|(who, online)| Step::Online(who, online)),
        1 => (member.clone(), proptest::option::of(1..3_u32)).prop_map(|(who, limit)| Step::Limit(who, limit)),
        1 => (member.clone(), any::<bool>()).prop_map(|(who, joins)| Step::Allocate(who, joins)),
        1 => (member, any::<bool>()).prop_map(|(who, joins)| Step::Join(who, joins)),
    ];
    proptest::collection::vec(step, 1..120)
}

prop_compose! {
    fn configurations()(
        round_robin: bool, limit in proptest::option::of(1..4_u32), minutes in select(vec![None, Some(1), Some(5)]),
        auto_handover: bool, sticks: bool, auto_assign in proptest::bool::weighted(0.9),
    ) -> Configuration {
        let mut settings = settings();
        settings.strategy = if round_robin { Choice::RoundRobin } else { Choice::LeastBusy };
        settings.max_conversations_per_agent = limit;
        settings.unanswered_transfer_minutes = minutes;
        (settings.auto_handover, settings.auto_assign) = (auto_handover, auto_assign);
        let policies = if sticks { vec![sticky()] } else { Vec::new() };
        Configuration { policies, ..configuration(settings) }
    }
}

fn lived(configuration: Configuration, steps: Vec<Step>) -> Reality {
    let mut reality = Reality::new(configuration, 4, 8);
    for step in steps {
        match step {
            Step::Pass(seconds) => reality.pass(seconds),
            Step::Write(thread) => reality.write(thread),
            Step::Answer(thread) => reality.answer(thread),
            Step::Resolve(thread) => reality.resolve(thread),
            Step::Unassign(thread) => reality.unassign(thread),
            Step::HandTo(thread, to) => reality.hand_to(thread, agent(to)),
            Step::SetDivision(thread) => reality.set_division(thread, division(0)),
            Step::Online(who, online) => reality.change(agent(who), Trigger::AgentAvailable, |member| {
                member.online = online;
                member.availability = if online { Availability::Online } else { Availability::Offline };
            }),
            Step::Limit(who, limit) => {
                reality.change(agent(who), Trigger::LimitChanged, |member| member.max_conversations = limit);
            }
            Step::Allocate(who, joins) => reality.change(agent(who), Trigger::AllocationChanged, |member| {
                member.channels = if joins { vec![channel(0)] } else { Vec::new() };
            }),
            Step::Join(who, joins) => reality.change(agent(who), Trigger::AllocationChanged, |member| {
                member.divisions = if joins { vec![division(0)] } else { Vec::new() };
            }),
        }
    }
    reality
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// With the settings in force everything comes out as it did, wherever the range begins.
    #[test]
    fn by_the_same_settings_nothing_differs(live in configurations(), steps in steps(), begin in 0..3000_i64) {
        let reality = lived(live.clone(), steps);
        for history in [reality.history(), reality.history_from(at(begin))] {
            let (outcome, approximate) = simulate(&history, &live, &live, 200);
            prop_assert_eq!(&outcome.differences, &Vec::new());
            prop_assert_eq!(outcome.differences_total, 0);
            prop_assert_eq!(outcome.simulated, outcome.real);
            prop_assert!(outcome.per_agent.iter().all(|one| one.assigned == one.really_assigned));
            prop_assert!(approximate.is_empty());
            let made = history.decisions.iter().filter(|made| made.agent_id.is_some()).count();
            prop_assert_eq!(outcome.real.assigned, made);
        }
    }

    /// Whatever the draft, the numbers agree with each other and with what is recorded.
    #[test]
    fn the_numbers_of_a_draft_agree(live in configurations(), draft in configurations(), steps in steps()) {
        let reality = lived(live.clone(), steps);
        let history = reality.history();
        let (outcome, _) = simulate(&history, &live, &draft, 3);
        prop_assert_eq!(&simulate(&history, &live, &draft, 3).0, &outcome);
        let sum = |of: fn(&domain::routing::simulation::Totals) -> usize| {
            outcome.per_hour.iter().map(|hour| of(&hour.totals)).sum::<usize>()
        };
        let all = outcome.simulated;
        prop_assert_eq!(sum(|one| one.assigned), all.assigned);
        prop_assert_eq!(sum(|one| one.transfers), all.transfers);
        prop_assert_eq!(sum(|one| one.unassigned), all.unassigned);
        prop_assert_eq!(sum(|one| one.waited.count), all.waited.count);
        prop_assert_eq!(all.waited.count + all.transfers, all.assigned);
        prop_assert_eq!(outcome.per_agent.iter().map(|one| one.assigned).sum::<usize>(), all.assigned);
        prop_assert_eq!(outcome.differences.len(), outcome.differences_total.min(3));
        let made = history.decisions.iter().filter(|made| made.agent_id.is_some()).count();
        prop_assert_eq!(outcome.real.assigned, made);
        if !draft.assigns() {
            prop_assert_eq!(all.waited.count, 0);
        }
    }
}
