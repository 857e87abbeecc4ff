//! What became of each event for each endpoint, for people to read, and to have it sent again.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::event::EventType;
use domain::id::{EventId, WebhookDeliveryId, WebhookEndpointId, WorkspaceId};
use domain::resource::WebhookDelivery;
use domain::time::Timestamp;
use domain::webhook::DeliveryState;
use serde_json::Value;
use uuid::Uuid;

use super::sending::promote;
use crate::error::{StoreError, json, word};
use crate::sql::sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    endpoint_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    event_id: Uuid,
    #[diesel(sql_type = Text)]
    event_type: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Jsonb)]
    attempts: Value,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    due_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl Row {
    fn into_delivery(self) -> Result<WebhookDelivery, StoreError> {
        Ok(WebhookDelivery {
            id: self.id.into(),
            endpoint_id: self.endpoint_id.into(),
            event_id: self.event_id.into(),
            event_type: word("webhook_deliveries", "event_type", self.id, &self.event_type)?,
            seq: self.seq,
            state: word("webhook_deliveries", "state", self.id, &self.state)?,
            attempts: json("webhook_deliveries", "attempts", self.id, self.attempts)?,
            next_attempt_at: self.due_at.map(Timestamp::new),
            created_at: Timestamp::new(self.created_at),
        })
    }
}

macro_rules! page {
    ($condition:literal) => {
        concat!(
            "SELECT id, endpoint_id, event_id, event_type, seq, state, attempts, due_at, created_at FROM webhook_deliveries
             WHERE workspace_id = $1 AND endpoint_id = $2 AND ($3::uuid IS NULL OR id < $3) ",
            $condition,
            " ORDER BY id DESC LIMIT $4"
        )
    };
}

/// The deliveries of an endpoint that stand like one of `states` (empty: all), newest first, at most `limit`, older than `before`.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn list(
    conn: &mut PgConnection,
    (workspace, endpoint): (WorkspaceId, WebhookEndpointId),
    states: &[DeliveryState],
    before: Option<WebhookDeliveryId>,
    limit: i64,
) -> Result<Vec<WebhookDelivery>, StoreError> {
    // Nearly everything is delivered; what is not has an index of its own, if the text says so.
    let text = if states.is_empty() {
        page!("")
    } else if states.contains(&DeliveryState::Delivered) {
        page!("AND state = ANY ($5)")
    } else {
        page!("AND state <> 'delivered' AND state = ANY ($5)")
    };
    let rows = sql(text)
        .bind(workspace)
        .bind(endpoint)
        .bind(before)
        .bind(limit)
        .bind(states.iter().map(|state| state.as_str()).collect::<Vec<_>>())
        .load::<Row>(conn)?;
    rows.into_iter().map(Row::into_delivery).collect()
}

/// The delivery with this id.
///
/// # Errors
/// As [`list`].
pub fn get(
    conn: &mut PgConnection,
    (workspace, endpoint): (WorkspaceId, WebhookEndpointId),
    id: WebhookDeliveryId,
) -> Result<Option<WebhookDelivery>, StoreError> {
    let row = sql("SELECT id, endpoint_id, event_id, event_type, seq, state, attempts, due_at, created_at
         FROM webhook_deliveries WHERE workspace_id = $1 AND endpoint_id = $2 AND id = $3")
    .bind(workspace)
    .bind(endpoint)
    .bind(id)
    .load::<Row>(conn)?
    .pop();
    row.map(Row::into_delivery).transpose()
}

/// Stores a test: something to be sent that is not in the log, due at once.
///
/// # Errors
/// Only those of the database.
pub fn insert_test(
    conn: &mut PgConnection,
    (workspace, endpoint): (WorkspaceId, WebhookEndpointId),
    (id, event): (WebhookDeliveryId, EventId),
    body: String,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql("INSERT INTO webhook_deliveries (workspace_id, endpoint_id, id, event_id, event_type, body, lane, state, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $4, 'pending', $7, $7)")
    .bind(workspace)
    .bind(endpoint)
    .bind(id)
    .bind(event)
    .bind(EventType::WebhookEndpointTested.as_str())
    .bind(body)
    .bind(now)
    .execute(conn)?;
    Ok(())
}

/// What of an endpoint is to be delivered again, from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// This one, whatever came of it.
    One(WebhookDeliveryId),
    /// Those of events with these numbers, both included.
    Range {
        /// The first.
        from_seq: i64,
        /// The last.
        to_seq: i64,
        /// Only those that failed.
        failed_only: bool,
        /// At most so many, the oldest.
        most: i64,
    },
}

#[derive(QueryableByName)]
struct AgainRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
}

/// What is delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redelivered {
    /// How many there are.
    pub count: usize,
    /// The greatest number of an event among them.
    pub last_seq: Option<i64>,
}

/// Has deliveries of a locked endpoint made again, in order. What is pending stays as it is.
///
/// # Errors
/// Only those of the database.
pub fn redeliver(
    conn: &mut PgConnection,
    (workspace, endpoint): (WorkspaceId, WebhookEndpointId),
    again: Again,
    now: Timestamp,
) -> Result<Redelivered, StoreError> {
    let (one, from, to, failed_only, most) = match again {
        Again::One(id) => (Some(id), i64::MIN, i64::MAX, false, 1),
        Again::Range { from_seq, to_seq, failed_only, most } => (None, from_seq, to_seq, failed_only, most),
    };
    let rows = match one {
        // A test has its own lane and no number.
        Some(id) => sql("UPDATE webhook_deliveries SET state = 'pending', tried = 0, due_at = CASE WHEN seq IS NULL THEN $4 END
             WHERE workspace_id = $1 AND endpoint_id = $2 AND id = $3 AND state <> 'pending' RETURNING id, seq")
        .bind(workspace)
        .bind(endpoint)
        .bind(id)
        .bind(now)
        .load::<AgainRow>(conn)?,
        None => sql("WITH again AS MATERIALIZED (
                 SELECT d.workspace_id, d.endpoint_id, d.id FROM webhook_deliveries d WHERE d.workspace_id = $1 AND d.endpoint_id = $2
                   AND d.seq BETWEEN $3 AND $4 AND d.state <> 'pending' AND (NOT $5 OR d.state = 'failed')
                 ORDER BY d.seq LIMIT $6)
             UPDATE webhook_deliveries d SET state = 'pending', tried = 0, due_at = NULL FROM again
             WHERE d.workspace_id = again.workspace_id AND d.endpoint_id = again.endpoint_id AND d.id = again.id RETURNING d.id, d.seq")
        .bind(workspace)
        .bind(endpoint)
        .bind(from)
        .bind(to)
        .bind(failed_only)
        .bind(most)
        .load::<AgainRow>(conn)?,
    };
    let keys: Vec<_> = rows.iter().map(|row| (workspace, endpoint, row.id.into())).collect();
    promote(conn, &keys, now)?;
    Ok(Redelivered { count: keys.len(), last_seq: rows.iter().filter_map(|row| row.seq).max() })
}

/// Has one delivery, or all of an endpoint, that wait for their next attempt tried now. What is due by `claimed_until` may be
/// being tried, and stays as it is.
///
/// # Errors
/// Only those of the database.
pub fn hurry(
    conn: &mut PgConnection,
    (workspace, endpoint): (WorkspaceId, WebhookEndpointId),
    only: Option<WebhookDeliveryId>,
    now: Timestamp,
    claimed_until: Timestamp,
) -> Result<(), StoreError> {
    let text = match only {
        Some(_) => {
            "UPDATE webhook_deliveries SET due_at = $3 WHERE workspace_id = $1 AND endpoint_id = $2 AND id = $5 AND due_at > $4"
        }
        None => {
            "UPDATE webhook_deliveries SET due_at = $3 WHERE workspace_id = $1 AND endpoint_id = $2 AND due_at > $4
                 AND due_at IS NOT NULL AND seq IS NOT NULL"
        }
    };
    sql(text).bind(workspace).bind(endpoint).bind(now).bind(claimed_until).bind(only).execute(conn)?;
    Ok(())
}

/// Forgets what was settled and is from before `before`, and what deleted endpoints left, at most `limit` per endpoint. Answers
/// how many rows it removed.
///
/// # Errors
/// Only those of the database.
pub fn forget(conn: &mut PgConnection, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let old = sql("DELETE FROM webhook_deliveries d USING webhook_endpoints e CROSS JOIN LATERAL (
             SELECT o.id FROM (
                 SELECT i.id, i.state, i.created_at FROM webhook_deliveries i
                 WHERE i.workspace_id = e.workspace_id AND i.endpoint_id = e.id ORDER BY i.id LIMIT $2
             ) o WHERE e.deleted_at IS NOT NULL OR (o.created_at < $1 AND o.state <> 'pending')
         ) old
         WHERE d.workspace_id = e.workspace_id AND d.endpoint_id = e.id AND d.id = old.id")
    .bind(before)
    .bind(limit)
    .execute(conn)?;
    let empty = sql("DELETE FROM webhook_endpoints e WHERE e.deleted_at IS NOT NULL AND NOT EXISTS (
             SELECT FROM webhook_deliveries d WHERE d.workspace_id = e.workspace_id AND d.endpoint_id = e.id)")
    .execute(conn)?;
    Ok(old + empty)
}
