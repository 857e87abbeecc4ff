//! 10,000 conversations wait: how fast they go when there are agents, and how soon the next one goes when one agent has room.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use harness::process::{Failed, Tanggap, call, demand};
use serde_json::{Value, json};

use super::office::{Office, Plan};
use super::watch::Watch;
use crate::figures::{at_least, at_most, each_us, percentile};
use crate::stage::Stage;

const WAITING: usize = 10_000;
const AGENTS: usize = 100;
/// Conversations a second that go to agents who have come online.
const DRAIN_LIMIT: f64 = 500.0;
/// How many an agent may hold while all are full.
const EACH: u32 = 5;
const RESOLVED: usize = 300;
const SPARE: usize = 100;
/// From the call that gives an agent room to the frame that says who has the next conversation.
const NEXT_LIMIT_MS: f64 = 1000.0;

/// 100 agents come online at once, and have all of them soon.
pub async fn drain(stage: &Stage, server: &Tanggap) -> Result<(), Failed> {
    // None waits for a division, so all can be given to somebody.
    let plan = Plan { agents: AGENTS, waiting: WAITING, ..Plan::default() };
    let office = Office::open(stage, server, "routing-drain", plan).await?;
    stage.sql(&format!(
        "UPDATE conversations SET division_id = NULL WHERE workspace_id = '{}'",
        office.tenant.id
    ))?;
    office.assign(server, None).await?;
    let mut tokens = Vec::new();
    for number in 0..AGENTS {
        tokens.push(office.agent(server, number).await?);
    }
    let mut watch = Watch::open(server, [office.admin.as_str()]).await?;
    let busy = server.busy();
    let began = Instant::now();
    let (_, assigned) = tokio::try_join!(
        try_join_all(tokens.iter().map(|token| online(server, token))),
        watch.take(WAITING)
    )?;
    let took = assigned.last().map_or(Duration::MAX, |last| last.at - began);
    let mut times: Vec<Duration> = assigned.iter().map(|one| one.at - began).collect();
    println!("{WAITING} wait, {AGENTS} agents come online at once");
    println!(
        "  the first after {:.0} ms, half after {:.0} ms, the last after {:.0} ms; server us {:.0}; per second: {}",
        percentile(&mut times, 0.0),
        percentile(&mut times, 0.5),
        took.as_secs_f64() * 1000.0,
        each_us(server.busy() - busy, WAITING),
        at_least(WAITING as f64 / took.as_secs_f64(), DRAIN_LIMIT)
    );
    in_order(&office, stage)?;
    println!();
    Ok(())
}

/// Who waited for longest has the earliest decision.
fn in_order(office: &Office, stage: &Stage) -> Result<(), Failed> {
    let overtaken = stage.number(&format!(
        "SELECT count(*)::text AS text FROM (
             SELECT c.session_started_at < lag(c.session_started_at) OVER (ORDER BY d.at) AS overtaken
             FROM routing_decisions d JOIN conversations c ON c.workspace_id = d.workspace_id AND c.id = d.conversation_id
             WHERE d.workspace_id = '{}' AND d.outcome = 'assigned') decided WHERE overtaken",
        office.tenant.id
    ))?;
    if overtaken == 0 { Ok(()) } else { Err(format!("{overtaken} conversations were overtaken").into()) }
}

async fn online(server: &Tanggap, token: &str) -> Result<Value, Failed> {
    let body = json!({ "availability": "online" });
    demand(server.addr, "PUT", "/v1/me/availability", token, &body).await
}

/// Everybody is full, and one agent has room for one more, by everything that can give it.
pub async fn moves(stage: &Stage, server: &Tanggap) -> Result<(), Failed> {
    let held = AGENTS * EACH as usize;
    let plan =
        Plan { agents: AGENTS, online: true, spare: SPARE, supervisors: SPARE, waiting: WAITING + 2 * held };
    let office = Office::open(stage, server, "routing-moves", plan).await?;
    let watch = Watch::open(server, [office.admin.as_str()]).await?;
    let mut moves = Moves { stage, server, office, watch, held: VecDeque::new() };
    moves.office.assign(server, Some(EACH)).await?;
    let given = moves.watch.take(held).await?;
    moves.held.extend(given.into_iter().map(|one| one.conversation));
    println!(
        "{WAITING} wait and everybody is full, until the next one is assigned    limit: p99 {NEXT_LIMIT_MS} ms"
    );
    println!("  what gives room          times   p50 ms   p99 ms");
    moves.resolve().await?;
    moves.come_online().await?;
    moves.raise().await?;
    moves.allocate().await?;
    println!();
    Ok(())
}

struct Moves<'a> {
    stage: &'a Stage,
    server: &'a Tanggap,
    office: Office,
    watch: Watch,
    held: VecDeque<String>,
}

impl Moves<'_> {
    /// The call is made; how long until somebody has the next conversation.
    async fn once(
        &mut self,
        method: &str,
        path: &str,
        token: &str,
        body: &Value,
    ) -> Result<Duration, Failed> {
        let began = Instant::now();
        let (answer, next) =
            tokio::join!(call(self.server.addr, method, path, token, body), self.watch.next());
        let (answer, next) = (answer?, next?);
        if !(200..300).contains(&answer.status) {
            return Err(format!("{path} answered {}: {}", answer.status, answer.json()).into());
        }
        self.held.push_back(next.conversation);
        Ok(next.at.saturating_duration_since(began))
    }

    fn print(what: &str, mut times: Vec<Duration>) {
        let (middle, slow) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
        println!("  {what:<23} {:>6} {middle:>8.1}  {}", times.len(), at_most(slow, NEXT_LIMIT_MS, "ms"));
    }

    async fn resolve(&mut self) -> Result<(), Failed> {
        let (mut times, admin) = (Vec::new(), self.office.admin.clone());
        for _ in 0..RESOLVED {
            let conversation = self.held.pop_front().ok_or("nothing is held")?;
            let path = format!("/v1/conversations/{conversation}/resolve");
            times.push(self.once("POST", &path, &admin, &Value::Null).await?);
        }
        Self::print("a resolved conversation", times);
        Ok(())
    }

    async fn come_online(&mut self) -> Result<(), Failed> {
        let mut times = Vec::new();
        for number in AGENTS..AGENTS + SPARE {
            let token = self.office.agent(self.server, number).await?;
            let body = json!({ "availability": "online" });
            times.push(self.once("PUT", "/v1/me/availability", &token, &body).await?);
        }
        Self::print("an agent comes online", times);
        Ok(())
    }

    async fn raise(&mut self) -> Result<(), Failed> {
        let (mut times, admin) = (Vec::new(), self.office.admin.clone());
        for limit in [EACH + 1, EACH + 2] {
            for number in 0..AGENTS {
                let path = format!("/v1/agents/{}", Office::agent_id(self.stage, number)?);
                let body = json!({ "max_conversations": limit });
                times.push(self.once("PATCH", &path, &admin, &body).await?);
            }
        }
        Self::print("a raised limit", times);
        Ok(())
    }

    async fn allocate(&mut self) -> Result<(), Failed> {
        let (mut times, admin) = (Vec::new(), self.office.admin.clone());
        let division = Office::division_id(self.stage)?;
        for number in AGENTS + SPARE..AGENTS + 2 * SPARE {
            let path = format!("/v1/agents/{}/allocation", Office::agent_id(self.stage, number)?);
            let body = json!({ "channel_ids": [], "division_ids": [division] });
            times.push(self.once("PUT", &path, &admin, &body).await?);
        }
        Self::print("a changed allocation", times);
        Ok(())
    }
}
