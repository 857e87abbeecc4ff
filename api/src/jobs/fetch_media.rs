//! Fetches the bytes of a customer's file.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::TimeDelta;
use domain::attachment::{AttachmentFailure, RECEIVED_MAX_BYTES};
use domain::id::AttachmentId;
use persistence::attachments::{self, Content, ReceivedAttachment};
use persistence::error::Failure;
use persistence::jobs::{self, ChannelJob};

use crate::attachments::{Intake, IntakeError};
use crate::channels::media::{self, MediaClient, MediaError, OpenedMedia};
use crate::http::finish::chain;
use crate::ops::attachments::{media_failed, media_stored};
use crate::ops::transaction::Tx;
use crate::state::App;

/// How long providers keep what they named in a webhook, in days: after that nothing is asked for any more.
const KEPT_DAYS: i64 = 7;
/// The longest wait before the next attempt, in seconds.
const WAIT_MAX_SECONDS: i64 = 3600;
/// Bytes that are not what was announced are fetched anew, so many times in all.
const DAMAGED_MAX: i32 = 4;

/// What came of one attempt.
enum Outcome {
    Stored(Content),
    Failed(AttachmentFailure),
    Later(&'static str),
    /// There is nothing to do any more.
    Done,
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Stored(_) => "stored",
            Self::Failed(failure) => failure.as_str(),
            Self::Later(_) => "later",
            Self::Done => "done",
        }
    }
}

/// Works on one claimed job. What goes wrong here is logged; the claim runs out and the job is seen
/// again: fetching twice has no effect.
pub async fn run(app: &App, job: ChannelJob) {
    let outcome = match attempt(app, job).await {
        Ok(outcome) => outcome,
        Err(failure) => {
            let cause = chain(&failure);
            tracing::warn!(attachment_id = %job.subject_id, cause, "a file could not be asked for");
            return;
        }
    };
    metrics::counter!("files_fetched", "outcome" => outcome.word()).increment(1);
    if let Outcome::Later(why) = &outcome {
        let attempts = job.attempts;
        tracing::info!(attachment_id = %job.subject_id, attempts, why, "a file did not come; trying again later");
    }
    if let Err(failure) = app.write(move |tx| settle(tx, job, &outcome)).await {
        let cause = chain(&failure);
        tracing::warn!(attachment_id = %job.subject_id, cause, "what came of fetching a file could not be stored");
    }
}

async fn attempt(app: &App, job: ChannelJob) -> Result<Outcome, Failure> {
    let id = AttachmentId(job.subject_id);
    let wanted = app.db.read(move |conn| Ok(attachments::to_fetch(conn, job.workspace_id, id)?)).await?;
    let Some(wanted) = wanted else { return Ok(Outcome::Done) };
    let Some(known) = app.known_channels.get(app, job.channel_id).await? else {
        return Ok(Outcome::Failed(AttachmentFailure::Refused));
    };
    let credentials = known.secrets.credentials(&known.channel.external_id);
    let timeout = app.settings.times.media_total;
    let client = MediaClient { providers: &app.providers, guarded: &app.guarded, timeout };
    // No connection to the database is held while the provider takes its time.
    Ok(match media::open(&client, credentials.as_ref(), &wanted.source).await {
        Ok(opened) => take_in(app, job, &wanted, opened, timeout).await,
        Err(MediaError::Later(why)) => Outcome::Later(why),
        Err(MediaError::Never(failure)) => Outcome::Failed(failure),
    })
}

async fn take_in(
    app: &App,
    job: ChannelJob,
    wanted: &ReceivedAttachment,
    opened: OpenedMedia,
    timeout: Duration,
) -> Outcome {
    let expected = opened.sha256.clone().and_then(|hash| BASE64_STANDARD.decode(hash).ok());
    let begun = Intake::begin(&app.attachments, job.workspace_id, wanted.id, RECEIVED_MAX_BYTES).await;
    let mut intake = match begun {
        Ok(intake) => intake,
        Err(error) => return not_taken(job, &error),
    };
    if let Err(outcome) = drain(job, &mut intake, opened, timeout).await {
        intake.abort().await;
        return outcome;
    }
    let received = intake.complete(wanted.kind);
    let empty = received.content.size_bytes == 0;
    let damaged = expected.is_some_and(|expected| expected != received.content.sha256);
    if empty || damaged {
        received.abort().await;
        return match (damaged, job.attempts < DAMAGED_MAX) {
            (true, true) => Outcome::Later("the bytes are not those that were announced"),
            (true, false) => Outcome::Failed(AttachmentFailure::Damaged),
            (false, _) => Outcome::Failed(AttachmentFailure::Empty),
        };
    }
    match received.keep().await {
        Ok(content) => Outcome::Stored(content),
        Err(error) => not_taken(job, &error),
    }
}

/// Takes the bytes as they come.
async fn drain(
    job: ChannelJob,
    intake: &mut Intake,
    opened: OpenedMedia,
    timeout: Duration,
) -> Result<(), Outcome> {
    let mut response = opened.response;
    if response.content_length().is_some_and(|length| length > RECEIVED_MAX_BYTES) {
        return Err(Outcome::Failed(AttachmentFailure::TooLarge));
    }
    let read = async {
        loop {
            match response.chunk().await {
                Ok(Some(bytes)) => intake.take(bytes).await.map_err(|error| not_taken(job, &error))?,
                Ok(None) => return Ok(()),
                Err(_) => return Err(Outcome::Later("the connection broke before the file was complete")),
            }
        }
    };
    tokio::time::timeout(timeout, read).await.unwrap_or(Err(Outcome::Later("the file took too long")))
}

fn not_taken(job: ChannelJob, error: &IntakeError) -> Outcome {
    match error {
        IntakeError::TooLarge(_) => Outcome::Failed(AttachmentFailure::TooLarge),
        IntakeError::Store(_) => {
            tracing::warn!(attachment_id = %job.subject_id, cause = chain(error), "the store did not take a file");
            Outcome::Later("the store did not take it")
        }
    }
}

fn settle(tx: &mut Tx<'_>, job: ChannelJob, outcome: &Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Stored(content) => media_stored(tx, job, content),
        Outcome::Failed(failure) => media_failed(tx, job, *failure),
        Outcome::Done => Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?),
        Outcome::Later(_) => {
            let found = attachments::find(tx.conn, job.workspace_id, AttachmentId(job.subject_id))?;
            let gone_at = found.map(|found| found.attachment.created_at.plus(TimeDelta::days(KEPT_DAYS)));
            let seconds = (5_i64 << job.attempts.clamp(0, 16)).min(WAIT_MAX_SECONDS);
            let due_at = tx.now.plus(TimeDelta::seconds(seconds));
            match gone_at {
                Some(gone_at) if due_at < gone_at => {
                    Ok(jobs::postpone(tx.conn, job.workspace_id, job.id, due_at)?)
                }
                _ => media_failed(tx, job, AttachmentFailure::Unavailable),
            }
        }
    }
}
