//! Random histories: whatever people and customers do, in whatever order and also at once, what is stored is what was
//! promised. The same promises hold of the pure rules in `domain/tests/routing/history`; here of all that lies around them.

mod decisions;
mod facts;
mod log;
mod steps;

use chrono::TimeDelta;
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use steps::{Step, World, step};

use super::settled;

/// How many rounds a history has. In each, things happen; then routing settles, and time passes.
const ROUNDS: usize = 7;

/// Things happen one after the other, and routing works meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_thing_after_the_other() {
    for seed in 1..=12 {
        history(seed, false).await;
    }
}

/// What happens in a round happens at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_things_at_once() {
    for seed in 101..=112 {
        history(seed, true).await;
    }
}

async fn history(seed: u64, at_once: bool) {
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::begin(&mut random).await;
    let mut log = world.app.follow().await;
    world.take(&Step::Configure(json!({ "auto_assign": true, "max_conversations_per_agent": 2 }))).await;
    for _ in 0..ROUNDS {
        let steps: Vec<Step> = (0..random.random_range(2..8)).map(|_| step(&mut random)).collect();
        println!("{steps:?}");
        if at_once {
            join_all(steps.iter().map(|step| world.take(step))).await;
        } else {
            for step in &steps {
                world.take(step).await;
            }
        }
        settled(&world.app).await;
        facts::check(&world.app);
        let passes = *[1, 31, 61, 121, 301].choose(&mut random).unwrap();
        println!("{passes} seconds pass");
        world.app.advance(TimeDelta::seconds(passes));
        settled(&world.app).await;
        facts::check(&world.app);
    }
    decisions::check(&world.app);
    log::check(log.rest().await, world.beginning);
}
