//! What must survive when processes are killed or stopped: the server and PostgreSQL are processes of
//! their own here, and PostgreSQL is durable.

mod crashes;
mod invariants;
mod traffic;
mod world;

use std::time::Duration;

use harness::process::{self, get};
use serde_json::Value;

use self::traffic::{Ledger, Traffic};
use self::world::World;

/// No test, but the server that the tests of this file start: a copy of this binary that runs only this.
#[test]
fn tanggap() {
    process::play_tanggap();
}

/// F-01. What was acknowledged is there once, whatever was killed in between.
#[tokio::test(flavor = "multi_thread")]
async fn killing_the_server_ten_times_loses_and_doubles_nothing() {
    let world = World::build(&[]).await;
    world.make_provider_slow_and_silent().await;
    let beginning = world.cursor().await;
    let mut server = world.launch.start().await.unwrap();
    let traffic = Traffic::start(&world.site);
    for _ in 0..10 {
        traffic.until_acknowledged(rand::random_range(20..60)).await;
        server.kill().unwrap();
        server = world.launch.start().await.unwrap();
    }
    traffic.until_acknowledged(20).await;
    let ledger = traffic.stop().await;
    world.until_sent().await;
    ledger.assert_no_surprises();
    invariants::assert_webhooks_stored_once(&world, &ledger);
    invariants::assert_replies_sent_at_most_once(&world, &ledger).await;
    invariants::assert_log_without_gaps(&world);
    invariants::assert_one_open_ticket(&world);
    invariants::assert_counts(&world);
    invariants::assert_names(&world);
    invariants::assert_fold_equals_list(&world, &beginning).await;
    drop(server);
}

/// F-02. A dead PostgreSQL is told as 503; when it is back, so is the server, without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn killing_postgresql_is_answered_503_until_it_is_back() {
    let mut world =
        World::build(&[("TANGGAP_DATABASE_DEADLINE", "2s"), ("TANGGAP_DATABASE_WAIT", "500ms")]).await;
    let mut server = world.launch.start().await.unwrap();
    let traffic = Traffic::start(&world.site);
    traffic.until_acknowledged(50).await;

    world.postgres.kill();
    let site = world.site.clone();
    world::eventually("503 on every path", || async { unavailable(&site).await.then_some(()) }).await;
    assert_eq!(get(site.addr, "/healthz").await.unwrap().status, 200);

    world.postgres.start();
    // The requirement itself; everything else here has more time.
    server.until_ready(Duration::from_secs(10)).await.unwrap();
    traffic.until_acknowledged(50).await;
    let ledger: Ledger = traffic.stop().await;
    ledger.assert_no_surprises();
    assert!(ledger.refused > 0, "no request of the traffic noticed that the database was away");
    world.until_sent().await;
    invariants::assert_webhooks_stored_once(&world, &ledger);
    invariants::assert_replies_sent_at_most_once(&world, &ledger).await;
    invariants::assert_log_without_gaps(&world);
}

/// Readiness, a read, a write and a webhook: is each refused as it must be while there is no database?
async fn unavailable(site: &world::Site) -> bool {
    let answers = [
        get(site.addr, "/readyz").await,
        site.list().await,
        site.reply(0, "while-it-is-away").await,
        site.webhook("6281200009999", "wamid.away").await,
    ];
    answers.into_iter().all(|answer| {
        let answer = answer.unwrap();
        answer.status == 503 && answer.header("retry-after").is_some()
    })
}

/// F-03. A PostgreSQL that answers nothing costs each request its deadline, and the process no threads.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_postgresql_costs_requests_their_deadline_and_no_threads() {
    let world =
        World::build(&[("TANGGAP_DATABASE_DEADLINE", "1s"), ("TANGGAP_DATABASE_WAIT", "300ms")]).await;
    let mut server = world.launch.start().await.unwrap();
    // Its short wait for a connection may be too short for the first requests on a busy machine.
    world::eventually("every request works", || async {
        let statuses = wave(&world.site, 40).await;
        statuses.iter().all(|status| [200, 201].contains(status)).then_some(())
    })
    .await;
    let threads_before = world::threads(server.pid());

    let frozen = world.postgres.freeze();
    let (mut answered, mut most_threads) = (0, threads_before);
    while answered < 400 {
        let statuses = wave(&world.site, 100).await;
        assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
        answered += statuses.len();
        most_threads = most_threads.max(world::threads(server.pid()));
        assert_eq!(get(world.site.addr, "/healthz").await.unwrap().status, 200);
        assert_eq!(get(world.site.addr, "/readyz").await.unwrap().status, 503);
    }
    // Eight connections for requests, two for webhooks, one for readiness, and a few that open them.
    let bound = threads_before + 8 + 2 + 1 + 9;
    assert!(most_threads <= bound, "{most_threads} threads, {threads_before} before");

    drop(frozen);
    server.until_ready(harness::DEADLINE).await.unwrap();
    world::eventually("every request works again", || async {
        let statuses = wave(&world.site, 40).await;
        statuses.iter().all(|status| [200, 201].contains(status)).then_some(())
    })
    .await;
    assert!(world::threads(server.pid()) <= bound);
    invariants::assert_log_without_gaps(&world);
}

/// Requests of each kind at once, each answered well before a client gives up: their statuses.
async fn wave(site: &world::Site, requests: usize) -> Vec<u16> {
    let calls = (0..requests).map(|number| {
        let site = site.clone();
        tokio::spawn(async move {
            let answer = match number % 3 {
                0 => site.list().await,
                1 => site.reply(number, &format!("wave-{}", rand::random::<u64>())).await,
                _ => {
                    site.webhook(&world::customer(number), &format!("wamid.{}", rand::random::<u64>())).await
                }
            };
            answer.unwrap().status
        })
    });
    let mut statuses = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        statuses.push(call.await.unwrap());
    }
    statuses
}

/// The items of a page.
fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap_or_else(|| panic!("no items in {page}")).clone()
}
