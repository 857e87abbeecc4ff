//! Files as clients see them, with what decides who does.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::access::Facts;
use domain::attachment::AttachmentState;
use domain::id::{AttachmentId, WorkspaceId};
use domain::resource::Attachment;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::sql;

/// A file.
#[derive(Debug, Clone)]
pub struct Found {
    /// As clients see it, without a link.
    pub attachment: Attachment,
    /// What decides who sees the conversation of its message; `None`: it has none.
    pub facts: Option<Facts>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    failure: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    filename: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    content_type: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    size_bytes: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    sha256: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Integer>)]
    width: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    height: Option<i32>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    uploaded_by: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    conversation_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    message_id: Option<Uuid>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    channel_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    assignee_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    division_id: Option<Uuid>,
}

impl Row {
    fn into_found(self) -> Result<Found, StoreError> {
        let id = self.id;
        let state = word("attachments", "state", id, &self.state)?;
        let failure = self.failure.as_deref();
        let facts = self.channel_id.map(|channel| Facts {
            channel: channel.into(),
            assignee: self.assignee_id.map(Into::into),
            division: self.division_id.map(Into::into),
        });
        let attachment = Attachment {
            id: id.into(),
            kind: word("attachments", "kind", id, &self.kind)?,
            filename: self.filename,
            content_type: self.content_type,
            size_bytes: self.size_bytes,
            sha256: self.sha256.map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
            width: self.width,
            height: self.height,
            state,
            failure: failure.map(|word_| word("attachments", "failure", id, word_)).transpose()?,
            url: (state == AttachmentState::Stored).then(|| format!("/v1/attachments/{id}/content")),
            signed_url: None,
            signed_url_expires_at: None,
            uploaded_by: self.uploaded_by.map(Into::into),
            conversation_id: self.conversation_id.map(Into::into),
            message_id: self.message_id.map(Into::into),
            created_at: Timestamp::new(self.created_at),
        };
        Ok(Found { attachment, facts })
    }
}

macro_rules! found {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.kind, t.state, t.failure, t.filename, t.content_type, t.size_bytes, t.sha256, t.width, t.height,
                 t.uploaded_by, t.conversation_id, t.message_id, t.created_at, c.channel_id, c.assignee_id, c.division_id
             FROM attachments t
             LEFT JOIN conversations c ON c.workspace_id = t.workspace_id AND c.id = t.conversation_id
             WHERE t.workspace_id = $1 ",
            $rest
        )
    };
}

/// A file.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn find(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AttachmentId,
) -> Result<Option<Found>, StoreError> {
    Ok(find_many(conn, workspace, vec![id])?.pop())
}

/// Files, in the order of their ids; unknown ones are left out.
///
/// # Errors
/// As [`find`].
pub fn find_many(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<AttachmentId>,
) -> Result<Vec<Found>, StoreError> {
    let rows = sql(found!("AND t.id = ANY($2) ORDER BY t.id")).bind(workspace).bind(ids).load::<Row>(conn)?;
    rows.into_iter().map(Row::into_found).collect()
}

/// A file, locked. Lock its conversation first, if it has one.
///
/// # Errors
/// As [`find`].
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AttachmentId,
) -> Result<Option<Found>, StoreError> {
    let rows = sql(found!("AND t.id = $2 FOR UPDATE OF t")).bind(workspace).bind(id).load::<Row>(conn)?;
    rows.into_iter().next().map(Row::into_found).transpose()
}
