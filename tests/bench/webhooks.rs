//! Signed webhooks of one message each, to 200 after the commit; beside it pgbench with a transaction
//! per message, as a backend without group commit would write it.

use harness::process::{Failed, Tanggap};

use crate::figures::{at_least, each_us, median, percentile};
use crate::load::{self, Round};
use crate::pgbench;
use crate::stage::{Stage, Tenant};

const TENANTS: usize = 100;
const CUSTOMERS: usize = 1000;
const ROUNDS: usize = 3;
/// A round of webhooks lasts about as long.
const SECONDS: f64 = 3.0;
/// How many times what pgbench takes; with one workspace and 256 at once the workspace's counter holds
/// pgbench up most, and the goal is 5.
const LIMIT: f64 = 1.5;

/// Measures and prints.
pub async fn measure(stage: &Stage) -> Result<(), Failed> {
    let server = stage.serve().await?;
    let mut bench = Bench::prepare(stage, &server).await?;
    println!("webhooks of one message, to 200 after the commit    limit: {LIMIT} times pgbench");
    println!("  at once  workspaces  messages/s   p50 ms   p99 ms  server us  pgbench/s  ratio");
    for workspaces in [1, TENANTS] {
        for at_once in [64, 256] {
            bench.compare(workspaces, at_once).await?;
        }
    }
    let batched: Result<Vec<f64>, Failed> =
        (0..ROUNDS).map(|_| pgbench::run(stage, include_str!("batch.sql"), 2, &bench.variables(1))).collect();
    println!(
        "  pgbench with 2 clients and 64 messages a transaction: {:.0} messages/s",
        median(batched?) * 64.0
    );
    bench.verify()
}

struct Bench<'a> {
    stage: &'a Stage,
    server: &'a Tanggap,
    tenants: Vec<Tenant>,
    sent: u64,
    per_second: f64,
    sizes: [i64; 3],
}

impl<'a> Bench<'a> {
    /// Makes the workspaces on both sides, and lets every customer write once.
    async fn prepare(stage: &'a Stage, server: &'a Tanggap) -> Result<Self, Failed> {
        let mut tenants = Vec::new();
        for number in 0..TENANTS {
            tenants.push(stage.tenant(server, &format!("webhooks-{number}")).await?);
        }
        let mut bench = Self { stage, server, tenants, sent: 0, per_second: 1000.0, sizes: [0; 3] };
        for workspaces in [1, TENANTS] {
            let requests = bench.requests(workspaces, CUSTOMERS);
            load::each_once(server.addr, requests, 64).await?;
        }
        bench.sizes = [
            stage.number("SELECT avg(length(raw))::int::text AS text FROM messages")?,
            stage.number(
                "SELECT avg(length(body))::int::text AS text FROM events WHERE type = 'message.created'",
            )?,
            stage.number(
                "SELECT avg(length(body))::int::text AS text FROM events WHERE type LIKE 'conversation.%'",
            )?,
        ];
        stage.sql(include_str!("webhooks.sql"))?;
        stage.sql("VACUUM ANALYZE")?;
        Ok(bench)
    }

    /// Requests of customers in turn, each with a message of its own.
    fn requests(&mut self, workspaces: usize, count: usize) -> Vec<Vec<u8>> {
        let customers = CUSTOMERS / workspaces;
        let requests = (0..count).map(|number| {
            self.sent += 1;
            let tenant = &self.tenants[number % workspaces];
            tenant.webhook(number / workspaces % customers, self.sent)
        });
        requests.collect()
    }

    fn variables(&self, workspaces: usize) -> Vec<(&'static str, i64)> {
        let [raw, message, conversation] = self.sizes;
        let customers = (CUSTOMERS / workspaces) as i64;
        let workspaces = workspaces as i64;
        vec![
            ("workspaces", workspaces),
            ("customers", customers),
            ("raw", raw),
            ("message", message),
            ("conversation", conversation),
        ]
    }

    /// Rounds of both in turn, so that both have the same weather.
    async fn compare(&mut self, workspaces: usize, at_once: usize) -> Result<(), Failed> {
        let (mut ours, mut theirs, mut times) = (Vec::new(), Vec::new(), Vec::new());
        let before = self.server.busy();
        for _ in 0..ROUNDS {
            let count = (self.per_second * SECONDS) as usize;
            let requests = self.requests(workspaces, count);
            let Round { per_second, times: taken } =
                load::each_once(self.server.addr, requests, at_once).await?;
            self.per_second = per_second;
            ours.push(per_second);
            times.extend(taken);
            let variables = self.variables(workspaces);
            theirs.push(pgbench::run(self.stage, include_str!("one.sql"), at_once, &variables)?);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "  {at_once:>7} {workspaces:>11} {ours:>11.0} {:>8.1} {:>8.1} {:>10.0} {theirs:>10.0}  {}",
            percentile(&mut times, 0.5),
            percentile(&mut times, 0.99),
            each_us(self.server.busy() - before, times.len()),
            at_least(ours / theirs, LIMIT)
        );
        Ok(())
    }

    /// Every 200 is a stored message, and no message is there without one.
    fn verify(&self) -> Result<(), Failed> {
        let stored = self.stage.number(
            "SELECT count(*)::text AS text FROM messages m JOIN workspaces w ON w.id = m.workspace_id
             WHERE w.slug LIKE 'webhooks-%'",
        )?;
        if u64::try_from(stored)? == self.sent {
            println!("  {stored} messages were answered 200, and as many are stored\n");
            Ok(())
        } else {
            Err(format!("{} messages were answered 200, but {stored} are stored", self.sent).into())
        }
    }
}
