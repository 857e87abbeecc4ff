//! Takes due jobs and works on many at once, so that a slow provider delays only its own customers.

use std::sync::Arc;
use std::time::Duration;

use domain::job::ChannelJobKind;
use domain::time::Timestamp;
use persistence::error::Failure;
use persistence::jobs::{self, ChannelJob, MailJob, SendJob};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{block_contact, fetch_media, fetch_profile, gesture, send_mail, send_message, templates};
use crate::http::finish::chain;
use crate::state::App;

/// Sends under way at once on this node.
const CONCURRENT: usize = 64;
/// Mails under way at once on this node. They have slots of their own, so that a mail server that hangs
/// holds up no message.
const MAILS: usize = 4;
/// Files fetched at once on this node. They have slots of their own, so that large ones hold up no message.
const FILES: usize = 8;
/// The most jobs of one claim.
const CLAIM: usize = 20;

/// Works until the task is aborted. A claim that fails is tried again at the next poll.
pub async fn run(app: App) {
    let slots = Arc::new(Semaphore::new(CONCURRENT));
    let mails = Arc::new(Semaphore::new(MAILS));
    let files = Arc::new(Semaphore::new(FILES));
    loop {
        match claim_all(&app, &slots, &mails, &files).await {
            Ok(0) => wait(&app, &mails, &files).await,
            Ok(_) => {}
            Err(failure) => {
                tracing::warn!(cause = chain(&failure), "due jobs could not be claimed; trying again");
                wait(&app, &mails, &files).await;
            }
        }
    }
}

/// Claims due jobs of all kinds and begins them. Answers how many.
async fn claim_all(
    app: &App,
    slots: &Arc<Semaphore>,
    mails: &Arc<Semaphore>,
    files: &Arc<Semaphore>,
) -> Result<usize, Failure> {
    Ok(claim(app, slots).await? + claim_mails(app, mails).await? + claim_files(app, files).await?)
}

/// Claims due jobs and begins them. Answers how many.
async fn claim(app: &App, slots: &Arc<Semaphore>) -> Result<usize, Failure> {
    let mut permits = free(slots).await;
    let times = &app.settings.times;
    let (now, until) = claim_times(app, times.provider_total.max(times.webhook_total));
    let limit = i64::try_from(permits.len()).unwrap_or(1);
    let jobs = app
        .db
        .write(move |conn| {
            let sends = jobs::claim_sends(conn, now, until, limit)?;
            let left = limit - i64::try_from(sends.len()).unwrap_or(limit);
            let others =
                if left > 0 { jobs::claim_channel_jobs(conn, false, now, until, left)? } else { Vec::new() };
            let sends = sends.into_iter().map(Job::Send);
            Ok(sends.chain(others.into_iter().map(Job::Channel)).collect::<Vec<_>>())
        })
        .await?;
    let claimed = jobs.len();
    for job in jobs {
        begin(app, job, permits.pop());
    }
    Ok(claimed)
}

/// Claims due mails and begins them, as many as there are free slots for. Answers how many.
async fn claim_mails(app: &App, slots: &Arc<Semaphore>) -> Result<usize, Failure> {
    let mut permits: Vec<_> = (0..MAILS).map_while(|_| slots.clone().try_acquire_owned().ok()).collect();
    let limit = i64::try_from(permits.len()).unwrap_or(0);
    if app.mailer.is_none() || limit == 0 {
        return Ok(0);
    }
    let (now, until) = claim_times(app, app.settings.times.mail_total);
    let jobs = app.db.write(move |conn| Ok(jobs::claim_mails(conn, now, until, limit)?)).await?;
    let claimed = jobs.len();
    for job in jobs {
        begin(app, Job::Mail(job), permits.pop());
    }
    Ok(claimed)
}

/// Claims files that are to be fetched and begins, as many as there are free slots for. Answers how many.
async fn claim_files(app: &App, slots: &Arc<Semaphore>) -> Result<usize, Failure> {
    let mut permits: Vec<_> = (0..FILES).map_while(|_| slots.clone().try_acquire_owned().ok()).collect();
    let limit = i64::try_from(permits.len()).unwrap_or(0);
    if limit == 0 {
        return Ok(0);
    }
    // Two calls may come before the bytes: for a link that has run out, and for a new one.
    let longest = app.settings.times.media_total + app.settings.times.provider_total * 2;
    let (now, until) = claim_times(app, longest);
    let jobs = app.db.write(move |conn| Ok(jobs::claim_channel_jobs(conn, true, now, until, limit)?)).await?;
    let claimed = jobs.len();
    for job in jobs {
        begin(app, Job::Channel(job), permits.pop());
    }
    Ok(claimed)
}

/// Now, and until when jobs are claimed whose call takes this long at most.
pub(super) fn claim_times(app: &App, longest_call: Duration) -> (Timestamp, Timestamp) {
    let now = app.clock.now();
    (now, now.plus(app.settings.times.claim(longest_call)))
}

fn begin(app: &App, job: Job, permit: Option<OwnedSemaphorePermit>) {
    let app = app.clone();
    tokio::spawn(async move {
        match job {
            Job::Send(job) => send_message::run(&app, job).await,
            Job::Channel(job) => work_on(&app, job).await,
            Job::Mail(job) => send_mail::run(&app, job).await,
        }
        drop(permit);
        // The next of its lane can be claimed now.
        app.jobs.notify_one();
    });
}

async fn work_on(app: &App, job: ChannelJob) {
    match job.kind {
        ChannelJobKind::FetchProfile => fetch_profile::run(app, job).await,
        ChannelJobKind::FetchMedia => fetch_media::run(app, job).await,
        ChannelJobKind::SendReaction | ChannelJobKind::MarkRead => gesture::run(app, job).await,
        ChannelJobKind::BlockContact => block_contact::run(app, job).await,
        ChannelJobKind::SubmitTemplate | ChannelJobKind::DeleteTemplate | ChannelJobKind::SyncTemplates => {
            templates::run(app, job).await;
        }
    }
}

enum Job {
    Send(SendJob),
    Channel(ChannelJob),
    Mail(MailJob),
}

/// Waits for one free slot, and takes up to [`CLAIM`] of those that are free by then.
async fn free(slots: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let first = slots.clone().acquire_owned().await.ok();
    let more = (1..CLAIM).map_while(|_| slots.clone().try_acquire_owned().ok());
    first.into_iter().chain(more).collect()
}

/// Until somebody wakes the worker, the next job is due, or the poll interval has passed.
async fn wait(app: &App, mails: &Semaphore, files: &Semaphore) {
    let poll = app.settings.times.job_poll;
    // One that cannot be begun now is waited for in vain.
    let mails = app.mailer.is_some() && mails.available_permits() > 0;
    let files = files.available_permits() > 0;
    let due = app.db.read(move |conn| Ok(jobs::next_due(conn, mails, files)?)).await.ok().flatten();
    let until_due = due.map(|due| due.since(app.clock.now()).to_std().unwrap_or_default());
    let longest = until_due.map_or(poll, |until| until.clamp(Duration::from_millis(10), poll));
    let _ = tokio::time::timeout(longest, app.jobs.notified()).await;
}
