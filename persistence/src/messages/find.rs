//! Messages by what others know of them, and what a send needs of one.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{AttachmentId, ChannelId, ConversationId, MessageId, WorkspaceId};
use domain::message::{MessageKind, MessageStatus};
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::sql;

use super::IdRow;

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
    #[diesel(sql_type = Text)]
    provider_message_id: String,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    conversation_id: Uuid,
    #[diesel(sql_type = Bool)]
    is_inbound: bool,
}

/// A message found by the provider's id.
#[derive(Debug, Clone)]
pub struct Found {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The channel.
    pub channel_id: ChannelId,
    /// The provider's id.
    pub provider_message_id: String,
    /// The message.
    pub id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// Whether the customer wrote it.
    pub is_inbound: bool,
}

/// Messages by channel and provider's id; unknown ones are left out.
///
/// # Errors
/// Only those of the database.
pub fn by_provider_ids(
    conn: &mut PgConnection,
    keys: Vec<(WorkspaceId, ChannelId, String)>,
) -> Result<Vec<Found>, StoreError> {
    let (mut workspaces, mut channels, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for (workspace, channel, id) in keys {
        workspaces.push(workspace);
        channels.push(channel);
        ids.push(id);
    }
    let rows = sql("SELECT m.workspace_id, m.channel_id, m.provider_message_id, m.id, m.conversation_id,
             m.direction = 'inbound' AS is_inbound
         FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k (workspace_id, channel_id, provider_message_id)
         JOIN messages m ON m.workspace_id = k.workspace_id AND m.channel_id = k.channel_id
             AND m.provider_message_id = k.provider_message_id")
    .bind(workspaces)
    .bind(channels)
    .bind(ids)
    .load::<FoundRow>(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Found {
            workspace_id: row.workspace_id.into(),
            channel_id: row.channel_id.into(),
            provider_message_id: row.provider_message_id,
            id: row.id.into(),
            conversation_id: row.conversation_id.into(),
            is_inbound: row.is_inbound,
        })
        .collect())
}

/// A customer's watermark has risen: everything sent up to it has arrived, or was seen. It is kept, for
/// messages whose sending is not settled yet.
///
/// # Errors
/// Only those of the database.
pub fn raise_watermark(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    channel: ChannelId,
    customer: String,
    up_to: Timestamp,
    read: bool,
) -> Result<(), StoreError> {
    sql("UPDATE contact_identities SET delivered_up_to = greatest(delivered_up_to, $4),
             read_up_to = CASE WHEN $5 THEN greatest(read_up_to, $4) ELSE read_up_to END
         WHERE workspace_id = $1 AND channel_id = $2 AND external_id = $3")
    .bind(workspace)
    .bind(channel)
    .bind(customer)
    .bind(up_to)
    .bind(read)
    .execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct WatermarkRow {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    delivered_up_to: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    read_up_to: Option<DateTime<Utc>>,
}

/// Up to when what was sent in a conversation has arrived, and was seen, by the customer's watermarks.
///
/// # Errors
/// Only those of the database.
pub fn watermarks(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
) -> Result<(Option<Timestamp>, Option<Timestamp>), StoreError> {
    let row = sql("SELECT i.delivered_up_to, i.read_up_to FROM conversations c
         JOIN contact_identities i ON i.workspace_id = c.workspace_id AND i.id = c.identity_id
         WHERE c.workspace_id = $1 AND c.id = $2")
    .bind(workspace)
    .bind(conversation)
    .get_result::<WatermarkRow>(conn)
    .optional()?;
    let (delivered, read) = row.map_or((None, None), |row| (row.delivered_up_to, row.read_up_to));
    Ok((delivered.map(Timestamp::new), read.map(Timestamp::new)))
}

/// Messages sent to the customer with this id at the provider, up to a moment, that have not yet
/// come as far as `read` (or, for a delivery, as `delivered`).
///
/// # Errors
/// Only those of the database.
pub fn sent_up_to(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    channel: ChannelId,
    customer: String,
    up_to: Timestamp,
    read: bool,
) -> Result<Vec<(MessageId, ConversationId)>, StoreError> {
    #[derive(QueryableByName)]
    struct Pair {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        conversation_id: Uuid,
    }
    let rows = sql("SELECT m.id, m.conversation_id FROM contact_identities i
         JOIN conversations c ON c.workspace_id = i.workspace_id AND c.identity_id = i.id
         JOIN messages m ON m.workspace_id = c.workspace_id AND m.conversation_id = c.id
         WHERE i.workspace_id = $1 AND i.channel_id = $2 AND i.external_id = $3
           AND m.direction = 'outbound' AND m.at <= $4
           AND (m.status IN ('sent', 'unknown') OR ($5 AND m.status = 'delivered'))
         ORDER BY m.id")
    .bind(workspace)
    .bind(channel)
    .bind(customer)
    .bind(up_to)
    .bind(read)
    .load::<Pair>(conn)?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.conversation_id.into())).collect())
}

/// The message with this client id in a conversation.
///
/// # Errors
/// Only those of the database.
pub fn by_client_id(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
    client_message_id: String,
) -> Result<Option<MessageId>, StoreError> {
    let row = sql(
        "SELECT id FROM messages WHERE workspace_id = $1 AND conversation_id = $2 AND client_message_id = $3",
    )
    .bind(workspace)
    .bind(conversation)
    .bind(client_message_id)
    .get_result::<IdRow>(conn)
    .optional()?;
    Ok(row.map(|row| row.id.into()))
}

/// What a send needs to know.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// What it is.
    pub kind: MessageKind,
    /// The text or caption.
    pub text: Option<String>,
    /// What the kind needs beside the text.
    pub content: Option<Value>,
    /// The file that belongs to it.
    pub file: Option<OutgoingFile>,
    /// The provider's id of the message that it answers.
    pub reply_to_provider_id: Option<String>,
    /// Whether the contact is shut out.
    pub blocked: bool,
    /// The provider's lasting id of the customer.
    pub external_id: String,
    /// The customer's phone number on this channel.
    pub phone: Option<String>,
    /// The customer's last message, for the reply window.
    pub last_inbound_at: Option<Timestamp>,
    /// How far the message has come.
    pub status: MessageStatus,
}

/// A file that is sent.
#[derive(Debug, Clone)]
pub struct OutgoingFile {
    /// The file.
    pub id: AttachmentId,
    /// Its name.
    pub filename: Option<String>,
    /// The content type, by its bytes.
    pub content_type: String,
    /// How many bytes there are.
    pub size_bytes: i64,
    /// What the provider calls it that has its bytes, and until when it keeps them.
    pub provider_media: Option<(String, Timestamp)>,
}

#[derive(QueryableByName)]
struct OutgoingRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    content: Option<Value>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    file_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    filename: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    content_type: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    size_bytes: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    provider_media_id: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    provider_media_expires_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    reply_to_provider_id: Option<String>,
    #[diesel(sql_type = Bool)]
    blocked: bool,
    #[diesel(sql_type = Text)]
    external_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_inbound_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Text)]
    status: String,
}

impl OutgoingRow {
    /// The file, if it has one that is here.
    fn file(&mut self) -> Option<OutgoingFile> {
        let until = self.provider_media_expires_at.map(Timestamp::new);
        Some(OutgoingFile {
            id: self.file_id?.into(),
            filename: self.filename.take(),
            content_type: self.content_type.take()?,
            size_bytes: self.size_bytes?,
            provider_media: self.provider_media_id.take().zip(until),
        })
    }
}

/// Reads what is to be sent, and to whom.
///
/// # Errors
/// As [`super::shapes`].
pub fn outgoing(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
) -> Result<Option<Outgoing>, StoreError> {
    sql("SELECT m.kind, m.text, m.content, t.id AS file_id, t.filename, t.content_type, t.size_bytes, t.provider_media_id,
             t.provider_media_expires_at, r.provider_message_id AS reply_to_provider_id,
             p.blocked_at IS NOT NULL AS blocked, i.external_id, i.phone, c.last_inbound_at, m.status
         FROM messages m
         JOIN conversations c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id
         JOIN contact_identities i ON i.workspace_id = c.workspace_id AND i.id = c.identity_id
         JOIN contacts p ON p.workspace_id = c.workspace_id AND p.id = c.contact_id
         LEFT JOIN attachments t ON t.workspace_id = m.workspace_id AND t.id = m.attachment_id AND t.state = 'stored'
         LEFT JOIN messages r ON r.workspace_id = m.workspace_id AND r.id = m.reply_to_id
         WHERE m.workspace_id = $1 AND m.id = $2")
        .bind(workspace)
        .bind(id)
        .get_result::<OutgoingRow>(conn)
        .optional()?
        .map(|mut row| {
            Ok(Outgoing {
                file: row.file(),
                blocked: row.blocked,
                kind: word("messages", "kind", id, &row.kind)?,
                text: row.text,
                content: row.content,
                reply_to_provider_id: row.reply_to_provider_id,
                external_id: row.external_id,
                phone: row.phone,
                last_inbound_at: row.last_inbound_at.map(Timestamp::new),
                status: word("messages", "status", id, &row.status)?,
            })
        })
        .transpose()
}
