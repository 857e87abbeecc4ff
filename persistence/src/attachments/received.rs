//! Files that customers' messages come with.

use diesel::pg::PgConnection;
use diesel::sql_types::{Jsonb, Text};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::attachment::AttachmentKind;
use domain::id::{AttachmentId, ConversationId, MessageId, WorkspaceId};
use domain::inbound::InboundMedia;
use domain::time::Timestamp;
use serde_json::{Value, json};

use crate::error::{self, StoreError, expect_rows, word};
use crate::sql::sql;

/// A file that a customer's message came with; its bytes are at the provider.
#[derive(Debug, Clone)]
pub struct ReceivedAttachment {
    /// Its id.
    pub id: AttachmentId,
    /// What kind of file.
    pub kind: AttachmentKind,
    /// Where its bytes are.
    pub source: InboundMedia,
}

/// Stores the files of messages that are stored.
///
/// # Errors
/// Only those of the database.
pub fn insert_received(
    conn: &mut PgConnection,
    received: Vec<(WorkspaceId, ConversationId, MessageId, ReceivedAttachment)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let count = received.len();
    let column = |take: fn(&InboundMedia) -> Option<String>| {
        received.iter().map(|(.., one)| take(&one.source)).collect::<Vec<_>>()
    };
    let changed = sql("INSERT INTO attachments (workspace_id, id, kind, state, filename, content_type, size_bytes, source,
             conversation_id, message_id, created_at)
         SELECT n.workspace_id, n.id, n.kind, 'pending', n.filename, n.content_type, n.size_bytes, n.source,
             n.conversation_id, n.message_id, $10
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::jsonb[], $8::uuid[], $9::uuid[])
             AS n (workspace_id, id, kind, filename, content_type, size_bytes, source, conversation_id, message_id)")
    .bind(received.iter().map(|(workspace, ..)| *workspace).collect::<Vec<_>>())
    .bind(received.iter().map(|(.., one)| one.id).collect::<Vec<_>>())
    .bind(received.iter().map(|(.., one)| one.kind.as_str()).collect::<Vec<_>>())
    .bind(column(|media| media.filename.clone()))
    .bind(column(|media| media.content_type.clone()))
    // A provider that tells nonsense is not believed.
    .bind(received.iter().map(|(.., one)| one.source.size_bytes.filter(|size| *size >= 0)).collect::<Vec<_>>())
    .bind(received.iter().map(|(.., one)| json!(one.source)).collect::<Vec<_>>())
    .bind(received.iter().map(|(_, conversation, ..)| *conversation).collect::<Vec<_>>())
    .bind(received.iter().map(|(_, _, message, _)| *message).collect::<Vec<_>>())
    .bind(now)
    .execute(conn)?;
    expect_rows("attachments::insert_received", changed, count)
}

#[derive(QueryableByName)]
struct SourceRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Jsonb)]
    source: Value,
}

/// Where the bytes of a customer's file are, if they are still to be fetched.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn to_fetch(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AttachmentId,
) -> Result<Option<ReceivedAttachment>, StoreError> {
    let row = sql("SELECT kind, source FROM attachments
         WHERE workspace_id = $1 AND id = $2 AND state = 'pending' AND source IS NOT NULL")
    .bind(workspace)
    .bind(id)
    .get_result::<SourceRow>(conn)
    .optional()?;
    row.map(|row| {
        Ok(ReceivedAttachment {
            id,
            kind: word("attachments", "kind", id, &row.kind)?,
            source: error::json("attachments", "source", id, row.source)?,
        })
    })
    .transpose()
}
