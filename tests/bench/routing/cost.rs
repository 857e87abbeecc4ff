//! What one live decision costs in teams of different sizes.

use std::time::{Duration, Instant};

use harness::process::{Failed, Tanggap};
use harness::wire::Connection;

use super::office::{Office, Plan};
use super::pure::SIZES;
use super::statements::{Cost, Log};
use super::watch::Watch;
use crate::figures::{at_most, each_us, percentile};
use crate::stage::Stage;

/// Sessions before anything is measured: PostgreSQL plans a statement anew the first five times.
const WARM: usize = 20;
const SESSIONS: usize = 200;
/// How many times what PostgreSQL does for a team of 200, of which a decision keeps every candidate, it may do for 10,000.
const LIMIT: f64 = 1.5;

/// Measures and prints.
pub async fn measure(stage: &Stage, server: &Tanggap) -> Result<(), Failed> {
    println!(
        "a live decision, one at a time, {SESSIONS} times    limit: PostgreSQL's work for 10,000 is {LIMIT} times that for 200"
    );
    println!("  members  decide us  statements  PostgreSQL ms  commit ms  server us  p50 ms   p99 ms");
    let mut sizes = SIZES.to_vec();
    sizes.push(200);
    sizes.sort_unstable();
    let mut of_200 = f64::NAN;
    for (number, members) in sizes.into_iter().enumerate() {
        let measured = one(stage, server, members, number * (WARM + SESSIONS)).await?;
        let work = measured.cost.work_ms / SESSIONS as f64;
        if members == 200 {
            of_200 = work;
        }
        let Measured { decide_us, cost, busy, mut times } = measured;
        println!(
            "  {members:>7} {decide_us:>10.0} {:>11.1} {work:>14.2} {:>10.2} {:>10.0} {:>7.1} {:>8.1}  {}",
            cost.statements as f64 / SESSIONS as f64,
            cost.commit_ms / SESSIONS as f64,
            each_us(busy, SESSIONS),
            percentile(&mut times, 0.5),
            percentile(&mut times, 0.99),
            if members > 200 { at_most(work / of_200, LIMIT, "times") } else { String::new() }
        );
    }
    println!();
    Ok(())
}

struct Measured {
    decide_us: f64,
    cost: Cost,
    busy: Duration,
    times: Vec<Duration>,
}

async fn one(stage: &Stage, server: &Tanggap, members: usize, first: usize) -> Result<Measured, Failed> {
    let plan = Plan { agents: members, online: true, ..Plan::default() };
    let office = Office::open(stage, server, &format!("routing-cost-{members}"), plan).await?;
    office.assign(server, None).await?;
    stage.sql("VACUUM ANALYZE")?;
    let mut watch = Watch::open(server, [office.admin.as_str()]).await?;
    let mut connection = Connection::open(server.addr).await?;
    let mut times = Vec::with_capacity(SESSIONS);
    let mut log = None;
    let mut busy = server.busy();
    for number in 0..WARM + SESSIONS {
        if number == WARM {
            log = Some(Log::open(stage)?);
            busy = server.busy();
        }
        let customer = first + number;
        let status = connection.send(&office.tenant.webhook(customer, customer as u64)).await?;
        if status != 200 {
            return Err(format!("a webhook was answered {status}").into());
        }
        let answered = Instant::now();
        let assigned = watch.next().await?;
        if number >= WARM {
            times.push(assigned.at.saturating_duration_since(answered));
        }
    }
    let busy = server.busy() - busy;
    let cost = log.ok_or("nothing was logged")?.close()?;
    let decide_us = stage.text(&format!(
        "SELECT avg(duration_us)::float8::text AS text FROM (SELECT duration_us FROM routing_decisions
             WHERE workspace_id = '{}' ORDER BY id DESC LIMIT {SESSIONS}) d",
        office.tenant.id
    ))?;
    Ok(Measured { decide_us: decide_us.parse()?, cost, busy, times })
}
