//! What becomes of a file.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::attachment::AttachmentFailure;
use domain::id::{AttachmentId, ConversationId, MessageId, WorkspaceId};
use domain::time::Timestamp;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// What the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The content type, by the bytes.
    pub content_type: String,
    /// How many there are.
    pub size_bytes: i64,
    /// Their SHA-256.
    pub sha256: Vec<u8>,
    /// Width and height of a picture, in pixels.
    pub dimensions: Option<(i32, i32)>,
}

/// The bytes are here. False if the file was not waiting for them.
///
/// # Errors
/// Only those of the database.
pub fn store(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AttachmentId,
    content: &Content,
) -> Result<bool, StoreError> {
    let changed =
        sql("UPDATE attachments SET state = 'stored', content_type = $3, size_bytes = $4, sha256 = $5,
             width = $6, height = $7 WHERE workspace_id = $1 AND id = $2 AND state = 'pending'")
        .bind(workspace)
        .bind(id)
        .bind(content.content_type.clone())
        .bind(content.size_bytes)
        .bind(content.sha256.clone())
        .bind(content.dimensions.map(|(width, _)| width))
        .bind(content.dimensions.map(|(_, height)| height))
        .execute(conn)?;
    Ok(changed > 0)
}

/// The bytes will not come. False if the file was not waiting for them.
///
/// # Errors
/// Only those of the database.
pub fn fail(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AttachmentId,
    failure: AttachmentFailure,
) -> Result<bool, StoreError> {
    let changed = sql("UPDATE attachments SET state = 'failed', failure = $3
         WHERE workspace_id = $1 AND id = $2 AND state = 'pending'")
    .bind(workspace)
    .bind(id)
    .bind(failure.as_str())
    .execute(conn)?;
    Ok(changed > 0)
}

/// A locked upload is the file of this message from now on.
///
/// # Errors
/// `RowCount` if it is not there or was sent.
pub fn link(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AttachmentId,
    (conversation, message): (ConversationId, MessageId),
) -> Result<(), StoreError> {
    let changed = sql("UPDATE attachments SET conversation_id = $3, message_id = $4
         WHERE workspace_id = $1 AND id = $2 AND message_id IS NULL AND state = 'stored'")
    .bind(workspace)
    .bind(id)
    .bind(conversation)
    .bind(message)
    .execute(conn)?;
    expect_rows("attachments::link", changed, 1)
}

/// The provider has the bytes, and calls them so for a while.
///
/// # Errors
/// `RowCount` if the file is not there.
pub fn note_provider_media(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AttachmentId,
    provider_media_id: String,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let changed = sql("UPDATE attachments SET provider_media_id = $3, provider_media_expires_at = $4
         WHERE workspace_id = $1 AND id = $2")
    .bind(workspace)
    .bind(id)
    .bind(provider_media_id)
    .bind(expires_at)
    .execute(conn)?;
    expect_rows("attachments::note_provider_media", changed, 1)
}

/// Whatever the provider has of a message's file is not used any more.
///
/// # Errors
/// Only those of the database.
pub fn forget_provider_media(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    message: MessageId,
) -> Result<(), StoreError> {
    sql("UPDATE attachments SET provider_media_id = NULL, provider_media_expires_at = NULL
         WHERE workspace_id = $1 AND message_id = $2")
    .bind(workspace)
    .bind(message)
    .execute(conn)?;
    Ok(())
}
