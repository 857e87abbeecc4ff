//! Writes down who is there, and finds who is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use domain::id::{AgentId, WorkspaceId};
use domain::time::Timestamp;
use persistence::error::Failure;
use persistence::presence::{self, Sighting};
use tokio::time::{MissedTickBehavior, interval};

use crate::http::finish::chain;
use crate::ops::presence::{LEAVE_AT_ONCE, arrive, leave};
use crate::state::App;

/// The most members that arrive in one transaction.
const ARRIVE_AT_ONCE: usize = 500;

/// Works until the task is aborted: every `every`, and at once when somebody comes.
pub async fn run(app: App, every: Duration) {
    let quarter = (app.settings.times.presence_timeout / 4).max(Duration::from_millis(1));
    let mut ticks = interval(every.clamp(Duration::from_millis(1), quarter));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut gate = Gate::default();
    let mut failing = false;
    loop {
        let ticked = tokio::select! {
            _ = ticks.tick() => true,
            () = app.attendance.newcomer() => false,
        };
        // Who is here is written down first: a clock that was moved throws nobody out.
        let outcome = match touch(&app).await {
            Ok(newcomers) => {
                let welcomed = welcome_all(&app, newcomers).await;
                let opens = ticked && gate.opens(app.clock.now(), app.attendance.timeout());
                if opens { welcomed.and(sweep(&app).await) } else { welcomed }
            }
            // Those who are here may look gone.
            Err(failure) => Err(failure),
        };
        match outcome {
            Ok(()) => failing = false,
            Err(failure) => {
                if !failing {
                    let cause = chain(&failure);
                    tracing::warn!(cause, "who is there cannot be written down; trying on");
                }
                failing = true;
            }
        }
    }
}

/// When members may be found gone. After a stretch without a look (the database was away, the machine
/// slept, the process has just begun) other nodes first get the time to write down who is with them.
#[derive(Debug, Default)]
struct Gate {
    looked: Option<Timestamp>,
    waited: bool,
}

impl Gate {
    fn opens(&mut self, now: Timestamp, timeout: TimeDelta) -> bool {
        let steady = self.looked.is_some_and(|looked| now.since(looked) <= timeout / 2);
        self.looked = Some(now);
        let opens = steady || self.waited;
        self.waited = !opens;
        opens
    }
}

/// Stores who was seen on this node: by calls, and by live streams.
///
/// # Errors
/// Those of the database.
pub async fn write_down(app: &App) -> Result<(), Failure> {
    let newcomers = touch(app).await?;
    welcome_all(app, newcomers).await
}

/// One statement for all that are known to be present. Answers the others.
async fn touch(app: &App) -> Result<Vec<Sighting>, Failure> {
    let now = app.clock.now();
    let live = app.hub.signed_in().into_iter();
    app.attendance.still_here(live.map(|(workspace_id, agent_id, sign_in_id)| Sighting {
        workspace_id,
        agent_id,
        sign_in_id,
        at: now,
    }));
    let due = app.attendance.due(now);
    if due.is_empty() {
        return Ok(due);
    }
    let sightings = due.clone();
    let touched = app.db.write(move |conn| Ok(presence::touch(conn, &sightings)?)).await?;
    Ok(settle(app, due, &touched.into_iter().collect()))
}

/// One transaction per workspace for those that come. What one workspace cannot do now is no matter of
/// the others.
async fn welcome_all(app: &App, newcomers: Vec<Sighting>) -> Result<(), Failure> {
    let mut outcome = Ok(());
    for (workspace, sightings) in by_workspace(newcomers) {
        outcome = outcome.and(welcome(app, workspace, sightings).await);
    }
    app.attendance.forget(app.clock.now());
    outcome
}

/// Those of the members have been stored; answers the others.
fn settle(app: &App, sightings: Vec<Sighting>, members: &BTreeSet<(WorkspaceId, AgentId)>) -> Vec<Sighting> {
    let (stored, others): (Vec<_>, Vec<_>) =
        sightings.into_iter().partition(|one| members.contains(&(one.workspace_id, one.agent_id)));
    app.attendance.stored(&stored);
    others
}

fn by_workspace(sightings: Vec<Sighting>) -> BTreeMap<WorkspaceId, Vec<Sighting>> {
    let mut of: BTreeMap<WorkspaceId, Vec<Sighting>> = BTreeMap::new();
    for sighting in sightings {
        of.entry(sighting.workspace_id).or_default().push(sighting);
    }
    of
}

async fn welcome(app: &App, workspace: WorkspaceId, sightings: Vec<Sighting>) -> Result<(), Failure> {
    for some in sightings.chunks(ARRIVE_AT_ONCE) {
        let some = some.to_vec();
        let newcomers = some.clone();
        let arrived = app.write(move |tx| arrive(tx, workspace, &newcomers)).await?;
        settle(app, some, &arrived.into_iter().map(|agent| (workspace, agent)).collect());
    }
    Ok(())
}

/// Finds who was last seen longer ago than the time-out, on whichever node.
///
/// # Errors
/// Those of the database.
pub async fn sweep(app: &App) -> Result<(), Failure> {
    let before = app.clock.now().plus(-app.attendance.timeout());
    let workspaces = app.db.read(move |conn| Ok(presence::overdue(conn, before)?)).await?;
    let mut outcome = Ok(());
    for workspace in workspaces {
        outcome = outcome.and(sweep_one(app, workspace, before).await);
    }
    outcome
}

async fn sweep_one(app: &App, workspace: WorkspaceId, before: Timestamp) -> Result<(), Failure> {
    while app.write(move |tx| leave(tx, workspace, before)).await? == LEAVE_AT_ONCE {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::time::Timestamp;

    use super::Gate;

    #[test]
    fn after_a_gap_the_others_get_one_round() {
        let mut gate = Gate::default();
        let mut opens = |second: i64| {
            let now = Timestamp::from_unix_seconds(1_800_000_000 + second).unwrap();
            gate.opens(now, TimeDelta::seconds(60))
        };
        let steady = [(0, false), (1, true), (2, true), (32, true)];
        let gaps = [(93, false), (94, true), (200, false), (300, true), (301, true)];
        for (second, expected) in steady.into_iter().chain(gaps) {
            assert_eq!(opens(second), expected, "at {second}");
        }
    }
}
