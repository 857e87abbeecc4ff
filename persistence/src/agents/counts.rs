//! How much members have to do and have done.

use std::collections::BTreeMap;

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

/// Changes the counts of members. Call it after everything but the event counter is locked.
///
/// # Errors
/// `RowCount` if a member is not there. If one would hold more than it may, the transaction runs again: what it was
/// decided on has changed.
pub fn change_counts(
    conn: &mut PgConnection,
    changes: &BTreeMap<(WorkspaceId, AgentId), CountsChange>,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let (workspaces, agents): (Vec<_>, Vec<_>) = changes.keys().copied().unzip();
    if changes.len() > 1 {
        // In one order, so that nobody waits in a circle; an update of many takes them as they come.
        sql("SELECT FROM unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, agent_id)
             JOIN agent_counts n ON n.workspace_id = k.workspace_id AND n.agent_id = k.agent_id
             ORDER BY n.workspace_id, n.agent_id FOR NO KEY UPDATE OF n")
        .bind(workspaces.clone())
        .bind(agents.clone())
        .execute(conn)?;
    }
    let changed = sql("UPDATE agent_counts n SET assigned = n.assigned + k.assigned, handled = n.handled + k.handled,
             resolved = n.resolved + k.resolved, last_assigned_at = greatest(n.last_assigned_at, k.assigned_at)
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::bigint[])
             AS k (workspace_id, agent_id, assigned, handled, resolved, assigned_at, at_most)
         WHERE n.workspace_id = k.workspace_id AND n.agent_id = k.agent_id
           AND (k.at_most IS NULL OR n.assigned + k.assigned <= k.at_most)")
    .bind(workspaces)
    .bind(agents)
    .bind(changes.values().map(|change| change.assigned).collect::<Vec<_>>())
    .bind(changes.values().map(|change| change.handled).collect::<Vec<_>>())
    .bind(changes.values().map(|change| change.resolved).collect::<Vec<_>>())
    .bind(changes.values().map(|change| change.assigned_at).collect::<Vec<_>>())
    .bind(changes.values().map(|change| change.at_most).collect::<Vec<_>>())
    .execute(conn)?;
    if changed < changes.len() && changes.values().any(|change| change.at_most.is_some()) {
        return Err(StoreError::overtaken());
    }
    expect_rows("agents::change_counts", changed, changes.len())
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
