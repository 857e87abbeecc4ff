//! Notes on contacts.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{ContactId, NoteId, WorkspaceId};
use domain::resource::{AgentRef, Note};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    contact_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    author_id: Uuid,
    #[diesel(sql_type = Text)]
    author_name: String,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
}

impl From<Row> for Note {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            contact_id: row.contact_id.into(),
            author: AgentRef { id: row.author_id.into(), name: row.author_name },
            text: row.text,
            version: row.version,
            created_at: Timestamp::new(row.created_at),
            updated_at: Timestamp::new(row.updated_at),
        }
    }
}

macro_rules! shape {
    ($rest:literal) => {
        concat!(
            "SELECT n.id, n.contact_id, n.author_id, a.name AS author_name, n.text, n.version, n.created_at, n.updated_at
             FROM contact_notes n JOIN agents a ON a.workspace_id = n.workspace_id AND a.id = n.author_id
             WHERE n.workspace_id = $1 AND n.contact_id = $2 ",
            $rest
        )
    };
}

/// Stores a new note.
///
/// # Errors
/// Only those of the database.
pub fn insert(conn: &mut PgConnection, workspace: WorkspaceId, note: &Note) -> Result<(), StoreError> {
    sql("INSERT INTO contact_notes (workspace_id, id, contact_id, author_id, text, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(workspace)
    .bind(note.id)
    .bind(note.contact_id)
    .bind(note.author.id)
    .bind(note.text.clone())
    .bind(note.version)
    .bind(note.created_at)
    .bind(note.updated_at)
    .execute(conn)?;
    Ok(())
}

/// Notes on a contact, newest first, at most `limit`, those before one.
///
/// # Errors
/// Only those of the database.
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contact: ContactId,
    before: Option<NoteId>,
    limit: i64,
) -> Result<Vec<Note>, StoreError> {
    let rows = sql(shape!("AND ($3::uuid IS NULL OR n.id < $3) ORDER BY n.id DESC LIMIT $4"))
        .bind(workspace)
        .bind(contact)
        .bind(before)
        .bind(limit)
        .load::<Row>(conn)?;
    Ok(rows.into_iter().map(Note::from).collect())
}

/// A note on this contact, locked until the transaction ends.
///
/// # Errors
/// Only those of the database.
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contact: ContactId,
    id: NoteId,
) -> Result<Option<Note>, StoreError> {
    let row = sql(shape!("AND n.id = $3 FOR UPDATE OF n"))
        .bind(workspace)
        .bind(contact)
        .bind(id)
        .get_result::<Row>(conn)
        .optional()?;
    Ok(row.map(Note::from))
}

/// Stores the changed text of a note, raising its version.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn update(conn: &mut PgConnection, workspace: WorkspaceId, note: &mut Note) -> Result<(), StoreError> {
    note.version += 1;
    let changed = sql("UPDATE contact_notes SET text = $3, version = $4, updated_at = $5
         WHERE workspace_id = $1 AND id = $2")
    .bind(workspace)
    .bind(note.id)
    .bind(note.text.clone())
    .bind(note.version)
    .bind(note.updated_at)
    .execute(conn)?;
    expect_rows("notes::update", changed, 1)
}

/// Deletes a note.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn delete(conn: &mut PgConnection, workspace: WorkspaceId, id: NoteId) -> Result<(), StoreError> {
    let changed = sql("DELETE FROM contact_notes WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    expect_rows("notes::delete", changed, 1)
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Gives the notes on one contact to another, those of `only` if any are named. Both contacts must be locked. Answers which.
///
/// # Errors
/// Only those of the database.
pub fn move_to(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    from: ContactId,
    to: ContactId,
    only: Option<Vec<NoteId>>,
) -> Result<Vec<NoteId>, StoreError> {
    let rows = sql("UPDATE contact_notes SET contact_id = $3, version = version + 1
         WHERE workspace_id = $1 AND contact_id = $2 AND ($4::uuid[] IS NULL OR id = ANY($4)) RETURNING id")
    .bind(workspace)
    .bind(from)
    .bind(to)
    .bind(only)
    .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// These notes on a contact, oldest first.
///
/// # Errors
/// Only those of the database.
pub fn some(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contact: ContactId,
    ids: Vec<NoteId>,
) -> Result<Vec<Note>, StoreError> {
    let rows = sql(shape!("AND n.id = ANY($3) ORDER BY n.id"))
        .bind(workspace)
        .bind(contact)
        .bind(ids)
        .load::<Row>(conn)?;
    Ok(rows.into_iter().map(Note::from).collect())
}
