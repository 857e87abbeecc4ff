//! Members, locked: by those who change them, and by those whose rights must not change meanwhile.

use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::agent::Role;
use domain::id::{AgentId, WorkspaceId};
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

#[derive(QueryableByName)]
struct RoleRow {
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Bool)]
    active: bool,
}

/// The role of a member, and whether it is in the team; neither changes until the transaction ends.
///
/// # Errors
/// Only those of the database.
pub fn lock_role(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
) -> Result<Option<(Role, bool)>, StoreError> {
    sql("SELECT role, active FROM agents WHERE workspace_id = $1 AND id = $2 FOR SHARE")
        .bind(workspace)
        .bind(id)
        .get_result::<RoleRow>(conn)
        .optional()?
        .map(|row| Ok((word("agents", "role", id, &row.role)?, row.active)))
        .transpose()
}

#[derive(QueryableByName)]
struct ActiveRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    active: bool,
}

/// Locks these members, in the order of their ids, and answers those that are in the team.
///
/// # Errors
/// Only those of the database.
pub fn lock_active(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<AgentId>,
) -> Result<Vec<AgentId>, StoreError> {
    let rows = sql("SELECT id, active FROM agents WHERE workspace_id = $1 AND id = ANY($2)
         ORDER BY id FOR NO KEY UPDATE")
    .bind(workspace)
    .bind(ids)
    .load::<ActiveRow>(conn)?;
    Ok(rows.into_iter().filter(|row| row.active).map(|row| row.id.into()).collect())
}

/// Raises the versions of members whose profile changed by a change of something else. All must be locked.
///
/// # Errors
/// `RowCount` if one is not there.
pub fn raise_versions(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<AgentId>,
) -> Result<(), StoreError> {
    let count = ids.len();
    let changed = sql("UPDATE agents SET version = version + 1 WHERE workspace_id = $1 AND id = ANY($2)")
        .bind(workspace)
        .bind(ids)
        .execute(conn)?;
    expect_rows("agents::raise_versions", changed, count)
}
