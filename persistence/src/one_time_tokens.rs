//! What links in mails are good for. No token is stored; see `api::auth::one_time_token`.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{AgentId, OneTimeTokenId, WorkspaceId};
use domain::one_time_token::TokenPurpose;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::sql;

/// A token to be given out.
#[derive(Debug, Clone, Copy)]
pub struct NewToken {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Its id.
    pub id: OneTimeTokenId,
    /// Whom it is for.
    pub agent_id: AgentId,
    /// What it is good for.
    pub purpose: TokenPurpose,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Stores a token in the place of the member's older one of the same purpose, which is void from then
/// on. With `unless_since` only if the older one was made before; answers whether the new one counts.
///
/// # Errors
/// Only those of the database.
pub fn put(
    conn: &mut PgConnection,
    token: NewToken,
    now: Timestamp,
    unless_since: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let stored = sql("INSERT INTO one_time_tokens AS t (workspace_id, id, agent_id, purpose, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (workspace_id, agent_id, purpose) DO UPDATE
             SET id = excluded.id, created_at = excluded.created_at, expires_at = excluded.expires_at, used_at = NULL
             WHERE $7::timestamptz IS NULL OR t.created_at <= $7")
        .bind(token.workspace_id)
        .bind(token.id)
        .bind(token.agent_id)
        .bind(token.purpose.as_str())
        .bind(now)
        .bind(token.expires_at)
        .bind(unless_since)
        .execute(conn)?;
    Ok(stored > 0)
}

#[derive(QueryableByName)]
struct AgentRow {
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
}

/// Uses a token up and answers whose it was; `None` if it is unknown, used, void or too old. Of two uses
/// at once one gets it.
///
/// # Errors
/// Only those of the database.
pub fn use_up(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: OneTimeTokenId,
    purpose: TokenPurpose,
    now: Timestamp,
) -> Result<Option<AgentId>, StoreError> {
    let row = sql("UPDATE one_time_tokens SET used_at = $4
         WHERE workspace_id = $1 AND id = $2 AND purpose = $3 AND used_at IS NULL AND expires_at > $4
         RETURNING agent_id")
    .bind(workspace)
    .bind(id)
    .bind(purpose.as_str())
    .bind(now)
    .get_result::<AgentRow>(conn)
    .optional()?;
    Ok(row.map(|row| row.agent_id.into()))
}

/// Makes every token of a member void.
///
/// # Errors
/// Only those of the database.
pub fn void(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agent: AgentId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql("UPDATE one_time_tokens SET used_at = $3 WHERE workspace_id = $1 AND agent_id = $2 AND used_at IS NULL")
        .bind(workspace)
        .bind(agent)
        .bind(now)
        .execute(conn)?;
    Ok(())
}

/// What the mail that brings a token says.
#[derive(Clone)]
pub struct Letter {
    /// What the token is good for.
    pub purpose: TokenPurpose,
    /// Until when.
    pub expires_at: Timestamp,
    /// The member's name.
    pub name: String,
    /// The member's address.
    pub email: String,
    /// The workspace's name.
    pub workspace: String,
}

#[derive(QueryableByName)]
struct LetterRow {
    #[diesel(sql_type = Text)]
    purpose: String,
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    workspace: String,
}

/// What the mail of a token says; `None` if the token is no longer good for anything.
///
/// # Errors
/// Only those of the database.
pub fn letter(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: OneTimeTokenId,
    now: Timestamp,
) -> Result<Option<Letter>, StoreError> {
    let row = sql("SELECT t.purpose, t.expires_at, a.name, a.email, w.name AS workspace
         FROM one_time_tokens t
         JOIN agents a ON a.workspace_id = t.workspace_id AND a.id = t.agent_id
         JOIN workspaces w ON w.id = t.workspace_id
         WHERE t.workspace_id = $1 AND t.id = $2 AND t.used_at IS NULL AND t.expires_at > $3
           AND a.active AND (t.purpose = 'invitation') = (a.password_hash IS NULL)")
    .bind(workspace)
    .bind(id)
    .bind(now)
    .get_result::<LetterRow>(conn)
    .optional()?;
    row.map(|row| {
        Ok(Letter {
            purpose: word("one_time_tokens", "purpose", id, &row.purpose)?,
            expires_at: Timestamp::new(row.expires_at),
            name: row.name,
            email: row.email,
            workspace: row.workspace,
        })
    })
    .transpose()
}

/// Forgets tokens that ran out before `before`. Answers how many.
///
/// # Errors
/// Only those of the database.
pub fn forget(conn: &mut PgConnection, before: Timestamp) -> Result<usize, StoreError> {
    Ok(sql("DELETE FROM one_time_tokens WHERE expires_at < $1").bind(before).execute(conn)?)
}
