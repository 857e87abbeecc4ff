//! Answers kept for repeats of the same write.

use diesel::pg::PgConnection;
use diesel::sql_types::{Binary, Nullable, SmallInt, Text};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{AgentId, WorkspaceId};
use domain::time::Timestamp;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// Whose key it is: another member may use the same words.
#[derive(Debug, Clone)]
pub struct Key {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The caller.
    pub agent_id: AgentId,
    /// The words.
    pub key: String,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: the write is to be done, and [`finish`]ed in the same transaction.
    First,
    /// It was done, by the same request.
    Done {
        /// The status answered.
        status: u16,
        /// The body answered.
        body: String,
    },
    /// The key came with another request.
    OtherRequest,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    request_hash: Vec<u8>,
    #[diesel(sql_type = Nullable<SmallInt>)]
    status: Option<i16>,
    #[diesel(sql_type = Nullable<Text>)]
    body: Option<String>,
}

/// Notes that a write begins. A second one with the same key waits here until the first's
/// transaction has ended, and then finds its answer, or, if it was rolled back, is the first.
///
/// # Errors
/// Only those of the database.
pub fn begin(
    conn: &mut PgConnection,
    key: &Key,
    request_hash: &[u8],
    now: Timestamp,
) -> Result<Seen, StoreError> {
    let inserted = sql("INSERT INTO idempotency_keys (workspace_id, agent_id, key, request_hash, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING")
    .bind(key.workspace_id)
    .bind(key.agent_id)
    .bind(key.key.clone())
    .bind(request_hash.to_vec())
    .bind(now)
    .execute(conn)?;
    if inserted == 1 {
        return Ok(Seen::First);
    }
    let row = sql("SELECT request_hash, status, body FROM idempotency_keys
         WHERE workspace_id = $1 AND agent_id = $2 AND key = $3")
    .bind(key.workspace_id)
    .bind(key.agent_id)
    .bind(key.key.clone())
    .get_result::<Row>(conn)
    .optional()?;
    Ok(match row {
        Some(row) if row.request_hash != request_hash => Seen::OtherRequest,
        Some(Row { status: Some(status), body: Some(body), .. }) => {
            Seen::Done { status: u16::try_from(status).unwrap_or(200), body }
        }
        // Committed rows have an answer; what else there was has been rolled back meanwhile.
        _ => Seen::First,
    })
}

/// Keeps the answer.
///
/// # Errors
/// `RowCount` if [`begin`] did not come first.
pub fn finish(conn: &mut PgConnection, key: &Key, status: u16, body: String) -> Result<(), StoreError> {
    let changed = sql("UPDATE idempotency_keys SET status = $4, body = $5
         WHERE workspace_id = $1 AND agent_id = $2 AND key = $3")
    .bind(key.workspace_id)
    .bind(key.agent_id)
    .bind(key.key.clone())
    .bind(i16::try_from(status).unwrap_or(200))
    .bind(body)
    .execute(conn)?;
    expect_rows("idempotency::finish", changed, 1)
}

/// Forgets keys that were first seen before `before`. Answers how many.
///
/// # Errors
/// Only those of the database.
pub fn forget(conn: &mut PgConnection, before: Timestamp) -> Result<usize, StoreError> {
    Ok(sql("DELETE FROM idempotency_keys WHERE created_at < $1").bind(before).execute(conn)?)
}
