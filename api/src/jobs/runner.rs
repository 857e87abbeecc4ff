//! Takes due jobs and works on many at once, so that a slow provider delays only its own customers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::PgConnection;
use domain::id::{ChannelId, WorkspaceId};
use domain::job::ChannelJobKind;
use domain::time::Timestamp;
use persistence::error::Failure;
use persistence::jobs::{self, ChannelJob, MailJob, SendJob, UnderWay};
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
    let places = Places {
        sends: Arc::new(Semaphore::new(CONCURRENT)),
        mails: Arc::new(Semaphore::new(MAILS)),
        files: Arc::new(Semaphore::new(FILES)),
        under_way: Arc::default(),
    };
    loop {
        match claim_all(&app, &places).await {
            Ok(0) => wait(&app, &places).await,
            Ok(_) => {}
            Err(failure) => {
                tracing::warn!(cause = chain(&failure), "due jobs could not be claimed; trying again");
                wait(&app, &places).await;
            }
        }
    }
}

/// Where jobs are worked on.
struct Places {
    sends: Arc<Semaphore>,
    mails: Arc<Semaphore>,
    files: Arc<Semaphore>,
    /// What has a place of `sends`, by channel.
    under_way: Arc<Mutex<UnderWay>>,
}

impl Places {
    fn under_way(&self) -> UnderWay {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts a job of a channel until the answer is dropped.
    fn count(&self, channel: (WorkspaceId, ChannelId)) -> Counted {
        *self.under_way.lock().unwrap_or_else(PoisonError::into_inner).entry(channel).or_default() += 1;
        Counted { under_way: self.under_way.clone(), channel }
    }
}

/// A job that is under way.
struct Counted {
    under_way: Arc<Mutex<UnderWay>>,
    channel: (WorkspaceId, ChannelId),
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = under_way.get_mut(&self.channel) {
            *jobs -= 1;
            if *jobs == 0 {
                under_way.remove(&self.channel);
            }
        }
    }
}

/// Claims due jobs of all kinds and begins them. Answers how many.
async fn claim_all(app: &App, places: &Places) -> Result<usize, Failure> {
    Ok(claim(app, places).await?
        + claim_mails(app, &places.mails).await?
        + claim_files(app, &places.files).await?)
}

/// Claims due jobs and begins them. Answers how many.
async fn claim(app: &App, places: &Places) -> Result<usize, Failure> {
    let mut permits = free(&places.sends).await;
    let times = &app.settings.times;
    let (now, until) = claim_times(app, times.provider_total.max(times.webhook_total));
    let limit = i64::try_from(permits.len()).unwrap_or(1);
    let under_way = places.under_way();
    let (sends, others) = app
        .db
        .write(move |conn| {
            let mut under_way = under_way.clone();
            let sends = jobs::claim_sends(conn, &under_way, now, until, limit)?;
            for send in &sends {
                *under_way.entry((send.workspace_id, send.channel_id)).or_default() += 1;
            }
            let left = limit - i64::try_from(sends.len()).unwrap_or(limit);
            let others = if left > 0 {
                jobs::claim_channel_jobs(conn, &under_way, now, until, left)?
            } else {
                Vec::new()
            };
            Ok((sends, others))
        })
        .await?;
    let claimed = sends.len() + others.len();
    let sends = sends.into_iter().map(|job| ((job.workspace_id, job.channel_id), Job::Send(job)));
    let others = others.into_iter().map(|job| ((job.workspace_id, job.channel_id), Job::Channel(job)));
    for (channel, job) in sends.chain(others) {
        begin(app, job, (permits.pop(), places.count(channel)));
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
    let jobs = app.db.write(move |conn| Ok(jobs::claim_long_jobs(conn, now, until, limit)?)).await?;
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

/// Works on a job, and holds its places as long.
fn begin(app: &App, job: Job, places: impl Send + 'static) {
    let app = app.clone();
    tokio::spawn(async move {
        match job {
            Job::Send(job) => send_message::run(&app, job).await,
            Job::Channel(job) => work_on(&app, job).await,
            Job::Mail(job) => send_mail::run(&app, job).await,
        }
        drop(places);
        // The next of its lane, or of its channel, can be claimed now.
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
async fn wait(app: &App, places: &Places) {
    let poll = app.settings.times.job_poll;
    // One that cannot be begun now is waited for in vain.
    let mails = app.mailer.is_some() && places.mails.available_permits() > 0;
    let files = places.files.available_permits() > 0;
    let under_way = places.under_way();
    let look = move |conn: &mut PgConnection| Ok(jobs::next_due(conn, &under_way, mails, files)?);
    let due = app.db.read(look).await.ok().flatten();
    let until_due = due.map(|due| due.since(app.clock.now()).to_std().unwrap_or_default());
    let longest = until_due.map_or(poll, |until| until.clamp(Duration::from_millis(10), poll));
    let _ = tokio::time::timeout(longest, app.jobs.notified()).await;
}
