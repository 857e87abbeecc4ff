//! The conversations of a division.

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{ConversationId, DivisionId, WorkspaceId};
use uuid::Uuid;

use crate::error::StoreError;
use crate::sql::sql;

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Conversations that wait for a division, or were given to it, at most `limit`.
///
/// # Errors
/// Only those of the database.
pub fn of_division(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    division: DivisionId,
    limit: i64,
) -> Result<Vec<ConversationId>, StoreError> {
    let rows = sql("SELECT id FROM conversations WHERE workspace_id = $1 AND division_id = $2 LIMIT $3")
        .bind(workspace)
        .bind(division)
        .bind(limit)
        .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many conversations wait for a division, or were given to it.
///
/// # Errors
/// Only those of the database.
pub fn count_of_division(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    division: DivisionId,
) -> Result<i64, StoreError> {
    let row = sql("SELECT count(*) AS count FROM conversations WHERE workspace_id = $1 AND division_id = $2")
        .bind(workspace)
        .bind(division)
        .get_result::<CountRow>(conn)?;
    Ok(row.count)
}
