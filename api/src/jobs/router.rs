//! Has routing look at what there is to look at: at once when something happened on this node, and otherwise when a timer
//! is due or another node left something.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::id::WorkspaceId;
use domain::time::Timestamp;
use persistence::error::Failure;
use persistence::{routing as stored, timers};

use crate::http::finish::chain;
use crate::ops::routing::{Memory, Run, run as route};
use crate::state::App;

/// How many workspaces are routed at once on this node: with two, those that wait for their turn wait five times as long.
const AT_ONCE: usize = 4;
/// How many workspaces are found at once.
const FOUND: i64 = 10_000;
/// Of how many workspaces the team is remembered.
const REMEMBERED: usize = 1024;

type Memories = Arc<Mutex<HashMap<WorkspaceId, Memory>>>;

/// Works until the task is aborted. What fails is tried again at the next poll, or when something else happens.
pub async fn run(app: App) {
    let memories = Memories::default();
    loop {
        match round(&app, &memories).await {
            Ok(Found::Work) => {}
            Ok(Found::Nothing { next_due }) => wait(&app, next_due).await,
            Err(failure) => {
                tracing::warn!(cause = chain(&failure), "conversations could not be routed; trying again");
                let _ = tokio::time::timeout(app.settings.times.job_poll, app.router.notified()).await;
            }
        }
    }
}

/// What a look gave.
enum Found {
    /// There was something to do, and this node did it once.
    Work,
    /// There was nothing, or other nodes are at it; when the next timer is due.
    Nothing { next_due: Option<Timestamp> },
}

/// Routes every workspace in which there is something to do, once.
async fn round(app: &App, memories: &Memories) -> Result<Found, Failure> {
    let now = app.clock.now();
    let look = move |conn: &mut _| {
        let found = stored::workspaces_with_work(conn, now, FOUND)?;
        let next_due = if found.is_empty() { timers::next_due(conn)? } else { None };
        Ok((found, next_due))
    };
    let (found, next_due) = app.db.read(look).await?;
    if found.is_empty() {
        return Ok(Found::Nothing { next_due });
    }
    let queue = Arc::new(Mutex::new(found));
    let workers = (0..AT_ONCE).map(|_| work(app, memories, queue.clone()));
    let outcomes = futures_util::future::join_all(workers).await;
    let done = outcomes.contains(&true);
    Ok(if done { Found::Work } else { Found::Nothing { next_due: None } })
}

/// Answers whether this node did anything.
async fn work(app: &App, memories: &Memories, queue: Arc<Mutex<Vec<WorkspaceId>>>) -> bool {
    let mut any = false;
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    while let Some(workspace) = next() {
        // What one workspace cannot do now is no matter of the others.
        match one(app, memories, workspace).await {
            Ok(done) => any |= done,
            Err(failure) => {
                let cause = chain(&failure);
                tracing::warn!(workspace_id = %workspace, cause, "a workspace could not be routed; trying again");
            }
        }
    }
    any
}

/// One transaction's worth; what is left has its turn after the other workspaces. Answers whether this node did it.
async fn one(app: &App, memories: &Memories, workspace: WorkspaceId) -> Result<bool, Failure> {
    // Taken by the first attempt: what was remembered before is not to be trusted by a second.
    let known = Arc::new(Mutex::new(forget(memories, workspace)));
    let _gate = app.configuration_gate.read().await;
    let made = app
        .write(move |tx| {
            let memory = known.lock().unwrap_or_else(PoisonError::into_inner).take();
            route(tx, workspace, memory)
        })
        .await?;
    match made {
        Run::Made(memory) => {
            remember(memories, workspace, memory);
            Ok(true)
        }
        Run::Elsewhere => Ok(false),
    }
}

fn forget(memories: &Memories, workspace: WorkspaceId) -> Option<Memory> {
    memories.lock().unwrap_or_else(PoisonError::into_inner).remove(&workspace)
}

fn remember(memories: &Memories, workspace: WorkspaceId, memory: Option<Memory>) {
    let mut memories = memories.lock().unwrap_or_else(PoisonError::into_inner);
    if memories.len() >= REMEMBERED {
        memories.clear();
    }
    if let Some(memory) = memory {
        memories.insert(workspace, memory);
    }
}

/// Until somebody wakes the router, the next timer is due, or the poll interval has passed.
async fn wait(app: &App, next_due: Option<Timestamp>) {
    let poll = app.settings.times.job_poll;
    let until_due = next_due.map(|due| due.since(app.clock.now()).to_std().unwrap_or_default());
    let longest = until_due.map_or(poll, |until| until.clamp(Duration::from_millis(10), poll));
    let _ = tokio::time::timeout(longest, app.router.notified()).await;
}
