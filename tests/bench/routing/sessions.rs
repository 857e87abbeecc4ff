//! New sessions by webhooks, each given to an agent by itself; beside it pgbench with a transaction per assignment.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use harness::process::{Failed, Tanggap};
use harness::wire::Connection;

use super::office::{Office, Plan};
use super::watch::{Assigned, Watch};
use crate::figures::{at_least, each_us, median, percentile};
use crate::pgbench;
use crate::stage::Stage;

const WORKSPACES: usize = 100;
const WRITERS: usize = 8;
const SESSIONS: usize = 4_000;
const ROUNDS: usize = 3;
/// How many times what pgbench takes.
const LIMIT: f64 = 1.0;
/// Sessions of a round that come one by one.
const CALM: usize = 300;

/// Measures and prints.
pub async fn measure(stage: &Stage, server: &Tanggap) -> Result<(), Failed> {
    let mut offices = Vec::new();
    for number in 0..=WORKSPACES {
        // One alone, and many small ones.
        let agents = if number == 0 { 100 } else { 10 };
        let plan = Plan { agents, online: true, ..Plan::default() };
        let office = Office::open(stage, server, &format!("routing-{number}"), plan).await?;
        office.assign(server, None).await?;
        offices.push(office);
    }
    stage.sql("VACUUM ANALYZE")?;
    let mut bench = Bench { stage, server, customers: 0, filled: false };
    println!(
        "new sessions by {WRITERS} writers, to the assignment's frame; one by one: the next when the last is assigned    limit: {LIMIT} times pgbench"
    );
    println!(
        "  workspaces  assignments/s   p50 ms   p99 ms  one by one p50 ms   p99 ms  server us  pgbench/s  ratio"
    );
    bench.compare(&offices[..1]).await?;
    bench.compare(&offices[1..]).await?;
    println!();
    Ok(())
}

struct Bench<'a> {
    stage: &'a Stage,
    server: &'a Tanggap,
    customers: usize,
    filled: bool,
}

/// When each customer's webhook was answered, by its number.
type Answered = HashMap<String, Instant>;

impl Bench<'_> {
    async fn compare(&mut self, offices: &[Office]) -> Result<(), Failed> {
        let (mut ours, mut theirs, mut times, mut calm) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut watch = Watch::open(self.server, offices.iter().map(|office| office.admin.as_str())).await?;
        let mut busy = Duration::ZERO;
        for _ in 0..ROUNDS {
            let before = self.server.busy();
            let (took, delays) = self.round(offices, &mut watch, SESSIONS, WRITERS).await?;
            busy += self.server.busy() - before;
            ours.push(SESSIONS as f64 / took.as_secs_f64());
            times.extend(delays);
            for _ in 0..CALM {
                calm.extend(self.round(offices, &mut watch, 1, 1).await?.1);
            }
            theirs.push(self.pgbench(offices.len())?);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "  {:>10} {ours:>14.0} {:>8.1} {:>8.1} {:>18.1} {:>8.1} {:>10.0} {theirs:>10.0}  {}",
            offices.len(),
            percentile(&mut times, 0.5),
            percentile(&mut times, 0.99),
            percentile(&mut calm, 0.5),
            percentile(&mut calm, 0.99),
            each_us(busy, SESSIONS * ROUNDS),
            at_least(ours / theirs, LIMIT)
        );
        Ok(())
    }

    /// So many new customers write. How long it took until all were assigned, and each from its 200 to its assignment.
    async fn round(
        &mut self,
        offices: &[Office],
        watch: &mut Watch,
        count: usize,
        writers: usize,
    ) -> Result<(Duration, Vec<Duration>), Failed> {
        let first = self.customers;
        self.customers += count;
        let requests = (first..first + count).map(|customer| {
            let request = offices[customer % offices.len()].tenant.webhook(customer, customer as u64);
            (format!("62812{customer:08}"), request)
        });
        let requests: Arc<Vec<(String, Vec<u8>)>> = Arc::new(requests.collect());
        let began = Instant::now();
        let (answered, assigned) =
            tokio::try_join!(write(self.server, requests, writers), watch.take(count))?;
        let last = assigned.last().map_or(began, |last| last.at);
        Ok((last - began, delays(&answered, &assigned)?))
    }

    fn pgbench(&mut self, workspaces: usize) -> Result<f64, Failed> {
        if !self.filled {
            self.stage.sql(include_str!("pgbench.sql"))?;
            self.stage.sql("VACUUM ANALYZE")?;
            self.filled = true;
        }
        let event = |kind: &str| {
            self.stage.number(&format!(
                "SELECT avg(length(body))::int::text AS text FROM events WHERE type = '{kind}' AND workspace_id NOT IN
                     (SELECT id FROM workspaces WHERE slug LIKE 'pgbench-%')"
            ))
        };
        let agents = if workspaces == 1 { 100 } else { 10 };
        let variables = [
            ("workspaces", workspaces as i64),
            ("agents", agents),
            ("assigned", event("conversation.assigned")?),
            ("message", event("message.created")?),
            ("ticket", event("ticket.opened")?),
            ("decided", event("routing.decided")?),
            ("notification", event("notification.created")?),
        ];
        pgbench::run(self.stage, include_str!("one.sql"), WRITERS, &variables)
    }
}

async fn write(
    server: &Tanggap,
    requests: Arc<Vec<(String, Vec<u8>)>>,
    writers: usize,
) -> Result<Answered, Failed> {
    let taken = Arc::new(AtomicUsize::new(0));
    let writer = || {
        let (requests, taken, addr) = (requests.clone(), taken.clone(), server.addr);
        async move {
            let mut connection = Connection::open(addr).await?;
            let mut answered = Answered::new();
            while let Some((phone, request)) = requests.get(taken.fetch_add(1, Ordering::Relaxed)) {
                let status = connection.send(request).await?;
                if status != 200 {
                    return Err(Failed::from(format!("a webhook was answered {status}")));
                }
                answered.insert(phone.clone(), Instant::now());
            }
            Ok(answered)
        }
    };
    let all = try_join_all((0..writers).map(|_| writer())).await?;
    Ok(all.into_iter().flatten().collect())
}

fn delays(answered: &Answered, assigned: &[Assigned]) -> Result<Vec<Duration>, Failed> {
    let delay = |one: &Assigned| {
        let answered = answered.get(&one.phone).ok_or("somebody was assigned who did not write")?;
        Ok(one.at.saturating_duration_since(*answered))
    };
    assigned.iter().map(delay).collect()
}
