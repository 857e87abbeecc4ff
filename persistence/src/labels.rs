//! Labels, and the conversations that have them.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{ConversationId, LabelId, WorkspaceId};
use domain::resource::{Label, LabelRef};
use domain::search::folded;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    color: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl From<Row> for Label {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            color: row.color,
            version: row.version,
            created_at: Timestamp::new(row.created_at),
        }
    }
}

/// Stores a new label.
///
/// # Errors
/// `Taken` if another has the name.
pub fn insert(conn: &mut PgConnection, workspace: WorkspaceId, label: &Label) -> Result<(), StoreError> {
    sql("INSERT INTO labels (workspace_id, id, name, search_name, color, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)")
    .bind(workspace)
    .bind(label.id)
    .bind(label.name.clone())
    .bind(folded(&label.name))
    .bind(label.color.clone())
    .bind(label.version)
    .bind(label.created_at)
    .execute(conn)?;
    Ok(())
}

/// Labels by name as it is compared, at most `limit`, after the label of this (folded) name; `pattern` is one of
/// `LIKE` for the folded name.
///
/// # Errors
/// Only those of the database.
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    pattern: Option<String>,
    after: Option<String>,
    limit: i64,
) -> Result<Vec<Label>, StoreError> {
    let rows = sql("SELECT id, name, color, version, created_at FROM labels
         WHERE workspace_id = $1 AND ($2::text IS NULL OR search_name > $2)
             AND ($3::text IS NULL OR search_name LIKE $3)
         ORDER BY search_name LIMIT $4")
    .bind(workspace)
    .bind(after)
    .bind(pattern)
    .bind(limit)
    .load::<Row>(conn)?;
    Ok(rows.into_iter().map(Label::from).collect())
}

/// The label with this id.
///
/// # Errors
/// Only those of the database.
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: LabelId,
) -> Result<Option<Label>, StoreError> {
    let row =
        sql("SELECT id, name, color, version, created_at FROM labels WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(id)
            .get_result::<Row>(conn)
            .optional()?;
    Ok(row.map(Label::from))
}

/// Stores a changed label, raising its version.
///
/// # Errors
/// `Taken` if another has the name; `RowCount` if it is not there.
pub fn update(conn: &mut PgConnection, workspace: WorkspaceId, label: &mut Label) -> Result<(), StoreError> {
    label.version += 1;
    let changed = sql("UPDATE labels SET name = $3, search_name = $4, color = $5, version = $6
         WHERE workspace_id = $1 AND id = $2")
    .bind(workspace)
    .bind(label.id)
    .bind(label.name.clone())
    .bind(folded(&label.name))
    .bind(label.color.clone())
    .bind(label.version)
    .execute(conn)?;
    expect_rows("labels::update", changed, 1)
}

/// Deletes a label. Answers how many conversations had it.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn delete(conn: &mut PgConnection, workspace: WorkspaceId, id: LabelId) -> Result<i64, StoreError> {
    let detached = sql("DELETE FROM conversation_labels WHERE workspace_id = $1 AND label_id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    let changed = sql("DELETE FROM labels WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    expect_rows("labels::delete", changed, 1)?;
    Ok(i64::try_from(detached).unwrap_or(i64::MAX))
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many conversations have a label.
///
/// # Errors
/// Only those of the database.
pub fn count_conversations(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: LabelId,
) -> Result<i64, StoreError> {
    let row =
        sql("SELECT count(*) AS count FROM conversation_labels WHERE workspace_id = $1 AND label_id = $2")
            .bind(workspace)
            .bind(id)
            .get_result::<CountRow>(conn)?;
    Ok(row.count)
}

#[derive(QueryableByName)]
struct RefRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    color: String,
}

/// The labels of a conversation, by name.
///
/// # Errors
/// Only those of the database.
pub fn of_conversation(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
) -> Result<Vec<LabelRef>, StoreError> {
    let rows = sql("SELECT l.id, l.name, l.color FROM conversation_labels k
         JOIN labels l ON l.workspace_id = k.workspace_id AND l.id = k.label_id
         WHERE k.workspace_id = $1 AND k.conversation_id = $2 ORDER BY l.search_name")
    .bind(workspace)
    .bind(conversation)
    .load::<RefRow>(conn)?;
    Ok(rows.into_iter().map(|row| LabelRef { id: row.id.into(), name: row.name, color: row.color }).collect())
}

/// Puts a label on a conversation, which is locked and has not got it.
///
/// # Errors
/// Only those of the database.
pub fn attach(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
    label: LabelId,
) -> Result<(), StoreError> {
    sql("INSERT INTO conversation_labels (workspace_id, conversation_id, label_id) VALUES ($1, $2, $3)")
        .bind(workspace)
        .bind(conversation)
        .bind(label)
        .execute(conn)?;
    Ok(())
}

/// Takes a label off a conversation, which is locked and has it.
///
/// # Errors
/// `RowCount` if it has not got it.
pub fn detach(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
    label: LabelId,
) -> Result<(), StoreError> {
    let changed = sql("DELETE FROM conversation_labels
         WHERE workspace_id = $1 AND conversation_id = $2 AND label_id = $3")
    .bind(workspace)
    .bind(conversation)
    .bind(label)
    .execute(conn)?;
    expect_rows("labels::detach", changed, 1)
}
