//! Messages as clients see them.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::attachment::AttachmentState;
use domain::id::{ConversationId, MessageId, SessionId, WorkspaceId};
use domain::message::{AuthorType, ReplyTo};
use domain::resource::{Author, Message, MessageAttachment, MessageContent, MessageError, Reaction};
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::sql;

use super::TimesRow;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    conversation_id: Uuid,
    #[diesel(sql_type = Text)]
    direction: String,
    #[diesel(sql_type = Text)]
    author_type: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    author_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    author_name: Option<String>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    content: Option<Value>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    attachment_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    attachment_kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    attachment_state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    attachment_filename: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    attachment_content_type: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    attachment_size_bytes: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    reply_to_provider_id: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    reply_to_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    reply_to_text: Option<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    reactions: Option<Value>,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(embed)]
    times: TimesRow,
    #[diesel(sql_type = Nullable<Text>)]
    error_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    error_provider_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    error_detail: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    client_message_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    provider_message_id: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    edited_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    revoked_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct StoredReaction {
    emoji: String,
    author_type: AuthorType,
    author_id: Uuid,
    at: DateTime<Utc>,
}

impl Row {
    fn attachment(&mut self) -> Result<Option<MessageAttachment>, StoreError> {
        let (Some(id), Some(kind), Some(state)) =
            (self.attachment_id, self.attachment_kind.as_deref(), self.attachment_state.as_deref())
        else {
            return Ok(None);
        };
        let state = word("attachments", "state", id, state)?;
        Ok(Some(MessageAttachment {
            id: id.into(),
            kind: word("attachments", "kind", id, kind)?,
            filename: self.attachment_filename.take(),
            content_type: self.attachment_content_type.take(),
            size_bytes: self.attachment_size_bytes,
            state,
            url: (state == AttachmentState::Stored).then(|| format!("/v1/attachments/{id}/content")),
        }))
    }

    fn into_message(mut self) -> Result<(WorkspaceId, Message), StoreError> {
        let id = self.id;
        let unreadable =
            |column| move |_| StoreError::Unreadable { table: "messages", column, id: id.to_string() };
        let attachment = self.attachment()?;
        let reactions: Vec<StoredReaction> = self
            .reactions
            .map(serde_json::from_value)
            .transpose()
            .map_err(unreadable("reactions"))?
            .unwrap_or_default();
        let is_reply = self.reply_to_id.is_some() || self.reply_to_provider_id.is_some();
        let message = Message {
            id: id.into(),
            conversation_id: self.conversation_id.into(),
            direction: word("messages", "direction", id, &self.direction)?,
            author: Author {
                author_type: word("messages", "author_type", id, &self.author_type)?,
                id: self.author_id,
                name: self.author_name,
            },
            kind: word("messages", "kind", id, &self.kind)?,
            text: self.text,
            attachment,
            content: self.content.map(MessageContent::stored),
            reply_to: is_reply
                .then(|| ReplyTo { message_id: self.reply_to_id.map(Into::into), text: self.reply_to_text }),
            reactions: reactions
                .into_iter()
                .map(|reaction| Reaction {
                    emoji: reaction.emoji,
                    author_type: reaction.author_type,
                    author_id: reaction.author_id,
                    at: Timestamp::new(reaction.at),
                })
                .collect(),
            status: word("messages", "status", id, &self.status)?,
            status_times: self.times.into(),
            error: self.error_code.map(|code| MessageError {
                code,
                provider_code: self.error_provider_code,
                detail: self.error_detail.unwrap_or_default(),
            }),
            client_message_id: self.client_message_id,
            provider_message_id: self.provider_message_id,
            at: Timestamp::new(self.at),
            edited_at: self.edited_at.map(Timestamp::new),
            revoked_at: self.revoked_at.map(Timestamp::new),
            version: self.version,
            created_at: Timestamp::new(self.created_at),
        };
        Ok((self.workspace_id.into(), message))
    }
}

// Which contact wrote is a matter of the conversation: contacts are merged, and parted again.
macro_rules! shape {
    ($from:literal, $rest:literal) => {
        concat!(
            "SELECT m.workspace_id, m.id, m.conversation_id, m.direction, m.author_type,
                 CASE m.author_type WHEN 'contact' THEN v.contact_id ELSE m.author_id END AS author_id,
                 CASE m.author_type WHEN 'agent' THEN a.name WHEN 'contact' THEN p.name END AS author_name,
                 m.kind, m.text, m.content, t.id AS attachment_id, t.kind AS attachment_kind, t.state AS attachment_state,
                 t.filename AS attachment_filename, t.content_type AS attachment_content_type,
                 t.size_bytes AS attachment_size_bytes, m.reply_to_provider_id, m.reply_to_id, r.text AS reply_to_text,
                 (SELECT jsonb_agg(jsonb_build_object('emoji', e.emoji, 'author_type', e.author_type,
                                                      'author_id', CASE e.author_type WHEN 'contact' THEN v.contact_id
                                                          ELSE e.author_id END, 'at', e.at) ORDER BY e.at, e.author_id)
                  FROM message_reactions e
                  WHERE e.workspace_id = m.workspace_id AND e.message_id = m.id AND e.emoji IS NOT NULL) AS reactions,
                 m.status, m.queued_at, m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.unknown_at,
                 m.error_code, m.error_provider_code, m.error_detail, m.client_message_id, m.provider_message_id,
                 m.at, m.edited_at, m.revoked_at, m.version, m.created_at
             FROM ",
            $from,
            " LEFT JOIN agents a ON m.author_type = 'agent' AND a.workspace_id = m.workspace_id AND a.id = m.author_id
             JOIN conversations v ON v.workspace_id = m.workspace_id AND v.id = m.conversation_id
             LEFT JOIN contacts p ON m.author_type = 'contact' AND p.workspace_id = v.workspace_id AND p.id = v.contact_id
             LEFT JOIN attachments t ON t.workspace_id = m.workspace_id AND t.id = m.attachment_id
             LEFT JOIN messages r ON r.workspace_id = m.workspace_id AND r.id = m.reply_to_id ",
            $rest
        )
    };
}

/// The shapes of these messages in the order of their ids; unknown ones are left out.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn shapes(
    conn: &mut PgConnection,
    keys: Vec<(WorkspaceId, MessageId)>,
) -> Result<Vec<(WorkspaceId, Message)>, StoreError> {
    let (workspaces, ids): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    sql(shape!(
        "unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
             JOIN messages m ON m.workspace_id = k.workspace_id AND m.id = k.id",
        "ORDER BY m.id"
    ))
    .bind(workspaces)
    .bind(ids)
    .load::<Row>(conn)?
    .into_iter()
    .map(Row::into_message)
    .collect()
}

/// The shape of one message.
///
/// # Errors
/// As [`shapes`].
pub fn shape(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
) -> Result<Option<Message>, StoreError> {
    Ok(shapes(conn, vec![(workspace, id)])?.pop().map(|(_, message)| message))
}

/// Which end of a thread a page begins at.
#[derive(Debug, Clone, Copy)]
pub enum Page {
    /// The newest messages, or those before one; newest first.
    Before(Option<MessageId>),
    /// Those after one, oldest first.
    After(MessageId),
}

/// Messages of a conversation, at most `limit`.
///
/// # Errors
/// As [`shapes`].
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
    page: Page,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    let (statement, from) = match page {
        Page::Before(before) => (
            shape!(
                "messages m",
                "WHERE m.workspace_id = $1 AND m.conversation_id = $2
                   AND m.id < coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                 ORDER BY m.id DESC LIMIT $4"
            ),
            before,
        ),
        Page::After(after) => (
            shape!(
                "messages m",
                "WHERE m.workspace_id = $1 AND m.conversation_id = $2 AND m.id > $3 ORDER BY m.id LIMIT $4"
            ),
            Some(after),
        ),
    };
    sql(statement)
        .bind(workspace)
        .bind(conversation)
        .bind(from)
        .bind(limit)
        .load::<Row>(conn)?
        .into_iter()
        .map(|row| row.into_message().map(|(_, message)| message))
        .collect()
}

/// Messages of one session, oldest first, at most `limit`: the transcript of a ticket.
///
/// # Errors
/// As [`shapes`].
pub fn of_session(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
    session: SessionId,
    after: Option<MessageId>,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    sql(shape!(
        "messages m",
        "WHERE m.workspace_id = $1 AND m.conversation_id = $2 AND m.session_id = $3 AND ($4::uuid IS NULL OR m.id > $4)
         ORDER BY m.id LIMIT $5"
    ))
    .bind(workspace)
    .bind(conversation)
    .bind(session)
    .bind(after)
    .bind(limit)
    .load::<Row>(conn)?
    .into_iter()
    .map(|row| row.into_message().map(|(_, message)| message))
    .collect()
}
