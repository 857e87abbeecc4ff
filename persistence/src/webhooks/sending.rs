//! What is due, who takes it, and what came of it.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{ChannelId, EventId, WebhookDeliveryId, WebhookEndpointId, WorkspaceId};
use domain::time::Timestamp;
use domain::webhook::DeliveryState;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::events::{self, StoredEvent};
use crate::sql::sql;

/// How many attempts a delivery remembers.
const ATTEMPTS_KEPT: i32 = 20;

/// An endpoint for which something waits, now or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The last attempt failed.
    pub failing: bool,
}

#[derive(QueryableByName)]
struct WaitingRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    endpoint_id: Uuid,
    #[diesel(sql_type = Bool)]
    failing: bool,
}

/// The endpoints for which something waits that may be sent: one step of an index each, however much waits for one.
///
/// # Errors
/// Only those of the database.
pub fn waiting(conn: &mut PgConnection) -> Result<Vec<Waiting>, StoreError> {
    let rows = sql("WITH RECURSIVE step AS (
             (SELECT d.workspace_id, d.endpoint_id FROM webhook_deliveries d WHERE d.due_at IS NOT NULL AND d.seq IS NOT NULL
              ORDER BY d.workspace_id, d.endpoint_id LIMIT 1)
             UNION ALL
             SELECT n.workspace_id, n.endpoint_id FROM step CROSS JOIN LATERAL (
                 SELECT d.workspace_id, d.endpoint_id FROM webhook_deliveries d
                 WHERE (d.workspace_id, d.endpoint_id) > (step.workspace_id, step.endpoint_id)
                   AND d.due_at IS NOT NULL AND d.seq IS NOT NULL
                 ORDER BY d.workspace_id, d.endpoint_id LIMIT 1) n)
         SELECT e.workspace_id, e.id AS endpoint_id, e.failing_since IS NOT NULL AS failing
         FROM step JOIN webhook_endpoints e ON e.workspace_id = step.workspace_id AND e.id = step.endpoint_id
         WHERE e.active AND e.deleted_at IS NULL")
    .load::<WaitingRow>(conn)?;
    let waiting = |row: WaitingRow| Waiting {
        workspace_id: row.workspace_id.into(),
        endpoint_id: row.endpoint_id.into(),
        failing: row.failing,
    };
    Ok(rows.into_iter().map(waiting).collect())
}

/// How much may be taken of an endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// At most so many.
    pub most: i64,
}

/// Something to be sent, claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The delivery.
    pub id: WebhookDeliveryId,
    /// The event.
    pub event_id: EventId,
    /// The number of this attempt since it was to be delivered from the beginning, 1 the first.
    pub tried: i32,
    /// The text of a test.
    pub body: Option<String>,
    /// Its number in the log.
    pub seq: Option<i64>,
    /// The event; none of a test, and if it is no longer kept.
    pub event: Option<StoredEvent>,
    /// Where and how.
    pub target: Target,
}

/// Where and how an endpoint is told.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where to.
    pub url: String,
    /// The encrypted secrets of the endpoint.
    pub secrets: Vec<u8>,
    /// The only channels of which it is told; empty: all.
    pub channel_ids: Vec<ChannelId>,
    /// It is not paused.
    pub active: bool,
}

#[derive(QueryableByName)]
struct TargetRow {
    #[diesel(sql_type = Text)]
    url: String,
    #[diesel(sql_type = Binary)]
    secrets: Vec<u8>,
    #[diesel(sql_type = Array<SqlUuid>)]
    channel_ids: Vec<Uuid>,
    #[diesel(sql_type = Bool)]
    active: bool,
}

impl TargetRow {
    fn into_target(self) -> Target {
        let channel_ids = self.channel_ids.into_iter().map(Into::into).collect();
        Target { url: self.url, secrets: self.secrets, channel_ids, active: self.active }
    }
}

/// Where and how an endpoint is told now; `None` if it is deleted.
///
/// # Errors
/// Only those of the database.
pub fn target(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    endpoint: WebhookEndpointId,
) -> Result<Option<Target>, StoreError> {
    let row =
        sql("SELECT e.url, e.secrets, e.active, ARRAY(SELECT c.channel_id FROM webhook_endpoint_channels c
             WHERE c.workspace_id = e.workspace_id AND c.endpoint_id = e.id) AS channel_ids
         FROM webhook_endpoints e WHERE e.workspace_id = $1 AND e.id = $2 AND e.deleted_at IS NULL")
        .bind(workspace)
        .bind(endpoint)
        .load::<TargetRow>(conn)?
        .pop();
    Ok(row.map(TargetRow::into_target))
}

#[derive(QueryableByName)]
struct ClaimedRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    endpoint_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    event_id: Uuid,
    #[diesel(sql_type = Integer)]
    tried: i32,
    #[diesel(sql_type = Nullable<Text>)]
    body: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
    #[diesel(embed)]
    target: TargetRow,
}

/// Claims what is due until `until`: of each endpoint what there is room for, the longest due first; and at most `tests` tests.
/// Whoever has not said by then what came of it is taken for dead, and it is tried again.
///
/// # Errors
/// Only those of the database.
pub fn claim(
    conn: &mut PgConnection,
    rooms: &[Room],
    tests: i64,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Claimed>, StoreError> {
    let rows = sql("WITH due AS MATERIALIZED (
             SELECT d.workspace_id, d.endpoint_id, d.id
             FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS r (workspace_id, endpoint_id, most)
             CROSS JOIN LATERAL (
                 SELECT d.workspace_id, d.endpoint_id, d.id FROM webhook_deliveries d
                 WHERE d.workspace_id = r.workspace_id AND d.endpoint_id = r.endpoint_id AND d.due_at <= $5
                   AND d.due_at IS NOT NULL AND d.seq IS NOT NULL
                 ORDER BY d.due_at LIMIT r.most FOR NO KEY UPDATE SKIP LOCKED) d),
         tests AS MATERIALIZED (
             SELECT d.workspace_id, d.endpoint_id, d.id FROM webhook_deliveries d
             WHERE d.due_at <= $5 AND d.due_at IS NOT NULL AND d.seq IS NULL
               AND EXISTS (SELECT FROM webhook_endpoints e
                   WHERE e.workspace_id = d.workspace_id AND e.id = d.endpoint_id AND e.deleted_at IS NULL)
             LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED),
         taken AS (
             UPDATE webhook_deliveries d SET due_at = $6, tried = d.tried + 1
             FROM (SELECT * FROM due UNION ALL SELECT * FROM tests) n
             WHERE d.workspace_id = n.workspace_id AND d.endpoint_id = n.endpoint_id AND d.id = n.id
             RETURNING d.workspace_id, d.endpoint_id, d.id, d.event_id, d.tried, d.body, d.seq)
         SELECT t.*, e.url, e.secrets, e.active, ARRAY(SELECT c.channel_id FROM webhook_endpoint_channels c
             WHERE c.workspace_id = t.workspace_id AND c.endpoint_id = t.endpoint_id) AS channel_ids
         FROM taken t JOIN webhook_endpoints e ON e.workspace_id = t.workspace_id AND e.id = t.endpoint_id")
    .bind(rooms.iter().map(|room| room.workspace_id).collect::<Vec<_>>())
    .bind(rooms.iter().map(|room| room.endpoint_id).collect::<Vec<_>>())
    .bind(rooms.iter().map(|room| room.most).collect::<Vec<_>>())
    .bind(tests)
    .bind(now)
    .bind(until)
    .load::<ClaimedRow>(conn)?;
    let numbered = rows.iter().filter_map(|row| row.seq.map(|seq| (WorkspaceId(row.workspace_id), seq)));
    let events = events::numbered(conn, numbered)?;
    let claimed = |row: ClaimedRow| Claimed {
        workspace_id: row.workspace_id.into(),
        endpoint_id: row.endpoint_id.into(),
        id: row.id.into(),
        event_id: row.event_id.into(),
        tried: row.tried,
        body: row.body,
        seq: row.seq,
        event: row.seq.and_then(|seq| events.get(&(row.workspace_id.into(), seq)).cloned()),
        target: row.target.into_target(),
    };
    Ok(rows.into_iter().map(claimed).collect())
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The delivery.
    pub id: WebhookDeliveryId,
    /// The number of the attempt, as it was claimed.
    pub tried: i32,
    /// How it stands now.
    pub state: DeliveryState,
    /// When it is tried again, if it is pending.
    pub due_at: Option<Timestamp>,
    /// The attempt, as the ledger shows it; none if none was made after all, and it is as if it had not been claimed.
    pub attempt: Option<Value>,
}

/// Locks endpoints in the order of their ids, also deleted ones.
///
/// # Errors
/// Only those of the database.
pub fn lock_endpoints(
    conn: &mut PgConnection,
    endpoints: &[(WorkspaceId, WebhookEndpointId)],
) -> Result<Vec<Locked>, StoreError> {
    let rows = sql("SELECT e.workspace_id, e.id AS endpoint_id, e.failing_since
         FROM unnest($1::uuid[], $2::uuid[]) AS n (workspace_id, id)
         JOIN webhook_endpoints e ON e.workspace_id = n.workspace_id AND e.id = n.id
         ORDER BY e.workspace_id, e.id FOR NO KEY UPDATE OF e")
    .bind(endpoints.iter().map(|(workspace, _)| *workspace).collect::<Vec<_>>())
    .bind(endpoints.iter().map(|(_, id)| *id).collect::<Vec<_>>())
    .load::<LockedRow>(conn)?;
    let locked = |row: LockedRow| Locked {
        workspace_id: row.workspace_id.into(),
        endpoint_id: row.endpoint_id.into(),
        failing_since: row.failing_since.map(Timestamp::new),
    };
    Ok(rows.into_iter().map(locked).collect())
}

/// A locked endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locked {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct LockedRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    endpoint_id: Uuid,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    failing_since: Option<DateTime<Utc>>,
}

/// Says since when every attempt at a locked endpoint has failed; `None`: the last one did not.
///
/// # Errors
/// Only those of the database.
pub fn set_failing(
    conn: &mut PgConnection,
    (workspace, endpoint): (WorkspaceId, WebhookEndpointId),
    since: Option<Timestamp>,
) -> Result<(), StoreError> {
    sql("UPDATE webhook_endpoints SET failing_since = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(endpoint)
        .bind(since)
        .execute(conn)?;
    Ok(())
}

/// Stores what came of attempts at locked endpoints, and makes due what waited for them. An attempt that is not the last one
/// any more, because it took too long and another was made, changes nothing.
///
/// # Errors
/// Only those of the database.
pub fn settle(conn: &mut PgConnection, settled: &[Settled], now: Timestamp) -> Result<(), StoreError> {
    // In these words no index of what is pending fits: there is the key, and nothing else to look a row up by. The condition is one
    // on the row itself, so that it is asked again of a row that was waited for.
    sql("UPDATE webhook_deliveries d SET state = s.state, due_at = s.due_at, tried = d.tried - (s.attempt IS NULL)::integer,
             attempts = COALESCE(
                 CASE WHEN jsonb_array_length(d.attempts) >= $8 THEN d.attempts - 0 ELSE d.attempts END || s.attempt, d.attempts)
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::timestamptz[], $7::jsonb[])
             AS s (workspace_id, endpoint_id, id, tried, state, due_at, attempt)
         WHERE d.workspace_id = s.workspace_id AND d.endpoint_id = s.endpoint_id AND d.id = s.id AND d.tried = s.tried
           AND d.state IS NOT DISTINCT FROM 'pending'")
    .bind(settled.iter().map(|one| one.workspace_id).collect::<Vec<_>>())
    .bind(settled.iter().map(|one| one.endpoint_id).collect::<Vec<_>>())
    .bind(settled.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(settled.iter().map(|one| one.tried).collect::<Vec<_>>())
    .bind(settled.iter().map(|one| one.state.as_str()).collect::<Vec<_>>())
    .bind(settled.iter().map(|one| one.due_at).collect::<Vec<_>>())
    .bind(settled.iter().map(|one| one.attempt.clone()).collect::<Vec<_>>())
    .bind(ATTEMPTS_KEPT)
    .execute(conn)?;
    let ended: Vec<_> = settled.iter().filter(|one| one.state != DeliveryState::Pending).collect();
    let keys = ended.iter().map(|one| (one.workspace_id, one.endpoint_id, one.id)).collect::<Vec<_>>();
    promote(conn, &keys, now)
}

/// Makes the first pending one due in each lane in which one of these is.
pub(super) fn promote(
    conn: &mut PgConnection,
    deliveries: &[(WorkspaceId, WebhookEndpointId, WebhookDeliveryId)],
    now: Timestamp,
) -> Result<(), StoreError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    // Whether it has a number is asked of what was found, or the index of numbers would fit too.
    sql("WITH lanes AS (
             SELECT DISTINCT d.workspace_id, d.endpoint_id, d.lane
             FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS n (workspace_id, endpoint_id, id)
             CROSS JOIN LATERAL (SELECT d.workspace_id, d.endpoint_id, d.lane, d.seq FROM webhook_deliveries d
                 WHERE d.workspace_id = n.workspace_id AND d.endpoint_id = n.endpoint_id AND d.id = n.id OFFSET 0) d
             WHERE d.seq IS NOT NULL)
         UPDATE webhook_deliveries d SET due_at = $4 FROM (
             SELECT f.* FROM lanes l CROSS JOIN LATERAL (
                 SELECT f.workspace_id, f.endpoint_id, f.id, f.due_at FROM webhook_deliveries f
                 WHERE f.workspace_id = l.workspace_id AND f.endpoint_id = l.endpoint_id AND f.lane = l.lane
                   AND f.state = 'pending'
                 ORDER BY f.seq LIMIT 1) f) f
         WHERE d.workspace_id = f.workspace_id AND d.endpoint_id = f.endpoint_id AND d.id = f.id AND f.due_at IS NULL")
    .bind(deliveries.iter().map(|(workspace, ..)| *workspace).collect::<Vec<_>>())
    .bind(deliveries.iter().map(|(_, endpoint, _)| *endpoint).collect::<Vec<_>>())
    .bind(deliveries.iter().map(|(.., id)| *id).collect::<Vec<_>>())
    .bind(now)
    .execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct DepthRow {
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<DateTime<Utc>>,
}

/// How many deliveries to active endpoints wait, and since when the oldest does.
///
/// # Errors
/// Only those of the database.
pub fn depth(conn: &mut PgConnection) -> Result<(i64, Option<Timestamp>), StoreError> {
    let row = sql("SELECT count(d.id) AS waiting, min(d.created_at) AS oldest FROM webhook_endpoints e
         JOIN webhook_deliveries d ON d.workspace_id = e.workspace_id AND d.endpoint_id = e.id
         WHERE e.active AND e.deleted_at IS NULL AND d.state = 'pending' AND d.state <> 'delivered'")
    .get_result::<DepthRow>(conn)?;
    Ok((row.waiting, row.oldest.map(Timestamp::new)))
}
