//! Wrong passwords, counted over all nodes.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel::{QueryableByName, RunQueryDsl};
use domain::sign_in_throttle::{Failures, ThrottleScope};
use domain::time::Timestamp;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// A keyed hash of an account, a client's address, or both.
pub type ThrottleKey = [u8; 32];

/// What is known of one key.
#[derive(Debug, Clone, Copy)]
pub struct Throttle {
    /// Its failures.
    pub failures: Failures,
    /// When the right password last came.
    pub succeeded_at: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Timestamptz)]
    last_failure_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    forgotten_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    succeeded_at: Option<DateTime<Utc>>,
}

/// Reads and locks what is known of a key, so that of two attempts at once one sees the other's
/// failure. A new key has no failures.
///
/// # Errors
/// Only those of the database.
pub fn lock(
    conn: &mut PgConnection,
    scope: ThrottleScope,
    key: ThrottleKey,
    now: Timestamp,
) -> Result<Throttle, StoreError> {
    // Only an update locks a row that may not have been there a moment ago.
    let row = sql("INSERT INTO sign_in_throttles (scope, key, last_failure_at, forgotten_at)
         VALUES ($1, $2, $3, $3) ON CONFLICT (scope, key) DO UPDATE SET scope = excluded.scope
         RETURNING last_failure_at, forgotten_at, succeeded_at")
    .bind(scope.as_str())
    .bind(key.to_vec())
    .bind(now)
    .get_result::<Row>(conn)?;
    let failures = Failures {
        last_at: Timestamp::new(row.last_failure_at),
        forgotten_at: Timestamp::new(row.forgotten_at),
    };
    Ok(Throttle { failures, succeeded_at: row.succeeded_at.map(Timestamp::new) })
}

/// Stores the failures of a locked key.
///
/// # Errors
/// `RowCount` if the key is not there.
pub fn save(
    conn: &mut PgConnection,
    scope: ThrottleScope,
    key: ThrottleKey,
    failures: Failures,
) -> Result<(), StoreError> {
    let changed = sql("UPDATE sign_in_throttles SET last_failure_at = $3, forgotten_at = $4
         WHERE scope = $1 AND key = $2")
    .bind(scope.as_str())
    .bind(key.to_vec())
    .bind(failures.last_at)
    .bind(failures.forgotten_at)
    .execute(conn)?;
    expect_rows("sign_in_throttles::save", changed, 1)
}

/// The right password of an account came from an address: its failures are forgotten, and the address
/// is known to the account from now on.
///
/// # Errors
/// Only those of the database.
pub fn succeeded(conn: &mut PgConnection, pair: ThrottleKey, now: Timestamp) -> Result<(), StoreError> {
    sql("INSERT INTO sign_in_throttles (scope, key, last_failure_at, forgotten_at, succeeded_at)
         VALUES ($1, $2, $3, $3, $3)
         ON CONFLICT (scope, key) DO UPDATE SET last_failure_at = $3, forgotten_at = $3, succeeded_at = $3")
    .bind(ThrottleScope::Pair.as_str())
    .bind(pair.to_vec())
    .bind(now)
    .execute(conn)?;
    Ok(())
}

/// Forgets keys without failures at `now`, unless the right password came since `familiar_since`.
///
/// # Errors
/// Only those of the database.
pub fn forget(
    conn: &mut PgConnection,
    now: Timestamp,
    familiar_since: Timestamp,
) -> Result<usize, StoreError> {
    Ok(sql("DELETE FROM sign_in_throttles
         WHERE forgotten_at <= $1 AND (succeeded_at IS NULL OR succeeded_at < $2)")
    .bind(now)
    .bind(familiar_since)
    .execute(conn)?)
}
