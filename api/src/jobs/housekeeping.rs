//! Forgets what is kept for a time only.

use std::time::Duration;

use chrono::TimeDelta;
use domain::sign_in_throttle::FAMILIAR_DAYS;
use persistence::{events, idempotency, one_time_tokens, sign_in_throttles, sign_ins};

use crate::http::finish::chain;
use crate::state::App;

/// How often.
const EVERY: Duration = Duration::from_secs(600);
/// How long the answers to writes with an `Idempotency-Key` are kept, in hours.
const IDEMPOTENCY_HOURS: i64 = 24;
/// The most events forgotten per workspace and statement, so that none takes long.
const EVENTS_AT_ONCE: i64 = 1000;

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
pub async fn forget(app: &App) -> Result<usize, persistence::error::Failure> {
    let now = app.clock.now();
    let retention = TimeDelta::from_std(app.settings.times.event_retention).unwrap_or(TimeDelta::days(7));
    app.db
        .write(move |conn| {
            idempotency::forget(conn, now.plus(-TimeDelta::hours(IDEMPOTENCY_HOURS)))?;
            sign_ins::forget(conn, now.plus(-TimeDelta::days(1)))?;
            one_time_tokens::forget(conn, now.plus(-TimeDelta::days(1)))?;
            sign_in_throttles::forget(conn, now, now.plus(-TimeDelta::days(FAMILIAR_DAYS)))?;
            Ok(())
        })
        .await?;
    let mut forgotten = 0;
    loop {
        let before = now.plus(-retention);
        let round = app.db.write(move |conn| Ok(events::forget(conn, before, EVENTS_AT_ONCE)?)).await?;
        forgotten += round;
        if round == 0 {
            return Ok(forgotten);
        }
    }
}
