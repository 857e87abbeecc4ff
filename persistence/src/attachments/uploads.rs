//! Files that members upload to send them. The row is there before the first byte and until after the last one is gone,
//! so that no bytes can be left without one.

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::attachment::AttachmentKind;
use domain::id::{AgentId, AttachmentId, WorkspaceId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// An upload begins.
///
/// # Errors
/// Only those of the database.
pub fn insert_upload(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AttachmentId,
    owner: AgentId,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Of what kind it is, and its name, may come after the bytes: see [`describe_upload`].
    sql("INSERT INTO attachments (workspace_id, id, kind, state, uploaded_by, created_at)
         VALUES ($1, $2, $3, 'pending', $4, $5)")
    .bind(workspace)
    .bind(id)
    .bind(AttachmentKind::Document.as_str())
    .bind(owner)
    .bind(now)
    .execute(conn)?;
    Ok(())
}

/// Uploads of a member that no message has.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Unsent {
    /// Those that have all their bytes.
    #[diesel(sql_type = BigInt)]
    pub stored: i64,
    /// These, and those that are still coming.
    #[diesel(sql_type = BigInt)]
    pub begun: i64,
}

/// How many uploads of a member wait to be sent. What began before `alive` without coming to its end broke off.
///
/// # Errors
/// Only those of the database.
pub fn unsent(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    owner: AgentId,
    alive: Timestamp,
) -> Result<Unsent, StoreError> {
    Ok(sql("SELECT count(*) FILTER (WHERE state = 'stored') AS stored, count(*) AS begun FROM attachments
         WHERE workspace_id = $1 AND uploaded_by = $2 AND message_id IS NULL AND failure IS DISTINCT FROM 'discarded'
           AND (state <> 'pending' OR created_at >= $3)")
    .bind(workspace)
    .bind(owner)
    .bind(alive)
    .get_result(conn)?)
}

/// Says what an upload is that has all its bytes.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn describe_upload(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AttachmentId,
    kind: AttachmentKind,
    filename: Option<String>,
) -> Result<(), StoreError> {
    let changed = sql("UPDATE attachments SET kind = $3, filename = $4
         WHERE workspace_id = $1 AND id = $2 AND state = 'pending' AND uploaded_by IS NOT NULL")
    .bind(workspace)
    .bind(id)
    .bind(kind.as_str())
    .bind(filename)
    .execute(conn)?;
    expect_rows("attachments::describe_upload", changed, 1)
}

/// An upload that was not sent is about to disappear: nobody can take it any more. False if there is no such upload.
///
/// # Errors
/// Only those of the database.
pub fn discard(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AttachmentId,
) -> Result<bool, StoreError> {
    let changed = sql("UPDATE attachments SET state = 'failed', failure = 'discarded'
         WHERE workspace_id = $1 AND id = $2 AND message_id IS NULL AND uploaded_by IS NOT NULL")
    .bind(workspace)
    .bind(id)
    .execute(conn)?;
    Ok(changed > 0)
}

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The same for uploads from before `before`, at most `limit`. Answers them, and those that were to disappear already.
///
/// # Errors
/// Only those of the database.
pub fn discard_unsent(
    conn: &mut PgConnection,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(WorkspaceId, AttachmentId)>, StoreError> {
    let rows = sql("WITH old AS (
             SELECT workspace_id, id FROM attachments
             WHERE message_id IS NULL AND uploaded_by IS NOT NULL AND (created_at < $1 OR failure = 'discarded')
             ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
         )
         UPDATE attachments t SET state = 'failed', failure = 'discarded' FROM old
         WHERE t.workspace_id = old.workspace_id AND t.id = old.id RETURNING t.workspace_id, t.id")
    .bind(before)
    .bind(limit)
    .load::<KeyRow>(conn)?;
    Ok(rows.into_iter().map(|row| (row.workspace_id.into(), row.id.into())).collect())
}

/// The bytes of these uploads are gone.
///
/// # Errors
/// Only those of the database.
pub fn delete_discarded(
    conn: &mut PgConnection,
    uploads: Vec<(WorkspaceId, AttachmentId)>,
) -> Result<(), StoreError> {
    let (workspaces, ids): (Vec<_>, Vec<_>) = uploads.into_iter().unzip();
    sql("DELETE FROM attachments t USING unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
         WHERE t.workspace_id = k.workspace_id AND t.id = k.id AND t.failure = 'discarded' AND t.message_id IS NULL")
    .bind(workspaces)
    .bind(ids)
    .execute(conn)?;
    Ok(())
}
