//! Tells the servers of integrators what happens. One loop per node stores what came of calls, looks through the logs, claims
//! what is due, and begins the next calls, each a task of its own: a slow receiver keeps only its own places.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::access::Visible;
use domain::id::{WebhookEndpointId, WorkspaceId};
use domain::webhook::CallProblem;
use persistence::db::keep_plans_by_key;
use persistence::error::Failure;
use persistence::webhooks::fan_out as logs;
use persistence::webhooks::sending::{self, Claimed, Room, Waiting};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::runner::claim_times;
use crate::http::finish::chain;
use crate::ops::webhooks::{self, Outcome};
use crate::outbound_url::{Answered, Handover};
use crate::state::App;
use crate::stream::event::LogEvent;

/// Deliveries claimed at once by this node.
const CLAIMED: usize = 1024;
/// Deliveries to one endpoint claimed at once. More than are sent at once, so that a fast receiver need not wait for the
/// database.
const CLAIMED_PER_ENDPOINT: usize = 64;
/// Calls under way at once to one endpoint.
const CONCURRENT_PER_ENDPOINT: usize = 16;
/// How many calls may come before one that was claimed.
const TURNS: u32 = (CLAIMED_PER_ENDPOINT / CONCURRENT_PER_ENDPOINT) as u32;
/// How long more is waited for when something has happened.
const GATHERING: Duration = Duration::from_millis(5);
/// Tests begun at once.
const TESTS: i64 = 4;
/// The most outcomes stored in one transaction.
const SETTLED_AT_ONCE: usize = 512;

/// Works until the task is aborted. What fails is tried again at the next poll.
pub async fn run(app: App) {
    let (ended, outcomes) = unbounded_channel();
    let mut dispatcher =
        Dispatcher { app, ended, outcomes, unsettled: Vec::new(), under_way: HashMap::new(), any: true };
    loop {
        match dispatcher.round().await {
            Ok(true) => {}
            Ok(false) => dispatcher.wait().await,
            Err(failure) => {
                tracing::warn!(cause = chain(&failure), "webhook endpoints could not be told; trying again");
                tokio::time::sleep(dispatcher.app.settings.times.job_poll).await;
            }
        }
    }
}

struct Dispatcher {
    app: App,
    /// Given to each call. There are never more outcomes on their way than calls under way.
    ended: UnboundedSender<Outcome>,
    outcomes: UnboundedReceiver<Outcome>,
    /// What has come and is not stored yet.
    unsettled: Vec<Outcome>,
    under_way: HashMap<(WorkspaceId, WebhookEndpointId), UnderWay>,
    /// Whether there is any endpoint.
    any: bool,
}

/// What is claimed of an endpoint.
#[derive(Debug, Clone)]
struct UnderWay {
    claimed: usize,
    /// Places for calls.
    places: Arc<Semaphore>,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self { claimed: 0, places: Arc::new(Semaphore::new(CONCURRENT_PER_ENDPOINT)) }
    }
}

impl Dispatcher {
    /// One round of everything. Answers whether there was anything to do.
    async fn round(&mut self) -> Result<bool, Failure> {
        let settled = self.settle().await?;
        let told = self.fan_out().await?;
        let begun = self.begin().await?;
        Ok(settled || told || begun)
    }

    async fn wait(&mut self) {
        let poll = self.app.settings.times.job_poll;
        tokio::select! {
            outcome = self.outcomes.recv() => self.ended(outcome),
            // What happens hardly comes alone, and one look is enough for all of it.
            () = self.app.webhooks.wait(self.any, poll) => tokio::time::sleep(GATHERING).await,
        }
    }

    fn ended(&mut self, outcome: Option<Outcome>) {
        // There is always one more sender: ours.
        let Some(outcome) = outcome else { return };
        let key = (outcome.workspace_id, outcome.endpoint_id);
        if let Some(under_way) = self.under_way.get_mut(&key) {
            under_way.claimed -= 1;
            if under_way.claimed == 0 {
                self.under_way.remove(&key);
            }
        }
        self.unsettled.push(outcome);
    }

    async fn settle(&mut self) -> Result<bool, Failure> {
        while self.unsettled.len() < SETTLED_AT_ONCE
            && let Ok(outcome) = self.outcomes.try_recv()
        {
            self.ended(Some(outcome));
        }
        if self.unsettled.is_empty() {
            return Ok(false);
        }
        let (app, outcomes) = (self.app.clone(), self.unsettled.clone());
        self.app.write(move |tx| webhooks::settle(&app, tx, &outcomes)).await?;
        self.unsettled.clear();
        Ok(true)
    }

    /// Looks once through what is new in each log. Answers whether there may be more.
    async fn fan_out(&mut self) -> Result<bool, Failure> {
        let logs::Work { behind, any } = self.app.db.read(|conn| Ok(logs::work(conn)?)).await?;
        self.any = any;
        let mut more = false;
        for workspace in behind {
            // What one workspace cannot do now is no matter of the others.
            match self.app.write(move |tx| webhooks::fan_out(tx, workspace)).await {
                Ok(rest) => more |= rest,
                Err(failure) => {
                    let cause = chain(&failure);
                    tracing::warn!(workspace_id = %workspace, cause, "a log could not be looked through; trying again");
                }
            }
        }
        Ok(more)
    }

    /// Claims what is due and begins the calls. Answers whether there were any.
    async fn begin(&mut self) -> Result<bool, Failure> {
        let free = CLAIMED.saturating_sub(self.under_way.values().map(|one| one.claimed).sum());
        if free == 0 {
            return Ok(false);
        }
        let (now, until) = claim_times(&self.app, self.app.settings.times.webhook_total * TURNS);
        let under_way = self.under_way.clone();
        let claimed = self
            .app
            .db
            .write(move |conn| {
                keep_plans_by_key(conn)?;
                let rooms = rooms(&sending::waiting(conn)?, &under_way, free);
                Ok(sending::claim(conn, &rooms, TESTS, now, until)?)
            })
            .await?;
        let any = !claimed.is_empty();
        for one in claimed {
            let under_way = self.under_way.entry((one.workspace_id, one.endpoint_id)).or_default();
            under_way.claimed += 1;
            let (app, ended, places) = (self.app.clone(), self.ended.clone(), under_way.places.clone());
            tokio::spawn(async move {
                let _place = places.acquire().await;
                // Nobody is there to hear of it only when the server stops: then the claim runs out.
                let _ = ended.send(call(&app, one).await);
            });
        }
        Ok(any)
    }
}

/// How much may be taken of each endpoint: as much as of every other one; of one that fails, one at a time.
fn rooms(
    waiting: &[Waiting],
    under_way: &HashMap<(WorkspaceId, WebhookEndpointId), UnderWay>,
    free: usize,
) -> Vec<Room> {
    let share = free.div_ceil(waiting.len().max(1));
    let room = |one: &Waiting| {
        let most = if one.failing { 1 } else { CLAIMED_PER_ENDPOINT };
        let busy = under_way.get(&(one.workspace_id, one.endpoint_id)).map_or(0, |one| one.claimed);
        let most = most.saturating_sub(busy).min(share);
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        (most > 0).then_some(Room { workspace_id: one.workspace_id, endpoint_id: one.endpoint_id, most })
    };
    waiting.iter().filter_map(room).collect()
}

async fn call(app: &App, claimed: Claimed) -> Outcome {
    let (at, began) = (app.clock.now(), Instant::now());
    let answer = hand_over(app, &claimed).await;
    let word = match &answer {
        Ok(answered) if (200..300).contains(&answered.status) => "delivered",
        Ok(_) => "refused",
        Err(problem) => problem.as_str(),
    };
    metrics::counter!("webhook_calls", "outcome" => word).increment(1);
    Outcome {
        workspace_id: claimed.workspace_id,
        endpoint_id: claimed.endpoint_id,
        id: claimed.id,
        event_id: claimed.event_id,
        is_test: claimed.seq.is_none(),
        tried: claimed.tried,
        at,
        took: TimeDelta::from_std(began.elapsed()).unwrap_or_default(),
        answer,
        jitter: rand::random_range(-1.0..=1.0),
    }
}

async fn hand_over(app: &App, claimed: &Claimed) -> Result<Answered, CallProblem> {
    let body = match (&claimed.body, &claimed.event) {
        (Some(body), _) => body.clone(),
        (None, Some(event)) => {
            let channels = Some(claimed.channel_ids.clone()).filter(|channels| !channels.is_empty());
            let visible = Visible::to_endpoint(claimed.workspace_id, channels);
            let event = LogEvent::from(event.clone());
            event.webhook_body(app.epoch, &visible).ok_or(CallProblem::NotWanted)?
        }
        (None, None) => return Err(CallProblem::EventExpired),
    };
    let secrets = webhooks::open(&app.keys, claimed.endpoint_id, &claimed.secrets);
    let headers =
        secrets.and_then(|one| one.headers(&claimed.event_id.to_string(), app.clock.now(), &body).ok());
    let Some(headers) = headers else {
        tracing::error!(workspace_id = %claimed.workspace_id, endpoint_id = %claimed.endpoint_id,
            "the secret of a webhook endpoint cannot be decrypted with this TANGGAP_SECRET_KEY; rotate it");
        return Err(CallProblem::Unsigned);
    };
    let timeout = app.settings.times.webhook_total;
    app.guarded.post(Handover { url: &claimed.url, headers: &headers, body, timeout }).await
}
