//! How much members have to do and have done.

use diesel::pg::PgConnection;
use diesel::sql_types::Bool;
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{AgentId, WorkspaceId};
use domain::time::Timestamp;

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
    /// When it came to hold a conversation.
    pub assigned_at: Option<Timestamp>,
    /// The most conversations that it may hold after this; `None`: any number.
    pub at_most: Option<i64>,
}

/// Changes the counts of a member. Call it in the order of ids, after everything but the event counter is locked.
///
/// # Errors
/// `RowCount` if the member is not there. If it would hold more than it may, the transaction runs again: what it was
/// decided on has changed.
pub fn change_counts(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agent: AgentId,
    change: CountsChange,
) -> Result<(), StoreError> {
    let changed = sql(
        "UPDATE agent_counts SET assigned = assigned + $3, handled = handled + $4, resolved = resolved + $5,
             last_assigned_at = greatest(last_assigned_at, $6)
         WHERE workspace_id = $1 AND agent_id = $2 AND ($7::bigint IS NULL OR assigned + $3 <= $7)",
    )
    .bind(workspace)
    .bind(agent)
    .bind(change.assigned)
    .bind(change.handled)
    .bind(change.resolved)
    .bind(change.assigned_at)
    .bind(change.at_most)
    .execute(conn)?;
    if changed == 0 && change.at_most.is_some() {
        return Err(StoreError::overtaken());
    }
    expect_rows("agents::change_counts", changed, 1)
}

#[derive(QueryableByName)]
struct RoomRow {
    #[diesel(sql_type = Bool)]
    room: bool,
}

/// Whether a member holds fewer conversations than it is given by itself, where the workspace's limit is this. Locks its
/// counts and those of `from`, who has what it is to get, in the order of ids: of several that it gets at once each is
/// counted. Call it after everything but counts and the event counter is locked.
///
/// # Errors
/// Only those of the database.
pub fn lock_room(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    to: AgentId,
    from: Option<AgentId>,
    of_workspace: Option<u32>,
) -> Result<bool, StoreError> {
    let both: Vec<AgentId> = from.into_iter().chain([to]).collect();
    sql("SELECT FROM agent_counts WHERE workspace_id = $1 AND agent_id = ANY($2) ORDER BY agent_id FOR NO KEY UPDATE")
        .bind(workspace)
        .bind(both)
        .execute(conn)?;
    // By a statement of its own: one that waited for the lock would show the counts of before.
    let rows = sql(
        "SELECT n.assigned < coalesce(a.max_conversations, $3, n.assigned + 1) AS room FROM agent_counts n
         JOIN agents a ON a.workspace_id = n.workspace_id AND a.id = n.agent_id
         WHERE n.workspace_id = $1 AND n.agent_id = $2",
    )
    .bind(workspace)
    .bind(to)
    .bind(of_workspace.map(i64::from))
    .load::<RoomRow>(conn)?;
    Ok(rows.first().is_none_or(|row| row.room))
}
