//! Members as signing in knows them: by address and password.

use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Nullable, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{AgentId, WorkspaceId};
use domain::search::folded;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// A member as signing in needs it.
#[derive(Clone)]
pub struct Login {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The member.
    pub agent_id: AgentId,
    /// Argon2id, in PHC format; `None`: invited, has not joined yet.
    pub password_hash: Option<String>,
}

#[derive(QueryableByName)]
struct LoginRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    password_hash: Option<String>,
}

/// Active members with this address, in the workspace with this slug or, without one, in any; at
/// most `limit`.
///
/// # Errors
/// Only those of the database.
pub fn logins(
    conn: &mut PgConnection,
    slug: Option<String>,
    email: String,
    limit: i64,
) -> Result<Vec<Login>, StoreError> {
    let rows = sql("SELECT a.workspace_id, a.id AS agent_id, a.password_hash FROM agents a
         JOIN workspaces w ON w.id = a.workspace_id
         WHERE a.email = $1 AND a.active AND ($2::text IS NULL OR w.slug = $2)
         ORDER BY a.workspace_id LIMIT $3")
    .bind(email)
    .bind(slug)
    .bind(limit)
    .load::<LoginRow>(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Login {
            workspace_id: row.workspace_id.into(),
            agent_id: row.agent_id.into(),
            password_hash: row.password_hash,
        })
        .collect())
}

/// What a member signs in with.
#[derive(Clone)]
pub struct Account {
    /// Its address.
    pub email: String,
    /// Argon2id, in PHC format; `None`: invited, has not joined yet.
    pub password_hash: Option<String>,
    /// False: it left the team.
    pub active: bool,
}

#[derive(QueryableByName)]
struct AccountRow {
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Nullable<Text>)]
    password_hash: Option<String>,
    #[diesel(sql_type = Bool)]
    active: bool,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self { email: row.email, password_hash: row.password_hash, active: row.active }
    }
}

/// What a member signs in with.
///
/// # Errors
/// Only those of the database.
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
) -> Result<Option<Account>, StoreError> {
    let row = sql("SELECT email, password_hash, active FROM agents WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .get_result::<AccountRow>(conn)
        .optional()?;
    Ok(row.map(Account::from))
}

/// The same, locked against change until the transaction ends: whoever changes the password afterwards
/// sees the sign-ins that were begun with this one.
///
/// # Errors
/// Only those of the database.
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
) -> Result<Option<Account>, StoreError> {
    let row = sql("SELECT email, password_hash, active FROM agents
         WHERE workspace_id = $1 AND id = $2 FOR SHARE")
    .bind(workspace)
    .bind(id)
    .get_result::<AccountRow>(conn)
    .optional()?;
    Ok(row.map(Account::from))
}

/// The same, locked for [`set_password`].
///
/// # Errors
/// Only those of the database.
pub fn lock_for_change(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
) -> Result<Option<Account>, StoreError> {
    let row = sql("SELECT email, password_hash, active FROM agents
         WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE")
    .bind(workspace)
    .bind(id)
    .get_result::<AccountRow>(conn)
    .optional()?;
    Ok(row.map(Account::from))
}

/// Stores a new password.
///
/// # Errors
/// `RowCount` if the member is not there.
pub fn set_password(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
    password_hash: String,
) -> Result<(), StoreError> {
    let changed = sql("UPDATE agents SET password_hash = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .bind(password_hash)
        .execute(conn)?;
    expect_rows("accounts::set_password", changed, 1)
}

/// An invited member has a password, and perhaps another name, from now on.
///
/// # Errors
/// `RowCount` if the member is not there.
pub fn join(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
    password_hash: String,
    name: Option<String>,
) -> Result<(), StoreError> {
    let folded = name.as_deref().map(folded);
    let changed = sql("UPDATE agents SET password_hash = $3, name = coalesce($4, name),
             name_folded = coalesce($5, name_folded), version = version + 1
         WHERE workspace_id = $1 AND id = $2")
    .bind(workspace)
    .bind(id)
    .bind(password_hash)
    .bind(name)
    .bind(folded)
    .execute(conn)?;
    expect_rows("accounts::join", changed, 1)
}
