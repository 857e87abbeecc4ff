//! How much members have to do and have done.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::id::{AgentId, WorkspaceId};

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// What is to be added to the counts of a member.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CountsChange {
    /// To the conversations that it holds.
    pub assigned: i64,
    /// To the tickets that it has held at any time.
    pub handled: i64,
    /// To the tickets that were resolved in its hands.
    pub resolved: i64,
}

/// Changes the counts of a member. Call it in the order of ids, after everything but the event counter is locked.
///
/// # Errors
/// `RowCount` if the member is not there.
pub fn change_counts(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agent: AgentId,
    change: CountsChange,
) -> Result<(), StoreError> {
    let changed = sql(
        "UPDATE agent_counts SET assigned = assigned + $3, handled = handled + $4, resolved = resolved + $5
         WHERE workspace_id = $1 AND agent_id = $2",
    )
    .bind(workspace)
    .bind(agent)
    .bind(change.assigned)
    .bind(change.handled)
    .bind(change.resolved)
    .execute(conn)?;
    expect_rows("agents::change_counts", changed, 1)
}
