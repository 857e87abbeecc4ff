//! Forgets what is kept for a time only.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::PgConnection;
use domain::sign_in_throttle::FAMILIAR_DAYS;
use domain::time::Timestamp;
use persistence::error::{Failure, StoreError};
use persistence::webhooks::ledger;
use persistence::{
    events, idempotency, notifications, one_time_tokens, routing, sign_in_throttles, sign_ins,
};

use crate::attachments::forget_unsent;
use crate::http::finish::chain;
use crate::state::App;

/// How often.
const EVERY: Duration = Duration::from_secs(600);
/// How long the answers to writes with an `Idempotency-Key` are kept, in hours.
const IDEMPOTENCY_HOURS: i64 = 24;
/// The most rows of a kind forgotten per workspace and statement, so that none takes long.
const AT_ONCE: i64 = 1000;

/// Works until the task is aborted.
pub async fn run(app: App) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        if let Err(failure) = forget(&app).await {
            tracing::warn!(cause = chain(&failure), "old rows could not be removed; trying again later");
        }
    }
}

/// One round. Answers how many events were forgotten.
///
/// # Errors
/// Those of the database.
pub async fn forget(app: &App) -> Result<usize, Failure> {
    let now = app.clock.now();
    app.rate_limits.forget_idle();
    app.db
        .write(move |conn| {
            idempotency::forget(conn, now.plus(-TimeDelta::hours(IDEMPOTENCY_HOURS)))?;
            sign_ins::forget(conn, now.plus(-TimeDelta::days(1)))?;
            one_time_tokens::forget(conn, now.plus(-TimeDelta::days(1)))?;
            sign_in_throttles::forget(conn, now, now.plus(-TimeDelta::days(FAMILIAR_DAYS)))?;
            Ok(())
        })
        .await?;
    forget_unsent(app).await?;
    let times = &app.settings.times;
    in_rounds(app, times.notifications_kept, notifications::forget).await?;
    in_rounds(app, times.routing_decisions_kept, routing::forget_decisions).await?;
    in_rounds(app, times.event_retention, ledger::forget).await?;
    in_rounds(app, times.event_retention, events::forget).await
}

/// Forgets, at most so many per workspace, what is from before this time.
type Forget = fn(&mut PgConnection, Timestamp, i64) -> Result<usize, StoreError>;

/// Forgets what is older than it is kept, each round a transaction of its own. Answers how many were forgotten.
async fn in_rounds(app: &App, kept: Duration, forget: Forget) -> Result<usize, Failure> {
    // Nothing is as old as what cannot be told as a time.
    let Ok(kept) = TimeDelta::from_std(kept) else { return Ok(0) };
    let before = app.clock.now().plus(-kept);
    let mut forgotten = 0;
    loop {
        let round = app.db.write(move |conn| Ok(forget(conn, before, AT_ONCE)?)).await?;
        forgotten += round;
        if round == 0 {
            return Ok(forgotten);
        }
    }
}
