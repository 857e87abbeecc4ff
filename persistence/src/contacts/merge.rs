//! Contacts that became one, and how they are parted again.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::contact::Taken;
use domain::id::{AgentId, ContactId, ContactMergeId, IdentityId, NoteId, WorkspaceId};
use domain::resource::{AgentRef, ContactMerge, ContactRef};
use domain::time::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, json as read_json};
use crate::sql::sql;

use super::IdRow;

/// Two contacts that become one.
pub struct NewMerge {
    /// Its id.
    pub id: ContactMergeId,
    /// The contact that stays.
    pub stays: ContactId,
    /// The contact that goes; its row is kept as it is.
    pub goes: ContactId,
    /// The identities that came from it.
    pub identities: Vec<IdentityId>,
    /// The notes that came from it.
    pub notes: Vec<NoteId>,
    /// What the one that stays took over.
    pub taken: Taken,
    /// Who did it.
    pub merged_by: AgentId,
}

/// Gives all identities of one contact to another. Answers which.
///
/// # Errors
/// Only those of the database.
pub fn move_identities(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    from: ContactId,
    to: ContactId,
    only: Option<Vec<IdentityId>>,
) -> Result<Vec<IdentityId>, StoreError> {
    let rows = sql("UPDATE contact_identities SET contact_id = $3
         WHERE workspace_id = $1 AND contact_id = $2 AND ($4::uuid[] IS NULL OR id = ANY($4)) RETURNING id")
    .bind(workspace)
    .bind(from)
    .bind(to)
    .bind(only)
    .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// Keeps what is needed to part two contacts again, the row of the one that goes included. What had been merged into that one
/// is found with the one that stays.
///
/// # Errors
/// `RowCount` if the contact that goes is not there.
pub fn insert_merge(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    new: NewMerge,
    now: Timestamp,
) -> Result<(), StoreError> {
    let along = sql(
        "UPDATE contact_merges SET contact_id = $3 WHERE workspace_id = $1 AND contact_id = $2 RETURNING id",
    )
    .bind(workspace)
    .bind(new.goes)
    .bind(new.stays)
    .load::<IdRow>(conn)?;
    let changed = sql("INSERT INTO contact_merges (workspace_id, id, contact_id, merged_contact_id, merged, identity_ids, note_ids,
             merge_ids, taken, merged_by, merged_at)
         SELECT $1, $2, $3, c.id, to_jsonb(c), $5, $10, $6, $7, $8, $9 FROM contacts c
         WHERE c.workspace_id = $1 AND c.id = $4")
        .bind(workspace)
        .bind(new.id)
        .bind(new.stays)
        .bind(new.goes)
        .bind(new.identities)
        .bind(along.into_iter().map(|row| row.id).collect::<Vec<_>>())
        .bind(json!(new.taken))
        .bind(new.merged_by)
        .bind(now)
        .bind(new.notes)
        .execute(conn)?;
    expect_rows("contacts::insert_merge", changed, 1)
}

/// What is needed to part two contacts.
pub struct MergeRecord {
    /// The contact that went.
    pub goes: ContactId,
    /// The identities that came from it.
    pub identities: Vec<IdentityId>,
    /// The notes that came from it.
    pub notes: Vec<NoteId>,
    /// What the one that stayed took over.
    pub taken: Taken,
}

#[derive(QueryableByName)]
struct RecordRow {
    #[diesel(sql_type = SqlUuid)]
    merged_contact_id: Uuid,
    #[diesel(sql_type = Array<SqlUuid>)]
    identity_ids: Vec<Uuid>,
    #[diesel(sql_type = Array<SqlUuid>)]
    note_ids: Vec<Uuid>,
    #[diesel(sql_type = Jsonb)]
    taken: Value,
}

/// What is needed to undo a merge into a contact, which must be locked.
///
/// # Errors
/// `Unreadable` for what the domain does not know; those of the database.
pub fn record(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    stays: ContactId,
    id: ContactMergeId,
) -> Result<Option<MergeRecord>, StoreError> {
    let row = sql("SELECT merged_contact_id, identity_ids, note_ids, taken FROM contact_merges
         WHERE workspace_id = $1 AND contact_id = $2 AND id = $3")
    .bind(workspace)
    .bind(stays)
    .bind(id)
    .get_result::<RecordRow>(conn)
    .optional()?;
    row.map(|row| {
        Ok(MergeRecord {
            goes: row.merged_contact_id.into(),
            identities: row.identity_ids.into_iter().map(Into::into).collect(),
            notes: row.note_ids.into_iter().map(Into::into).collect(),
            taken: read_json("contact_merges", "taken", id, row.taken)?,
        })
    })
    .transpose()
}

/// Makes the contact that went again, as it was, with a version above all that were told of it. It owns its number if nobody
/// else does.
///
/// # Errors
/// `RowCount` if there is no such merge.
pub fn restore(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: ContactMergeId,
) -> Result<(), StoreError> {
    let mut restored = 0;
    // First with its number, which may be another's by now.
    for owns in [true, false] {
        if restored == 0 {
            restored = sql("INSERT INTO contacts (workspace_id, id, name, name_is_own, search_name, phone, owns_phone, email, company,
                     attributes, blocked_at, opted_out_at, version, created_at)
                 SELECT r.workspace_id, r.id, r.name, r.name_is_own, r.search_name, r.phone, r.owns_phone AND $3, r.email, r.company,
                     r.attributes, r.blocked_at, r.opted_out_at, r.version + 2, r.created_at
                 FROM contact_merges m CROSS JOIN LATERAL jsonb_populate_record(NULL::contacts, m.merged) r
                 WHERE m.workspace_id = $1 AND m.id = $2
                 ON CONFLICT (workspace_id, phone) WHERE owns_phone DO NOTHING")
            .bind(workspace)
            .bind(id)
            .bind(owns)
            .execute(conn)?;
        }
    }
    expect_rows("contacts::restore", restored, 1)
}

/// A merge is undone: what had been merged into the contact that is there again is found with it again.
///
/// # Errors
/// `RowCount` if there is no such merge.
pub fn forget(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    stays: ContactId,
    id: ContactMergeId,
) -> Result<(), StoreError> {
    sql("UPDATE contact_merges e SET contact_id = m.merged_contact_id FROM contact_merges m
         WHERE m.workspace_id = $1 AND m.id = $2 AND e.workspace_id = $1 AND e.id = ANY(m.merge_ids) AND e.contact_id = $3")
    .bind(workspace)
    .bind(id)
    .bind(stays)
    .execute(conn)?;
    let changed = sql("DELETE FROM contact_merges WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    expect_rows("contacts::forget", changed, 1)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    contact_id: Uuid,
    #[diesel(sql_type = Text)]
    contact_name: String,
    #[diesel(sql_type = Nullable<Text>)]
    contact_phone: Option<String>,
    #[diesel(sql_type = Bool)]
    contact_blocked: bool,
    #[diesel(sql_type = SqlUuid)]
    merged_contact_id: Uuid,
    #[diesel(sql_type = Text)]
    merged_name: String,
    #[diesel(sql_type = Nullable<Text>)]
    merged_phone: Option<String>,
    #[diesel(sql_type = Array<SqlUuid>)]
    conversation_ids: Vec<Uuid>,
    #[diesel(sql_type = SqlUuid)]
    merged_by: Uuid,
    #[diesel(sql_type = Text)]
    agent_name: String,
    #[diesel(sql_type = Timestamptz)]
    merged_at: DateTime<Utc>,
}

impl From<Row> for ContactMerge {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            contact: ContactRef {
                id: row.contact_id.into(),
                name: row.contact_name,
                phone: row.contact_phone,
                blocked: row.contact_blocked,
            },
            // Nobody who is shut out is merged.
            merged: ContactRef {
                id: row.merged_contact_id.into(),
                name: row.merged_name,
                phone: row.merged_phone,
                blocked: false,
            },
            conversation_ids: row.conversation_ids.into_iter().map(Into::into).collect(),
            merged_by: AgentRef { id: row.merged_by.into(), name: row.agent_name },
            merged_at: Timestamp::new(row.merged_at),
            version: 1,
        }
    }
}

/// What was merged into a contact and can be undone, newest first, at most `limit`; with `only` none but that.
///
/// # Errors
/// Only those of the database.
pub fn merges(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contact: ContactId,
    only: Option<ContactMergeId>,
    before: Option<ContactMergeId>,
    limit: i64,
) -> Result<Vec<ContactMerge>, StoreError> {
    let rows = sql("SELECT m.id, m.contact_id, p.name AS contact_name, p.phone AS contact_phone,
             p.blocked_at IS NOT NULL AS contact_blocked, m.merged_contact_id, m.merged ->> 'name' AS merged_name,
             m.merged ->> 'phone' AS merged_phone,
             ARRAY(SELECT c.id FROM conversations c WHERE c.workspace_id = m.workspace_id
                   AND c.identity_id = ANY(m.identity_ids) AND c.contact_id = m.contact_id ORDER BY c.id) AS conversation_ids,
             m.merged_by, a.name AS agent_name, m.merged_at
         FROM contact_merges m
         JOIN contacts p ON p.workspace_id = m.workspace_id AND p.id = m.contact_id
         JOIN agents a ON a.workspace_id = m.workspace_id AND a.id = m.merged_by
         WHERE m.workspace_id = $1 AND m.contact_id = $2 AND ($3::uuid IS NULL OR m.id = $3)
           AND ($4::uuid IS NULL OR m.id < $4)
         ORDER BY m.id DESC LIMIT $5")
    .bind(workspace)
    .bind(contact)
    .bind(only)
    .bind(before)
    .bind(limit)
    .load::<Row>(conn)?;
    Ok(rows.into_iter().map(Into::into).collect())
}
