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
use persistence::webhooks::sending::{self, Claimed, Room, Target, Waiting};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::http::finish::chain;
use crate::ops::webhooks::{self, Call, Outcome};
use crate::outbound_url::{Answered, Handover};
use crate::state::App;
use crate::stream::event::LogEvent;
use crate::webhooks::{CLAIMED_PER_ENDPOINT, CONCURRENT_PER_ENDPOINT, claim};

/// Deliveries claimed at once by this node.
const CLAIMED: usize = 1024;
/// How long more is waited for when something has happened.
const GATHERING: Duration = Duration::from_millis(5);
/// Tests begun at once.
const TESTS: i64 = 4;
/// The most outcomes stored in one transaction.
const SETTLED_AT_ONCE: usize = 512;
/// How long what a claim says of an endpoint is believed, unless something is changed by hand on this node.
const BELIEVED: Duration = Duration::from_secs(1);

/// Works until the task is aborted. What fails is tried again at the next poll.
pub async fn run(app: App) {
    let (ended, outcomes) = unbounded_channel();
    let mut dispatcher = Dispatcher {
        app,
        ended,
        outcomes,
        unsettled: Vec::new(),
        under_way: HashMap::new(),
        turn: 0,
        any: true,
    };
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
    /// Where the next claim begins among those for which something waits.
    turn: usize,
    /// Whether there is any endpoint.
    any: bool,
}

/// What is claimed of an endpoint.
#[derive(Debug, Clone)]
struct UnderWay {
    claimed: usize,
    /// Places for calls. Closed once it has answered that it is gone, until that is stored.
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
        for gone in self.unsettled.drain(..).filter(Outcome::is_gone) {
            if let Some(under_way) = self.under_way.get_mut(&(gone.workspace_id, gone.endpoint_id)) {
                under_way.places = UnderWay::default().places;
            }
        }
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
        let now = self.app.clock.now();
        let until = now.plus(claim(&self.app.settings.times));
        let under_way = self.under_way.clone();
        let read = Read { at: Instant::now(), changes: self.app.webhooks.changes() };
        let turn = self.turn;
        let (claimed, served) = self
            .app
            .db
            .write(move |conn| {
                keep_plans_by_key(conn)?;
                let rooms = rooms(&sending::waiting(conn)?, &under_way, free, turn);
                Ok((sending::claim(conn, &rooms, TESTS, now, until)?, rooms.len()))
            })
            .await?;
        self.turn = self.turn.wrapping_add(served);
        let any = !claimed.is_empty();
        for one in claimed {
            let under_way = self.under_way.entry((one.workspace_id, one.endpoint_id)).or_default();
            under_way.claimed += 1;
            let (app, ended, places) = (self.app.clone(), self.ended.clone(), under_way.places.clone());
            tokio::spawn(async move {
                // Nobody is there to hear of it only when the server stops: then the claim runs out.
                let _ = ended.send(deliver(&app, one, read, &places).await);
            });
        }
        Ok(any)
    }
}

/// How much may be taken of each endpoint: as much as of every other one, `free` in all; of one that fails, one at a time. More than
/// is sent at once is taken only as long as plenty is free: those that hang keep what they have. The first is another one each
/// `turn`, for when there is not something for all.
fn rooms(
    waiting: &[Waiting],
    under_way: &HashMap<(WorkspaceId, WebhookEndpointId), UnderWay>,
    free: usize,
    turn: usize,
) -> Vec<Room> {
    let all = waiting.len().max(1);
    let share = free.div_ceil(all);
    let (later, sooner) = waiting.split_at(turn % all);
    let mut left = free;
    let mut rooms = Vec::new();
    for one in sooner.iter().chain(later) {
        let most = match left {
            _ if one.failing => 1,
            left if left > CLAIMED / 2 => CLAIMED_PER_ENDPOINT,
            _ => CONCURRENT_PER_ENDPOINT,
        };
        let most = match under_way.get(&(one.workspace_id, one.endpoint_id)) {
            Some(under_way) if under_way.places.is_closed() => 0,
            Some(under_way) => most.saturating_sub(under_way.claimed),
            None => most,
        };
        let most = most.min(share).min(left);
        if most > 0 {
            left -= most;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            rooms.push(Room { workspace_id: one.workspace_id, endpoint_id: one.endpoint_id, most });
        }
    }
    rooms
}

/// When what is known of an endpoint was read.
#[derive(Debug, Clone, Copy)]
struct Read {
    at: Instant,
    /// How often something had been changed by hand.
    changes: u64,
}

/// Makes the call once there is a place for it, if it is still to be made.
async fn deliver(app: &App, claimed: Claimed, read: Read, places: &Semaphore) -> Outcome {
    let mut outcome = Outcome {
        workspace_id: claimed.workspace_id,
        endpoint_id: claimed.endpoint_id,
        id: claimed.id,
        is_test: claimed.seq.is_none(),
        tried: claimed.tried,
        call: None,
    };
    // While it waited the endpoint may have gone.
    let Ok(_place) = places.acquire().await else { return outcome };
    let Some(target) = target(app, &claimed, read).await else { return outcome };
    outcome.call = Some(call(app, &claimed, &target).await);
    if outcome.is_gone() {
        places.close();
    }
    outcome
}

/// Where and how the endpoint is told now; `None` if it is not.
async fn target(app: &App, claimed: &Claimed, read: Read) -> Option<Target> {
    let target = if read.at.elapsed() < BELIEVED && read.changes == app.webhooks.changes() {
        claimed.target.clone()
    } else {
        let (workspace, endpoint) = (claimed.workspace_id, claimed.endpoint_id);
        // What cannot be asked now is asked when it is claimed the next time.
        app.db.read(move |conn| Ok(sending::target(conn, workspace, endpoint)?)).await.ok()??
    };
    (target.active || claimed.seq.is_none()).then_some(target)
}

async fn call(app: &App, claimed: &Claimed, target: &Target) -> Call {
    let (at, began) = (app.clock.now(), Instant::now());
    let answer = hand_over(app, claimed, target).await;
    let word = match &answer {
        Ok(answered) if (200..300).contains(&answered.status) => "delivered",
        Ok(_) => "refused",
        Err(problem) => problem.as_str(),
    };
    metrics::counter!("webhook_calls", "outcome" => word).increment(1);
    Call {
        at,
        took: TimeDelta::from_std(began.elapsed()).unwrap_or_default(),
        answer,
        jitter: rand::random_range(-1.0..=1.0),
    }
}

async fn hand_over(app: &App, claimed: &Claimed, target: &Target) -> Result<Answered, CallProblem> {
    let body = match (&claimed.body, &claimed.event) {
        (Some(body), _) => body.clone(),
        (None, Some(event)) => {
            let channels = Some(target.channel_ids.clone()).filter(|channels| !channels.is_empty());
            let visible = Visible::to_endpoint(claimed.workspace_id, channels);
            let event = LogEvent::from(event.clone());
            event.webhook_body(app.epoch, &visible).ok_or(CallProblem::NotWanted)?
        }
        (None, None) => return Err(CallProblem::EventExpired),
    };
    let secrets = webhooks::open(&app.keys, claimed.endpoint_id, &target.secrets);
    let headers =
        secrets.and_then(|one| one.headers(&claimed.event_id.to_string(), app.clock.now(), &body).ok());
    let Some(headers) = headers else {
        tracing::error!(workspace_id = %claimed.workspace_id, endpoint_id = %claimed.endpoint_id,
            "the secret of a webhook endpoint cannot be decrypted with this TANGGAP_SECRET_KEY; rotate it");
        return Err(CallProblem::Unsigned);
    };
    let timeout = app.settings.times.webhook_total;
    app.guarded.post(Handover { url: &target.url, headers: &headers, body, timeout }).await
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use domain::id::{WebhookEndpointId, WorkspaceId};
    use persistence::webhooks::sending::Waiting;
    use uuid::Uuid;

    use super::{CLAIMED, UnderWay, rooms};

    fn waiting(count: u128) -> Vec<Waiting> {
        let one = |number| Waiting {
            workspace_id: Uuid::from_u128(1).into(),
            endpoint_id: Uuid::from_u128(number).into(),
            failing: false,
        };
        (0..count).map(one).collect()
    }

    fn claimed(waiting: &[Waiting], claimed: usize) -> HashMap<(WorkspaceId, WebhookEndpointId), UnderWay> {
        let one = |one: &Waiting| {
            ((one.workspace_id, one.endpoint_id), UnderWay { claimed, ..UnderWay::default() })
        };
        waiting.iter().map(one).collect()
    }

    #[test]
    fn no_more_is_taken_than_is_free_and_everybody_has_a_turn() {
        let waiting = waiting(3000);
        let (mut turn, mut served) = (0, HashSet::new());
        for _ in 0..3 {
            let rooms = rooms(&waiting, &HashMap::new(), CLAIMED, turn);
            assert_eq!(rooms.iter().map(|room| room.most).sum::<i64>(), 1024);
            turn += rooms.len();
            served.extend(rooms.iter().map(|room| room.endpoint_id));
        }
        assert_eq!(served.len(), 3000);
        assert!(rooms(&[], &HashMap::new(), CLAIMED, 7).is_empty());
    }

    #[test]
    fn who_hangs_leaves_room_for_others() {
        let waiting = waiting(16);
        let mut under_way = HashMap::new();
        let mut free = CLAIMED;
        for turn in 0..100 {
            for room in rooms(&waiting, &under_way, free, turn) {
                let most = usize::try_from(room.most).unwrap();
                under_way
                    .entry((room.workspace_id, room.endpoint_id))
                    .or_insert_with(UnderWay::default)
                    .claimed += most;
                free -= most;
            }
        }
        assert!(free >= 256, "{free}");
        let other = self::waiting(17);
        assert_eq!(rooms(&other, &under_way, free, 0).len(), 1);
    }

    #[test]
    fn who_fails_has_one_at_a_time_and_who_is_gone_none() {
        let mut both = waiting(2);
        both[0].failing = true;
        let under_way = claimed(&both[1..], 1);
        under_way[&(both[1].workspace_id, both[1].endpoint_id)].places.close();
        let most: Vec<i64> = rooms(&both, &under_way, CLAIMED, 1).iter().map(|room| room.most).collect();
        assert_eq!(most, [1]);
    }
}
