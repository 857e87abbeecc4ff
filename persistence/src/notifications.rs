//! What members are to know of.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::id::{AgentId, WorkspaceId};
use domain::resource::Notification;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// Stores new notifications, each for one member.
///
/// # Errors
/// Only those of the database.
pub fn insert(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    notifications: &[(AgentId, Notification)],
) -> Result<(), StoreError> {
    if notifications.is_empty() {
        return Ok(());
    }
    let inserted = sql("INSERT INTO notifications (workspace_id, id, agent_id, kind, conversation_id, ticket_id, text, created_at)
         SELECT $1, n.* FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::timestamptz[]) AS n")
    .bind(workspace)
    .bind(notifications.iter().map(|(_, one)| one.id).collect::<Vec<_>>())
    .bind(notifications.iter().map(|(agent, _)| *agent).collect::<Vec<_>>())
    .bind(notifications.iter().map(|(_, one)| one.kind.as_str()).collect::<Vec<_>>())
    .bind(notifications.iter().map(|(_, one)| one.conversation_id).collect::<Vec<_>>())
    .bind(notifications.iter().map(|(_, one)| one.ticket_id).collect::<Vec<_>>())
    .bind(notifications.iter().map(|(_, one)| one.text.clone()).collect::<Vec<_>>())
    .bind(notifications.iter().map(|(_, one)| one.created_at).collect::<Vec<_>>())
    .execute(conn)?;
    expect_rows("notifications::insert", inserted, notifications.len())
}
