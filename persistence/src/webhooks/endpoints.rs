//! The endpoints themselves.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{ChannelId, WebhookEndpointId, WorkspaceId};
use domain::resource::{LostEvents, WebhookEndpoint};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    url: String,
    #[diesel(sql_type = Nullable<Text>)]
    description: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    event_types: Vec<String>,
    #[diesel(sql_type = Array<SqlUuid>)]
    channel_ids: Vec<Uuid>,
    #[diesel(sql_type = Bool)]
    active: bool,
    #[diesel(sql_type = Nullable<Text>)]
    paused_reason: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    failing_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    lost_from: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    lost_to: Option<i64>,
    #[diesel(sql_type = Text)]
    secret_ends_with: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    previous_secret_until: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl Row {
    fn into_endpoint(self) -> Result<WebhookEndpoint, StoreError> {
        let id = self.id;
        let types = self.event_types.iter().map(|one| word("webhook_endpoints", "event_types", id, one));
        let reason = self.paused_reason.as_deref();
        let reason = reason.map(|reason| word("webhook_endpoints", "paused_reason", id, reason));
        let lost = self.lost_from.zip(self.lost_to);
        Ok(WebhookEndpoint {
            id: id.into(),
            url: self.url,
            description: self.description,
            event_types: types.collect::<Result<_, _>>()?,
            channel_ids: self.channel_ids.into_iter().map(ChannelId).collect(),
            active: self.active,
            paused_reason: reason.transpose()?,
            failing_since: self.failing_since.map(Timestamp::new),
            lost_events: lost.map(|(from_seq, to_seq)| LostEvents { from_seq, to_seq }),
            secret_ends_with: self.secret_ends_with,
            previous_secret_until: self.previous_secret_until.map(Timestamp::new),
            version: self.version,
            created_at: Timestamp::new(self.created_at),
        })
    }
}

macro_rules! shape {
    ($rest:literal) => {
        concat!(
            "SELECT e.id, e.url, e.description, e.event_types,
                 ARRAY(SELECT c.channel_id FROM webhook_endpoint_channels c
                       WHERE c.workspace_id = e.workspace_id AND c.endpoint_id = e.id ORDER BY c.channel_id) AS channel_ids,
                 e.active, e.paused_reason, e.failing_since, e.lost_from, e.lost_to, e.secret_ends_with, e.previous_secret_until,
                 e.version, e.created_at
             FROM webhook_endpoints e WHERE e.workspace_id = $1 AND e.deleted_at IS NULL ",
            $rest
        )
    };
}

/// The endpoints of a workspace, newest first, at most `limit`, older than `before`.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    before: Option<WebhookEndpointId>,
    limit: i64,
) -> Result<Vec<WebhookEndpoint>, StoreError> {
    sql(shape!("AND ($2::uuid IS NULL OR e.id < $2) ORDER BY e.id DESC LIMIT $3"))
        .bind(workspace)
        .bind(before)
        .bind(limit)
        .load::<Row>(conn)?
        .into_iter()
        .map(Row::into_endpoint)
        .collect()
}

/// The endpoint with this id.
///
/// # Errors
/// As [`list`].
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: WebhookEndpointId,
) -> Result<Option<WebhookEndpoint>, StoreError> {
    let row = sql(shape!("AND e.id = $2")).bind(workspace).bind(id).load::<Row>(conn)?.pop();
    row.map(Row::into_endpoint).transpose()
}

/// The same, locked until the end of the transaction.
///
/// # Errors
/// As [`list`].
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: WebhookEndpointId,
) -> Result<Option<WebhookEndpoint>, StoreError> {
    let row =
        sql(shape!("AND e.id = $2 FOR NO KEY UPDATE OF e")).bind(workspace).bind(id).load::<Row>(conn)?.pop();
    row.map(Row::into_endpoint).transpose()
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many endpoints a workspace has.
///
/// # Errors
/// Only those of the database.
pub fn count(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<i64, StoreError> {
    let row =
        sql("SELECT count(*) AS count FROM webhook_endpoints WHERE workspace_id = $1 AND deleted_at IS NULL")
            .bind(workspace)
            .get_result::<CountRow>(conn)?;
    Ok(row.count)
}

/// Stores a new endpoint, which is told what comes after event `position` of the log.
///
/// # Errors
/// Only those of the database.
pub fn insert(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    endpoint: &WebhookEndpoint,
    secrets: Vec<u8>,
    position: i64,
) -> Result<(), StoreError> {
    sql("INSERT INTO webhook_endpoints (workspace_id, id, url, description, event_types, secrets, secret_ends_with, position, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
    .bind(workspace)
    .bind(endpoint.id)
    .bind(endpoint.url.clone())
    .bind(endpoint.description.clone())
    .bind(endpoint.event_types.iter().map(|one| one.as_str()).collect::<Vec<_>>())
    .bind(secrets)
    .bind(endpoint.secret_ends_with.clone())
    .bind(position)
    .bind(endpoint.created_at)
    .execute(conn)?;
    set_channels(conn, workspace, endpoint)
}

/// Stores a locked endpoint as it is now, but for its secrets; its version rises.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn update(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    endpoint: &mut WebhookEndpoint,
) -> Result<(), StoreError> {
    endpoint.version += 1;
    let lost = endpoint.lost_events.as_ref();
    let changed = sql("UPDATE webhook_endpoints SET url = $3, description = $4, event_types = $5, active = $6, paused_reason = $7,
             failing_since = $8, lost_from = $9, lost_to = $10, version = $11
         WHERE workspace_id = $1 AND id = $2")
    .bind(workspace)
    .bind(endpoint.id)
    .bind(endpoint.url.clone())
    .bind(endpoint.description.clone())
    .bind(endpoint.event_types.iter().map(|one| one.as_str()).collect::<Vec<_>>())
    .bind(endpoint.active)
    .bind(endpoint.paused_reason.map(|reason| reason.as_str()))
    .bind(endpoint.failing_since)
    .bind(lost.map(|lost| lost.from_seq))
    .bind(lost.map(|lost| lost.to_seq))
    .bind(endpoint.version)
    .execute(conn)?;
    expect_rows("webhooks::endpoints::update", changed, 1)?;
    set_channels(conn, workspace, endpoint)
}

fn set_channels(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    endpoint: &WebhookEndpoint,
) -> Result<(), StoreError> {
    sql("DELETE FROM webhook_endpoint_channels WHERE workspace_id = $1 AND endpoint_id = $2 AND channel_id <> ALL ($3)")
        .bind(workspace)
        .bind(endpoint.id)
        .bind(endpoint.channel_ids.clone())
        .execute(conn)?;
    sql("INSERT INTO webhook_endpoint_channels (workspace_id, endpoint_id, channel_id) SELECT $1, $2, unnest($3)
         ON CONFLICT DO NOTHING")
        .bind(workspace)
        .bind(endpoint.id)
        .bind(endpoint.channel_ids.clone())
        .execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct SecretsRow {
    #[diesel(sql_type = Binary)]
    secrets: Vec<u8>,
}

/// The encrypted secrets of an endpoint.
///
/// # Errors
/// Only those of the database.
pub fn secrets(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: WebhookEndpointId,
) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sql("SELECT secrets FROM webhook_endpoints WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .load::<SecretsRow>(conn)?
        .pop();
    Ok(row.map(|row| row.secrets))
}

/// Stores other secrets of a locked endpoint, and what may be seen of them; its version rises.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn set_secrets(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    endpoint: &mut WebhookEndpoint,
    secrets: Vec<u8>,
) -> Result<(), StoreError> {
    endpoint.version += 1;
    let changed = sql("UPDATE webhook_endpoints SET secrets = $3, secret_ends_with = $4, previous_secret_until = $5, version = $6
         WHERE workspace_id = $1 AND id = $2")
    .bind(workspace)
    .bind(endpoint.id)
    .bind(secrets)
    .bind(endpoint.secret_ends_with.clone())
    .bind(endpoint.previous_secret_until)
    .bind(endpoint.version)
    .execute(conn)?;
    expect_rows("webhooks::endpoints::set_secrets", changed, 1)
}

/// An endpoint is no longer there. Its deliveries go later, a few at a time ([`super::ledger::forget`]).
///
/// # Errors
/// `RowCount` if it is not there.
pub fn delete(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: WebhookEndpointId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let changed = sql("UPDATE webhook_endpoints SET deleted_at = $3 WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL")
        .bind(workspace)
        .bind(id)
        .bind(now)
        .execute(conn)?;
    expect_rows("webhooks::endpoints::delete", changed, 1)?;
    sql("DELETE FROM webhook_endpoint_channels WHERE workspace_id = $1 AND endpoint_id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    Ok(())
}
