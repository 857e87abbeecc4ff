//! What a member changes of itself.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::agent::Availability;
use domain::id::{AgentId, WorkspaceId};
use domain::search::folded;
use domain::time::Timestamp;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// Stores a member's name, raising its version.
///
/// # Errors
/// `RowCount` if the member is not there.
pub fn rename(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
    name: &str,
) -> Result<(), StoreError> {
    let changed = sql("UPDATE agents SET name = $3, name_folded = $4, version = version + 1
         WHERE workspace_id = $1 AND id = $2")
    .bind(workspace)
    .bind(id)
    .bind(name.to_owned())
    .bind(folded(name))
    .execute(conn)?;
    expect_rows("agents::rename", changed, 1)
}

/// Stores what a member says of itself. Who says something is there.
///
/// # Errors
/// `RowCount` if the member is not there.
pub fn set_availability(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
    availability: Availability,
    now: Timestamp,
) -> Result<(), StoreError> {
    let changed =
        sql("UPDATE agents SET availability = $3, present = true, last_seen_at = greatest(last_seen_at, $4)
         WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .bind(availability.as_str())
        .bind(now)
        .execute(conn)?;
    expect_rows("agents::set_availability", changed, 1)
}
