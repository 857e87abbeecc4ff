//! From the log to what is to be delivered: each event once for each endpoint that wants it.

use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::event::EventType;
use domain::id::{ChannelId, EventId, WebhookDeliveryId, WebhookEndpointId, WorkspaceId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

#[derive(QueryableByName)]
struct WorkRow {
    #[diesel(sql_type = Array<SqlUuid>)]
    behind: Vec<Uuid>,
    #[diesel(sql_type = Bool)]
    any: bool,
}

/// Where there is work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Workspaces whose log has something that one of their active endpoints has not been looked at for.
    pub behind: Vec<WorkspaceId>,
    /// Whether there is any active endpoint at all.
    pub any: bool,
}

/// Finds where there is work.
///
/// # Errors
/// Only those of the database.
pub fn work(conn: &mut PgConnection) -> Result<Work, StoreError> {
    let row = sql("SELECT ARRAY(SELECT DISTINCT e.workspace_id FROM webhook_endpoints e
                 JOIN event_counters c ON c.workspace_id = e.workspace_id
                 WHERE e.active AND e.deleted_at IS NULL AND e.position < c.seq) AS behind,
             EXISTS (SELECT FROM webhook_endpoints e WHERE e.active AND e.deleted_at IS NULL) AS any")
    .get_result::<WorkRow>(conn)?;
    Ok(Work { behind: row.behind.into_iter().map(WorkspaceId).collect(), any: row.any })
}

/// An active endpoint, locked, as a reader of the log.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Its id.
    pub id: WebhookEndpointId,
    /// The log has been looked through for it up to this number.
    pub position: i64,
    /// The only types that it wants; empty: all. Those that this version does not know are left out.
    pub event_types: Vec<EventType>,
    /// Whether it wants all types.
    pub all_types: bool,
    /// The only channels that it wants; empty: all.
    pub channel_ids: Vec<ChannelId>,
}

#[derive(QueryableByName)]
struct ReaderRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Array<Text>)]
    event_types: Vec<String>,
    #[diesel(sql_type = Array<SqlUuid>)]
    channel_ids: Vec<Uuid>,
}

/// Locks the active endpoints of a workspace, in the order of their ids.
///
/// # Errors
/// Only those of the database.
pub fn lock_readers(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<Vec<Reader>, StoreError> {
    let rows = sql("SELECT e.id, e.position, e.event_types,
             ARRAY(SELECT c.channel_id FROM webhook_endpoint_channels c
                   WHERE c.workspace_id = e.workspace_id AND c.endpoint_id = e.id) AS channel_ids
         FROM webhook_endpoints e WHERE e.workspace_id = $1 AND e.active AND e.deleted_at IS NULL
         ORDER BY e.id FOR NO KEY UPDATE OF e")
    .bind(workspace)
    .load::<ReaderRow>(conn)?;
    let reader = |row: ReaderRow| Reader {
        id: row.id.into(),
        position: row.position,
        all_types: row.event_types.is_empty(),
        event_types: row.event_types.iter().filter_map(|one| one.parse().ok()).collect(),
        channel_ids: row.channel_ids.into_iter().map(ChannelId).collect(),
    };
    Ok(rows.into_iter().map(reader).collect())
}

/// An event that an endpoint wants.
#[derive(Debug, Clone, Copy)]
pub struct NewDelivery {
    /// The locked endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// Its id.
    pub id: WebhookDeliveryId,
    /// The event.
    pub event_id: EventId,
    /// As what it is told.
    pub event_type: EventType,
    /// Its number.
    pub seq: i64,
    /// What has to arrive in order.
    pub lane: Uuid,
    /// No other of these is before it in its lane.
    pub first: bool,
}

/// Stores what locked endpoints want. What is first in its lane is due at once.
///
/// # Errors
/// Only those of the database.
pub fn insert(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    new: &[NewDelivery],
    now: Timestamp,
) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let changed = sql("INSERT INTO webhook_deliveries (workspace_id, endpoint_id, id, event_id, event_type, seq, lane, state, due_at, created_at)
         SELECT $1, n.endpoint_id, n.id, n.event_id, n.event_type, n.seq, n.lane, 'pending',
             CASE WHEN n.first AND NOT COALESCE(n.seq > (SELECT p.seq FROM webhook_deliveries p
                      WHERE p.workspace_id = $1 AND p.endpoint_id = n.endpoint_id AND p.lane = n.lane AND p.state = 'pending'
                      ORDER BY p.seq LIMIT 1), false) THEN $9 END, $9
         FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::uuid[], $8::boolean[])
             AS n (endpoint_id, id, event_id, event_type, seq, lane, first)")
    .bind(workspace)
    .bind(new.iter().map(|one| one.endpoint_id).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.event_id).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.event_type.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.seq).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.lane).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.first).collect::<Vec<_>>())
    .bind(now)
    .execute(conn)?;
    expect_rows("webhooks::fan_out::insert", changed, new.len())
}

/// The log has been looked through for locked endpoints up to this number.
///
/// # Errors
/// Only those of the database.
pub fn advance(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    endpoints: Vec<WebhookEndpointId>,
    position: i64,
) -> Result<(), StoreError> {
    sql("UPDATE webhook_endpoints SET position = $3 WHERE workspace_id = $1 AND id = ANY ($2) AND position < $3")
        .bind(workspace)
        .bind(endpoints)
        .bind(position)
        .execute(conn)?;
    Ok(())
}
