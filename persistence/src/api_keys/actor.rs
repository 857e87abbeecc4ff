//! Who acts by a key.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, Binary, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::actor::{Actor, KeyLimits, Via};
use domain::id::{ApiKeyId, WorkspaceId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::agents::actor::{ActorRow, actor_query};
use crate::error::{StoreError, word};
use crate::sql::sql;

/// Who acts by a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The member, within the key's limits.
    pub actor: Actor,
    /// What proves that somebody has the key.
    pub proof: KeyProof,
}

/// What proves that somebody has a key, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyProof {
    /// SHA-256 of the key's secret part.
    pub secret_hash: [u8; 32],
    /// When the key runs out.
    pub expires_at: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    api_key_id: Uuid,
    #[diesel(sql_type = Text)]
    api_key_name: String,
    #[diesel(sql_type = Array<Text>)]
    scopes: Vec<String>,
    #[diesel(sql_type = Bool)]
    limited_to_channels: bool,
    #[diesel(sql_type = Array<SqlUuid>)]
    only_channels: Vec<Uuid>,
    #[diesel(sql_type = Binary)]
    secret_hash: Vec<u8>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    expires_at: Option<DateTime<Utc>>,
    #[diesel(embed)]
    actor: ActorRow,
}

impl Row {
    fn into_holder(self) -> Result<KeyHolder, StoreError> {
        let id = self.api_key_id;
        let scopes = self.scopes.iter().map(|scope| word("api_keys", "scopes", id, scope));
        let only_channels = self.only_channels.into_iter().map(Into::into).collect();
        let limits = KeyLimits {
            id: id.into(),
            name: self.api_key_name,
            scopes: scopes.collect::<Result<_, _>>()?,
            channels: self.limited_to_channels.then_some(only_channels),
        };
        let secret_hash = self.secret_hash.try_into().map_err(|_| StoreError::Unreadable {
            table: "api_keys",
            column: "secret_hash",
            id: id.to_string(),
        })?;
        let proof = KeyProof { secret_hash, expires_at: self.expires_at.map(Timestamp::new) };
        Ok(KeyHolder { actor: self.actor.into_actor(Via::ApiKey(limits))?, proof })
    }
}

/// Who acts by these keys; those that have ended or run out, or whose member left, are left out.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn actors(
    conn: &mut PgConnection,
    keys: Vec<(WorkspaceId, ApiKeyId)>,
    now: Timestamp,
) -> Result<Vec<KeyHolder>, StoreError> {
    let (workspaces, ids): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    sql(actor_query!(
        ", i.id AS api_key_id, i.name AS api_key_name, i.scopes, i.limited_to_channels,
             ARRAY(SELECT l.channel_id FROM api_key_channels l
                   WHERE l.workspace_id = i.workspace_id AND l.api_key_id = i.id
                   ORDER BY l.channel_id) AS only_channels,
             i.secret_hash, i.expires_at",
        "unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
             JOIN api_keys i ON i.workspace_id = k.workspace_id AND i.id = k.id",
        "WHERE i.revoked_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > $3)"
    ))
    .bind(workspaces)
    .bind(ids)
    .bind(now)
    .load::<Row>(conn)?
    .into_iter()
    .map(Row::into_holder)
    .collect()
}
