//! Signed-in devices: the families of refresh tokens.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{AgentId, SignInId, WorkspaceId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// One signed-in device.
#[derive(Debug, Clone, Copy)]
pub struct SignIn {
    /// Who.
    pub agent_id: AgentId,
    /// Which of its refresh tokens is the present one, from 1.
    pub generation: i32,
    /// When that one was given out.
    pub rotated_at: Timestamp,
    /// When the device has to sign in anew.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = Integer)]
    generation: i32,
    #[diesel(sql_type = Timestamptz)]
    rotated_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    revoked_at: Option<DateTime<Utc>>,
}

/// Stores a new sign-in.
///
/// # Errors
/// Only those of the database.
pub fn insert(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: SignInId,
    agent: AgentId,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql("INSERT INTO sign_ins (workspace_id, id, agent_id, rotated_at, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $4)")
    .bind(workspace)
    .bind(id)
    .bind(agent)
    .bind(now)
    .bind(expires_at)
    .execute(conn)?;
    Ok(())
}

/// Reads and locks a sign-in, so that of two exchanges at once one waits for the other.
///
/// # Errors
/// Only those of the database.
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: SignInId,
) -> Result<Option<SignIn>, StoreError> {
    let row = sql("SELECT agent_id, generation, rotated_at, expires_at, revoked_at FROM sign_ins
         WHERE workspace_id = $1 AND id = $2 FOR UPDATE")
    .bind(workspace)
    .bind(id)
    .get_result::<Row>(conn)
    .optional()?;
    Ok(row.map(|row| SignIn {
        agent_id: row.agent_id.into(),
        generation: row.generation,
        rotated_at: Timestamp::new(row.rotated_at),
        expires_at: Timestamp::new(row.expires_at),
        revoked_at: row.revoked_at.map(Timestamp::new),
    }))
}

/// The next refresh token becomes the present one.
///
/// # Errors
/// `RowCount` if the sign-in is not there.
pub fn rotate(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: SignInId,
    generation: i32,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let changed = sql("UPDATE sign_ins SET generation = $3, expires_at = $4, rotated_at = $5
         WHERE workspace_id = $1 AND id = $2")
    .bind(workspace)
    .bind(id)
    .bind(generation)
    .bind(expires_at)
    .bind(now)
    .execute(conn)?;
    expect_rows("sign_ins::rotate", changed, 1)
}

/// Ends a sign-in. True if it had not ended before.
///
/// # Errors
/// Only those of the database.
pub fn revoke(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: SignInId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql("UPDATE sign_ins SET revoked_at = $3
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

/// Sign-ins ended at or after `since`, by whichever node.
///
/// # Errors
/// Only those of the database.
pub fn revoked_since(conn: &mut PgConnection, since: Timestamp) -> Result<Vec<SignInId>, StoreError> {
    let rows = sql("SELECT id FROM sign_ins WHERE revoked_at >= $1").bind(since).load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// Forgets sign-ins that ran out before `before`. Answers how many.
///
/// # Errors
/// Only those of the database.
pub fn forget(conn: &mut PgConnection, before: Timestamp) -> Result<usize, StoreError> {
    Ok(sql("DELETE FROM sign_ins WHERE expires_at < $1").bind(before).execute(conn)?)
}

/// Ends every sign-in of a member but `except`. Answers which.
///
/// # Errors
/// Only those of the database.
pub fn revoke_all(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agent: AgentId,
    except: Option<SignInId>,
    now: Timestamp,
) -> Result<Vec<SignInId>, StoreError> {
    let rows = sql("UPDATE sign_ins SET revoked_at = $3
         WHERE workspace_id = $1 AND agent_id = $2 AND revoked_at IS NULL AND id IS DISTINCT FROM $4 RETURNING id")
    .bind(workspace)
    .bind(agent)
    .bind(now)
    .bind(except)
    .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}
