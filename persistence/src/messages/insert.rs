//! New messages.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::id::{AttachmentId, ChannelId, ConversationId, MessageId, SessionId, WorkspaceId};
use domain::message::{AuthorType, Direction, MessageKind, MessageStatus};
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::sql::sql;

use super::IdRow;

/// A message to be stored.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Its id; rises in the order of arrival.
    pub id: MessageId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The channel.
    pub channel_id: ChannelId,
    /// The session it belongs to; `None` for what is noted between sessions.
    pub session_id: Option<SessionId>,
    /// Which way it went.
    pub direction: Direction,
    /// Who wrote it.
    pub author_type: AuthorType,
    /// The contact or agent.
    pub author_id: Option<Uuid>,
    /// What it is.
    pub kind: MessageKind,
    /// The text or caption.
    pub text: Option<String>,
    /// What the kind needs beside the text.
    pub content: Option<Value>,
    /// The file that belongs to it; it is stored in the same transaction.
    pub attachment_id: Option<AttachmentId>,
    /// The provider's own JSON.
    pub raw: Option<String>,
    /// The provider's id of the message that it answers.
    pub reply_to_provider_id: Option<String>,
    /// The message of the same conversation that it answers, unless one has the provider's id.
    pub reply_to_id: Option<MessageId>,
    /// How far it has come.
    pub status: MessageStatus,
    /// The id that the sender gave it.
    pub client_message_id: Option<String>,
    /// The provider's id.
    pub provider_message_id: Option<String>,
    /// When it was written.
    pub at: Timestamp,
    /// When the customer changed it, if it comes changed already.
    pub edited_at: Option<Timestamp>,
    /// Now.
    pub created_at: Timestamp,
}

/// Stores messages whose conversations are locked. Those whose provider id (per channel) or client
/// id (per conversation) is there already are passed over. Answers the ids stored.
///
/// # Errors
/// Only those of the database.
pub fn insert_new(conn: &mut PgConnection, messages: Vec<NewMessage>) -> Result<Vec<MessageId>, StoreError> {
    let mut columns = Columns::default();
    for message in messages {
        columns.push(message);
    }
    // A reply's target is looked up here, in the same statement, by the provider's id or ours.
    let rows = sql("INSERT INTO messages (workspace_id, id, conversation_id, channel_id, session_id, direction, author_type, author_id,
             kind, text, content, attachment_id, raw, reply_to_provider_id, reply_to_id, status, queued_at, client_message_id,
             provider_message_id, at, edited_at, created_at)
         SELECT n.workspace_id, n.id, n.conversation_id, n.channel_id, n.session_id, n.direction, n.author_type, n.author_id,
             n.kind, n.text, n.content, n.attachment_id, n.raw, n.reply_to_provider_id,
             coalesce(
                 (SELECT r.id FROM messages r WHERE r.workspace_id = n.workspace_id AND r.channel_id = n.channel_id
                      AND r.provider_message_id = n.reply_to_provider_id AND r.conversation_id = n.conversation_id),
                 (SELECT r.id FROM messages r WHERE r.workspace_id = n.workspace_id AND r.id = n.reply_to_id
                      AND r.conversation_id = n.conversation_id)),
             n.status, CASE WHEN n.status = 'queued' THEN n.created_at END, n.client_message_id,
             n.provider_message_id, n.at, n.edited_at, n.created_at
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::uuid[], $9::text[],
                     $10::text[], $11::jsonb[], $12::uuid[], $13::text[], $14::text[], $15::uuid[], $16::text[], $17::text[],
                     $18::text[], $19::timestamptz[], $20::timestamptz[], $21::timestamptz[])
             AS n (workspace_id, id, conversation_id, channel_id, session_id, direction, author_type, author_id, kind,
                   text, content, attachment_id, raw, reply_to_provider_id, reply_to_id, status, client_message_id,
                   provider_message_id, at, edited_at, created_at)
         ON CONFLICT DO NOTHING RETURNING id")
        .bind(columns.workspaces)
        .bind(columns.ids)
        .bind(columns.conversations)
        .bind(columns.channels)
        .bind(columns.sessions)
        .bind(columns.directions)
        .bind(columns.author_types)
        .bind(columns.authors)
        .bind(columns.kinds)
        .bind(columns.texts)
        .bind(columns.contents)
        .bind(columns.attachments)
        .bind(columns.raws)
        .bind(columns.reply_provider_ids)
        .bind(columns.reply_ids)
        .bind(columns.statuses)
        .bind(columns.client_ids)
        .bind(columns.provider_ids)
        .bind(columns.times)
        .bind(columns.edits)
        .bind(columns.created)
        .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

#[derive(Default)]
struct Columns {
    workspaces: Vec<WorkspaceId>,
    ids: Vec<MessageId>,
    conversations: Vec<ConversationId>,
    channels: Vec<ChannelId>,
    sessions: Vec<Option<Uuid>>,
    directions: Vec<&'static str>,
    author_types: Vec<&'static str>,
    authors: Vec<Option<Uuid>>,
    kinds: Vec<&'static str>,
    texts: Vec<Option<String>>,
    contents: Vec<Option<Value>>,
    attachments: Vec<Option<AttachmentId>>,
    raws: Vec<Option<String>>,
    reply_provider_ids: Vec<Option<String>>,
    reply_ids: Vec<Option<Uuid>>,
    statuses: Vec<&'static str>,
    client_ids: Vec<Option<String>>,
    provider_ids: Vec<Option<String>>,
    times: Vec<Timestamp>,
    edits: Vec<Option<Timestamp>>,
    created: Vec<Timestamp>,
}

impl Columns {
    fn push(&mut self, message: NewMessage) {
        self.workspaces.push(message.workspace_id);
        self.ids.push(message.id);
        self.conversations.push(message.conversation_id);
        self.channels.push(message.channel_id);
        self.sessions.push(message.session_id.map(Uuid::from));
        self.directions.push(message.direction.as_str());
        self.author_types.push(message.author_type.as_str());
        self.authors.push(message.author_id);
        self.kinds.push(message.kind.as_str());
        self.texts.push(message.text);
        self.contents.push(message.content);
        self.attachments.push(message.attachment_id);
        self.raws.push(message.raw);
        self.reply_provider_ids.push(message.reply_to_provider_id);
        self.reply_ids.push(message.reply_to_id.map(Uuid::from));
        self.statuses.push(message.status.as_str());
        self.client_ids.push(message.client_message_id);
        self.provider_ids.push(message.provider_message_id);
        self.times.push(message.at);
        self.edits.push(message.edited_at);
        self.created.push(message.created_at);
    }
}
