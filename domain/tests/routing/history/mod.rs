//! Histories of a small workspace: whatever happens in it, in whatever order, what is promised holds.

mod by_hand;
mod operations;
mod router;
mod rules;
mod world;

use operations::{Operation, Setup};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use world::World;

/// Any operation can happen at any time: the world itself says what is refused.
struct Histories;

impl ReferenceStateMachine for Histories {
    type State = Setup;
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<Setup> {
        operations::setup().boxed()
    }

    fn transitions(_: &Setup) -> BoxedStrategy<Operation> {
        operations::operation().boxed()
    }

    fn apply(setup: Setup, _: &Operation) -> Setup {
        setup
    }
}

impl StateMachineTest for Histories {
    type SystemUnderTest = World;
    type Reference = Self;

    fn init_test(setup: &Setup) -> World {
        World::new(setup)
    }

    fn apply(mut world: World, _: &Setup, operation: Operation) -> World {
        world.happen(operation);
        world
    }

    fn check_invariants(world: &World, _: &Setup) {
        rules::always(world);
    }

    fn teardown(mut world: World, _: Setup) {
        world.route();
        rules::always(&world);
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn keep_every_promise(sequential 1..120 => Histories);
}
