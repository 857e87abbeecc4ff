//! `make bench`: what Tanggap takes, beside what its PostgreSQL takes without it, on the same machine in
//! the same run. Absolute values say little; the ratios are what is promised. "server us" is how many microseconds of
//! a core the server itself spent on each request; PostgreSQL and the load need the rest.

mod agents;
mod deliveries;
mod figures;
mod idempotency;
mod inbox;
mod list;
mod load;
mod machine;
mod pgbench;
mod routing;
mod stage;
mod start;
mod streams;
mod webhooks;

use std::process::ExitCode;

use harness::process::Failed;

use self::stage::Stage;

const PARTS: [&str; 10] = [
    "webhooks",
    "deliveries",
    "list",
    "inbox",
    "agents",
    "routing",
    "idempotency",
    "streams",
    "memory",
    "start",
];

/// The load comes from one thread: the server and PostgreSQL need the other cores.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|part| !PARTS.contains(&part.as_str())) {
        eprintln!("there is no part {unknown}; there are: {}", PARTS.join(", "));
        return ExitCode::FAILURE;
    }
    let outcome = tokio::select! {
        outcome = measure(&wanted) => outcome,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(wanted: &[String]) -> Result<(), Failed> {
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|one| one == part);
    let stage = Stage::build()?;
    machine::describe(&stage)?;
    if is_wanted("webhooks") {
        webhooks::measure(&stage).await?;
    }
    if is_wanted("deliveries") {
        deliveries::measure(&stage).await?;
    }
    if is_wanted("list") {
        list::measure(&stage).await?;
    }
    if is_wanted("inbox") {
        inbox::measure(&stage).await?;
    }
    if is_wanted("agents") {
        agents::measure(&stage).await?;
    }
    if is_wanted("routing") {
        routing::measure(&stage).await?;
    }
    if is_wanted("idempotency") {
        idempotency::measure(&stage).await?;
    }
    if is_wanted("streams") || is_wanted("memory") {
        streams::measure(&stage, is_wanted("memory"), is_wanted("streams")).await?;
    }
    if is_wanted("start") {
        start::measure(&stage).await?;
    }
    Ok(())
}
