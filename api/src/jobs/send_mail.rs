//! Hands one mail to the mail server.
//!
//! The mail is written now, so that its token is nowhere before. A process that dies after handing it
//! over sends it again; both carry the same token and the same id.

use chrono::TimeDelta;
use domain::time::Timestamp;
use persistence::error::Failure;
use persistence::jobs::{self, MailJob};
use persistence::one_time_tokens;

use crate::auth::one_time_token::OneTimeToken;
use crate::http::finish::chain;
use crate::mail::{Letter, MailFailure};
use crate::state::App;

/// After this many attempts, about four hours, the mail is given up.
const ATTEMPTS_MAX: i32 = 12;
/// The first delay between attempts; each is twice the one before, up to the longest.
const FIRST_DELAY_SECONDS: i64 = 15;
/// See [`FIRST_DELAY_SECONDS`].
const LONGEST_DELAY_SECONDS: i64 = 3600;

/// What came of an attempt.
enum Outcome {
    Sent,
    /// The token is no longer good for anything.
    Needless,
    Failed(MailFailure),
}

/// Works on one claimed job. What goes wrong with the database is logged; the claim runs out and the
/// job is seen again.
pub async fn run(app: &App, job: MailJob) {
    let worked = async { settle(app, job, attempt(app, job).await?).await };
    if let Err(failure) = worked.await {
        let cause = chain(&failure);
        tracing::warn!(job_id = %job.id, cause, "a mail could not be prepared, or its outcome not stored; trying again");
    }
}

async fn attempt(app: &App, job: MailJob) -> Result<Outcome, Failure> {
    let now = app.clock.now();
    let read = move |conn: &mut diesel::PgConnection| {
        Ok(one_time_tokens::letter(conn, job.workspace_id, job.token_id, now)?)
    };
    let Some(about) = app.db.read(read).await? else { return Ok(Outcome::Needless) };
    let Some(mailer) = &app.mailer else {
        return Ok(Outcome::Failed(MailFailure::Passing("this node has none")));
    };
    let token = OneTimeToken { workspace_id: job.workspace_id, id: job.token_id, purpose: about.purpose };
    let letter = Letter::write(&app.keys, app.settings.app_url(), token, &about);
    Ok(match mailer.send(&letter, &job.token_id.to_string(), now).await {
        Ok(()) => Outcome::Sent,
        Err(failure) => Outcome::Failed(failure),
    })
}

async fn settle(app: &App, job: MailJob, outcome: Outcome) -> Result<(), Failure> {
    let MailJob { workspace_id, id: job_id, attempts, .. } = job;
    let (word, again) = match outcome {
        Outcome::Sent => {
            tracing::info!(%job_id, %workspace_id, attempts, "a mail was handed to the mail server");
            ("sent", false)
        }
        Outcome::Needless => {
            tracing::info!(%job_id, %workspace_id, attempts, "a mail is not needed any more");
            ("needless", false)
        }
        Outcome::Failed(failure) => {
            let again = failure != MailFailure::Final && attempts < ATTEMPTS_MAX;
            let next = if again { "trying again" } else { "giving up" };
            tracing::warn!(%job_id, %workspace_id, attempts, cause = %failure, next, "a mail was not taken");
            ("failed", again)
        }
    };
    metrics::counter!("mails", "outcome" => word).increment(1);
    app.write(move |tx| {
        if again {
            Ok(jobs::postpone(tx.conn, workspace_id, job_id, due_at(attempts, tx.now))?)
        } else {
            Ok(jobs::finish(tx.conn, workspace_id, job_id)?)
        }
    })
    .await
}

/// When to try again after so many attempts.
fn due_at(attempts: i32, now: Timestamp) -> Timestamp {
    let doublings = attempts.saturating_sub(1).clamp(0, 16);
    now.plus(TimeDelta::seconds((FIRST_DELAY_SECONDS << doublings).min(LONGEST_DELAY_SECONDS)))
}

#[cfg(test)]
mod tests {
    use super::{ATTEMPTS_MAX, due_at};
    use domain::time::Timestamp;

    #[test]
    fn delays_grow_to_an_hour_and_end_after_about_four() {
        let now = Timestamp::from_unix_seconds(1_795_160_000).unwrap();
        let seconds = |attempts| due_at(attempts, now).since(now).num_seconds();
        assert_eq!([1, 2, 3, 9, 30].map(seconds), [15, 30, 60, 3600, 3600]);
        let whole: i64 = (1..ATTEMPTS_MAX).map(seconds).sum();
        assert!((3 * 3600..5 * 3600).contains(&whole), "{whole}");
    }
}
