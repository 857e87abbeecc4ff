//! Keys as clients see them.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{ApiKeyId, WorkspaceId};
use domain::resource::{AgentRef, ApiKey, ChannelRef};
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, json, word};
use crate::sql::sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = Text)]
    agent_name: String,
    #[diesel(sql_type = Array<Text>)]
    scopes: Vec<String>,
    #[diesel(sql_type = Bool)]
    limited_to_channels: bool,
    #[diesel(sql_type = Jsonb)]
    channels: Value,
    #[diesel(sql_type = Text)]
    ends_with: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    expires_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_used_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = SqlUuid)]
    created_by: Uuid,
    #[diesel(sql_type = Text)]
    created_by_name: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl Row {
    fn into_resource(self) -> Result<ApiKey, StoreError> {
        let scopes = self.scopes.iter().map(|scope| word("api_keys", "scopes", self.id, scope));
        let channels: Vec<ChannelRef> = json("api_keys", "channels", self.id, self.channels)?;
        Ok(ApiKey {
            id: self.id.into(),
            name: self.name,
            agent: AgentRef { id: self.agent_id.into(), name: self.agent_name },
            scopes: scopes.collect::<Result<_, _>>()?,
            channels: self.limited_to_channels.then_some(channels),
            ends_with: self.ends_with,
            expires_at: self.expires_at.map(Timestamp::new),
            last_used_at: self.last_used_at.map(Timestamp::new),
            created_by: AgentRef { id: self.created_by.into(), name: self.created_by_name },
            created_at: Timestamp::new(self.created_at),
        })
    }
}

/// The columns and joins of the shape; `k` is the key, `a` its member.
macro_rules! shape {
    ($rest:literal) => {
        concat!(
            "SELECT k.id, k.name, k.agent_id, a.name AS agent_name, k.scopes, k.limited_to_channels,
                 (SELECT coalesce(jsonb_agg(jsonb_build_object('id', h.id, 'kind', h.kind, 'name', h.name)
                      ORDER BY h.id), '[]')
                  FROM api_key_channels l JOIN channels h ON h.workspace_id = l.workspace_id AND h.id = l.channel_id
                  WHERE l.workspace_id = k.workspace_id AND l.api_key_id = k.id) AS channels,
                 k.ends_with, k.expires_at, k.last_used_at, k.created_by, m.name AS created_by_name, k.created_at
             FROM api_keys k
             JOIN agents a ON a.workspace_id = k.workspace_id AND a.id = k.agent_id
             JOIN agents m ON m.workspace_id = k.workspace_id AND m.id = k.created_by ",
            $rest
        )
    };
}

/// Keys that nobody ended and whose member is there, also those that have run out; the newest first, at
/// most `limit`, older than `before`.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    before: Option<ApiKeyId>,
    limit: i64,
) -> Result<Vec<ApiKey>, StoreError> {
    sql(shape!(
        "WHERE k.workspace_id = $1 AND k.revoked_at IS NULL AND a.active AND ($2::uuid IS NULL OR k.id < $2)
         ORDER BY k.id DESC LIMIT $3"
    ))
    .bind(workspace)
    .bind(before)
    .bind(limit)
    .load::<Row>(conn)?
    .into_iter()
    .map(Row::into_resource)
    .collect()
}

/// The key with this id, also one that has ended.
///
/// # Errors
/// As [`list`].
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: ApiKeyId,
) -> Result<Option<ApiKey>, StoreError> {
    sql(shape!("WHERE k.workspace_id = $1 AND k.id = $2"))
        .bind(workspace)
        .bind(id)
        .load::<Row>(conn)?
        .pop()
        .map(Row::into_resource)
        .transpose()
}
