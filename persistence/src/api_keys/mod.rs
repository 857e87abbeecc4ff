//! The keys of programs.

mod actor;
mod shape;

use diesel::pg::PgConnection;
use diesel::sql_types::Uuid as SqlUuid;
use diesel::{QueryableByName, RunQueryDsl};
use domain::access::KeyScope;
use domain::id::{AgentId, ApiKeyId, ChannelId, WorkspaceId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::sql::sql;

pub use actor::{KeyHolder, KeyProof, actors};
pub use shape::{get, list};

/// A key to be stored.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The member in whose name it acts.
    pub agent_id: AgentId,
    /// The member who makes it.
    pub created_by: AgentId,
    /// Its name.
    pub name: String,
    /// SHA-256 of its secret part.
    pub secret_hash: [u8; 32],
    /// Its last four characters.
    pub ends_with: String,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
    /// The only channels that exist for it.
    pub channels: Option<Vec<ChannelId>>,
    /// When it runs out.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Stores a new key.
///
/// # Errors
/// Only those of the database.
pub fn insert(conn: &mut PgConnection, workspace: WorkspaceId, key: NewApiKey) -> Result<(), StoreError> {
    let scopes: Vec<&'static str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    sql("INSERT INTO api_keys (workspace_id, id, agent_id, created_by, name, secret_hash, ends_with, scopes,
             limited_to_channels, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
    .bind(workspace)
    .bind(key.id)
    .bind(key.agent_id)
    .bind(key.created_by)
    .bind(key.name)
    .bind(key.secret_hash.to_vec())
    .bind(key.ends_with)
    .bind(scopes)
    .bind(key.channels.is_some())
    .bind(key.expires_at)
    .bind(key.created_at)
    .execute(conn)?;
    sql("INSERT INTO api_key_channels (workspace_id, api_key_id, channel_id) SELECT $1, $2, unnest($3)")
        .bind(workspace)
        .bind(key.id)
        .bind(key.channels.unwrap_or_default())
        .execute(conn)?;
    Ok(())
}

/// Ends a key. True if nobody had ended it before.
///
/// # Errors
/// Only those of the database.
pub fn revoke(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql("UPDATE api_keys SET revoked_at = $3
         WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL")
    .bind(workspace)
    .bind(id)
    .bind(now)
    .execute(conn)?;
    Ok(changed > 0)
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Keys ended at or after `since`, by whichever node.
///
/// # Errors
/// Only those of the database.
pub fn revoked_since(conn: &mut PgConnection, since: Timestamp) -> Result<Vec<ApiKeyId>, StoreError> {
    let rows = sql("SELECT id FROM api_keys WHERE revoked_at >= $1").bind(since).load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// One use of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The key.
    pub id: ApiKeyId,
    /// When.
    pub at: Timestamp,
}

/// Notes when keys were last used. What is written half a minute exact already is left alone, so that
/// a busy key costs two writes a minute. Rows are locked in one order: other nodes do the same.
///
/// # Errors
/// Only those of the database.
pub fn note_uses(conn: &mut PgConnection, uses: &[Use]) -> Result<(), StoreError> {
    sql("WITH used AS (
             SELECT k.workspace_id, k.id, u.at
             FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS u (workspace_id, id, at)
             JOIN api_keys k ON k.workspace_id = u.workspace_id AND k.id = u.id
             WHERE k.last_used_at IS NULL OR k.last_used_at <= u.at - interval '30 seconds'
             ORDER BY k.workspace_id, k.id FOR NO KEY UPDATE OF k)
         UPDATE api_keys k SET last_used_at = used.at FROM used
         WHERE k.workspace_id = used.workspace_id AND k.id = used.id")
    .bind(uses.iter().map(|one| one.workspace_id).collect::<Vec<_>>())
    .bind(uses.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(uses.iter().map(|one| one.at).collect::<Vec<_>>())
    .execute(conn)?;
    Ok(())
}
