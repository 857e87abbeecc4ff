//! Takes due jobs and works on many at once, so that a slow provider delays only its own customers.

use std::sync::Arc;

use chrono::TimeDelta;
use persistence::error::Failure;
use persistence::jobs::{self, ProfileJob, SendJob};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{fetch_profile, send_message};
use crate::http::finish::chain;
use crate::state::App;

/// Sends under way at once on this node.
const CONCURRENT: usize = 64;
/// The most jobs of one claim.
const CLAIM: usize = 20;
/// How much longer than the longest call a claim lasts, in poll intervals: the outcome is stored in
/// attempts spaced by them. What is not settled by then was abandoned by a process that died.
const CLAIM_MARGIN_POLLS: u32 = 30;

/// Works until the task is aborted. A claim that fails is tried again at the next poll.
pub async fn run(app: App) {
    let slots = Arc::new(Semaphore::new(CONCURRENT));
    loop {
        match claim(&app, &slots).await {
            Ok(0) => wait(&app).await,
            Ok(_) => {}
            Err(failure) => {
                tracing::warn!(cause = chain(&failure), "due jobs could not be claimed; trying again");
                wait(&app).await;
            }
        }
    }
}

/// Claims due jobs and begins them. Answers how many.
async fn claim(app: &App, slots: &Arc<Semaphore>) -> Result<usize, Failure> {
    let mut permits = free(slots).await;
    let now = app.clock.now();
    let times = &app.settings.times;
    let longest = times.provider_total + times.job_poll * CLAIM_MARGIN_POLLS;
    let until = now.plus(TimeDelta::from_std(longest).unwrap_or(TimeDelta::seconds(60)));
    let limit = i64::try_from(permits.len()).unwrap_or(1);
    let jobs = app
        .db
        .write(move |conn| {
            let sends = jobs::claim_sends(conn, now, until, limit)?;
            let left = limit - i64::try_from(sends.len()).unwrap_or(limit);
            let profiles = if left > 0 { jobs::claim_profiles(conn, now, until, left)? } else { Vec::new() };
            let sends = sends.into_iter().map(Job::Send);
            Ok(sends.chain(profiles.into_iter().map(Job::Profile)).collect::<Vec<_>>())
        })
        .await?;
    let claimed = jobs.len();
    for job in jobs {
        let (app, permit) = (app.clone(), permits.pop());
        tokio::spawn(async move {
            let _permit = permit;
            match job {
                Job::Send(job) => send_message::run(&app, job).await,
                Job::Profile(job) => fetch_profile::run(&app, job).await,
            }
            // The next of its lane can be claimed now.
            app.jobs.notify_one();
        });
    }
    Ok(claimed)
}

enum Job {
    Send(SendJob),
    Profile(ProfileJob),
}

/// Waits for one free slot, and takes up to [`CLAIM`] of those that are free by then.
async fn free(slots: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let first = slots.clone().acquire_owned().await.ok();
    let more = (1..CLAIM).map_while(|_| slots.clone().try_acquire_owned().ok());
    first.into_iter().chain(more).collect()
}

/// Until somebody wakes the worker, the next job is due, or the poll interval has passed.
async fn wait(app: &App) {
    let poll = app.settings.times.job_poll;
    let due = app.db.read(|conn| Ok(jobs::next_due(conn)?)).await.ok().flatten();
    let until_due = due.map(|due| due.since(app.clock.now()).to_std().unwrap_or_default());
    let longest = until_due.map_or(poll, |until| until.clamp(std::time::Duration::from_millis(10), poll));
    let _ = tokio::time::timeout(longest, app.jobs.notified()).await;
}
