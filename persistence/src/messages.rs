//! Messages.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{ChannelId, ConversationId, MessageId, SessionId, WorkspaceId};
use domain::inbound::InboundMedia;
use domain::message::{AuthorType, Direction, MessageKind, MessageStatus, ReplyTo, StatusTimes};
use domain::resource::{Author, Media, Message, MessageError, Reaction};
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

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
    /// The file that belongs to it, an [`InboundMedia`].
    pub media: Option<Value>,
    /// The provider's own JSON.
    pub raw: Option<String>,
    /// The provider's id of the message that it answers.
    pub reply_to_provider_id: Option<String>,
    /// The message that it answers.
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

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
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
    // A reply's target is looked up here, in the same statement, by the provider's id.
    let rows = sql("INSERT INTO messages (workspace_id, id, conversation_id, channel_id, session_id, direction, author_type, author_id,
             kind, text, content, media, raw, reply_to_provider_id, reply_to_id, status, queued_at, client_message_id,
             provider_message_id, at, edited_at, created_at)
         SELECT n.workspace_id, n.id, n.conversation_id, n.channel_id, n.session_id, n.direction, n.author_type, n.author_id,
             n.kind, n.text, n.content, n.media, n.raw, n.reply_to_provider_id,
             CASE WHEN n.reply_to_provider_id IS NULL THEN n.reply_to_id ELSE
                 (SELECT r.id FROM messages r WHERE r.workspace_id = n.workspace_id AND r.channel_id = n.channel_id
                      AND r.provider_message_id = n.reply_to_provider_id AND r.conversation_id = n.conversation_id) END,
             n.status, CASE WHEN n.status = 'queued' THEN n.created_at END, n.client_message_id,
             n.provider_message_id, n.at, n.edited_at, n.created_at
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::uuid[], $9::text[],
                     $10::text[], $11::jsonb[], $12::jsonb[], $13::text[], $14::text[], $15::uuid[], $16::text[], $17::text[],
                     $18::text[], $19::timestamptz[], $20::timestamptz[], $21::timestamptz[])
             AS n (workspace_id, id, conversation_id, channel_id, session_id, direction, author_type, author_id, kind,
                   text, content, media, raw, reply_to_provider_id, reply_to_id, status, client_message_id,
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
        .bind(columns.media)
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
    media: Vec<Option<Value>>,
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
        self.media.push(message.media);
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
    #[diesel(sql_type = Nullable<Jsonb>)]
    media: Option<Value>,
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

#[derive(QueryableByName)]
struct TimesRow {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    queued_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    sent_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    delivered_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    read_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    failed_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    unknown_at: Option<DateTime<Utc>>,
}

impl From<TimesRow> for StatusTimes {
    fn from(row: TimesRow) -> Self {
        Self {
            queued: row.queued_at.map(Timestamp::new),
            sent: row.sent_at.map(Timestamp::new),
            delivered: row.delivered_at.map(Timestamp::new),
            read: row.read_at.map(Timestamp::new),
            failed: row.failed_at.map(Timestamp::new),
            unknown: row.unknown_at.map(Timestamp::new),
        }
    }
}

#[derive(Deserialize)]
struct StoredReaction {
    emoji: String,
    author_type: AuthorType,
    author_id: Uuid,
    at: DateTime<Utc>,
}

impl Row {
    fn into_message(self) -> Result<(WorkspaceId, Message), StoreError> {
        let id = self.id;
        let unreadable =
            |column| move |_| StoreError::Unreadable { table: "messages", column, id: id.to_string() };
        let media: Option<InboundMedia> =
            self.media.map(serde_json::from_value).transpose().map_err(unreadable("media"))?;
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
            media: media.map(|media| Media {
                filename: media.filename,
                content_type: media.content_type,
                size_bytes: media.size_bytes,
                provider_media_id: media.provider_media_id,
            }),
            content: self.content,
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

macro_rules! shape {
    ($from:literal, $rest:literal) => {
        concat!(
            "SELECT m.workspace_id, m.id, m.conversation_id, m.direction, m.author_type, m.author_id,
                 CASE m.author_type WHEN 'agent' THEN a.name WHEN 'contact' THEN p.name END AS author_name,
                 m.kind, m.text, m.content, m.media, m.reply_to_provider_id, m.reply_to_id, r.text AS reply_to_text,
                 (SELECT jsonb_agg(jsonb_build_object('emoji', e.emoji, 'author_type', e.author_type,
                                                      'author_id', e.author_id, 'at', e.at) ORDER BY e.at, e.author_id)
                  FROM message_reactions e
                  WHERE e.workspace_id = m.workspace_id AND e.message_id = m.id AND e.emoji IS NOT NULL) AS reactions,
                 m.status, m.queued_at, m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.unknown_at,
                 m.error_code, m.error_provider_code, m.error_detail, m.client_message_id, m.provider_message_id,
                 m.at, m.edited_at, m.revoked_at, m.version, m.created_at
             FROM ",
            $from,
            " LEFT JOIN agents a ON m.author_type = 'agent' AND a.workspace_id = m.workspace_id AND a.id = m.author_id
             LEFT JOIN contacts p ON m.author_type = 'contact' AND p.workspace_id = m.workspace_id AND p.id = m.author_id
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
                "WHERE m.workspace_id = $1 AND m.conversation_id = $2 AND ($3::uuid IS NULL OR m.id < $3)
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

/// What a change of a message needs to know of it.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The message.
    pub id: MessageId,
    /// Its conversation, whose lock guards the message.
    pub conversation_id: ConversationId,
    /// Its channel.
    pub channel_id: ChannelId,
    /// The provider's id.
    pub provider_message_id: Option<String>,
    /// How far it has come.
    pub status: MessageStatus,
    /// When.
    pub times: StatusTimes,
    /// Why it failed.
    pub error: Option<MessageError>,
}

#[derive(QueryableByName)]
struct ProgressRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    conversation_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    provider_message_id: Option<String>,
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
}

impl ProgressRow {
    fn into_progress(self) -> Result<Progress, StoreError> {
        Ok(Progress {
            workspace_id: self.workspace_id.into(),
            id: self.id.into(),
            conversation_id: self.conversation_id.into(),
            channel_id: self.channel_id.into(),
            provider_message_id: self.provider_message_id,
            status: word("messages", "status", self.id, &self.status)?,
            times: self.times.into(),
            error: self.error_code.map(|code| MessageError {
                code,
                provider_code: self.error_provider_code,
                detail: self.error_detail.unwrap_or_default(),
            }),
        })
    }
}

macro_rules! progress {
    ($from:literal) => {
        concat!(
            "SELECT m.workspace_id, m.id, m.conversation_id, m.channel_id, m.provider_message_id, m.status, m.queued_at,
                 m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.unknown_at, m.error_code, m.error_provider_code,
                 m.error_detail FROM ",
            $from
        )
    };
}

/// The progress of these messages.
///
/// # Errors
/// As [`shapes`].
pub fn progress(
    conn: &mut PgConnection,
    keys: Vec<(WorkspaceId, MessageId)>,
) -> Result<Vec<Progress>, StoreError> {
    let (workspaces, ids): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    sql(progress!(
        "unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
             JOIN messages m ON m.workspace_id = k.workspace_id AND m.id = k.id"
    ))
    .bind(workspaces)
    .bind(ids)
    .load::<ProgressRow>(conn)?
    .into_iter()
    .map(ProgressRow::into_progress)
    .collect()
}

/// Stores how far messages have come, raising the version of each by one. Their conversations must
/// be locked.
///
/// # Errors
/// `RowCount` if one is not there.
pub fn save_progress(conn: &mut PgConnection, messages: &[Progress]) -> Result<(), StoreError> {
    let column = |take: fn(&Progress) -> Option<Timestamp>| messages.iter().map(take).collect::<Vec<_>>();
    let error = |take: fn(&MessageError) -> Option<String>| {
        messages.iter().map(|message| message.error.as_ref().and_then(take)).collect::<Vec<_>>()
    };
    let changed = sql("UPDATE messages m SET provider_message_id = n.provider_message_id, status = n.status, queued_at = n.queued_at,
             sent_at = n.sent_at, delivered_at = n.delivered_at, read_at = n.read_at, failed_at = n.failed_at,
             unknown_at = n.unknown_at, error_code = n.error_code, error_provider_code = n.error_provider_code,
             error_detail = n.error_detail, version = m.version + 1
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[],
                     $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[], $13::text[])
             AS n (workspace_id, id, provider_message_id, status, queued_at, sent_at, delivered_at, read_at, failed_at,
                   unknown_at, error_code, error_provider_code, error_detail)
         WHERE m.workspace_id = n.workspace_id AND m.id = n.id")
        .bind(messages.iter().map(|message| message.workspace_id).collect::<Vec<_>>())
        .bind(messages.iter().map(|message| message.id).collect::<Vec<_>>())
        .bind(messages.iter().map(|message| message.provider_message_id.clone()).collect::<Vec<_>>())
        .bind(messages.iter().map(|message| message.status.as_str()).collect::<Vec<_>>())
        .bind(column(|message| message.times.queued))
        .bind(column(|message| message.times.sent))
        .bind(column(|message| message.times.delivered))
        .bind(column(|message| message.times.read))
        .bind(column(|message| message.times.failed))
        .bind(column(|message| message.times.unknown))
        .bind(error(|error| Some(error.code.clone())))
        .bind(error(|error| error.provider_code.clone()))
        .bind(error(|error| Some(error.detail.clone())))
        .execute(conn)?;
    expect_rows("messages::save_progress", changed, messages.len())
}

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
    let rows = sql("SELECT m.workspace_id, m.channel_id, m.provider_message_id, m.id, m.conversation_id
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
        })
        .collect())
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

/// The customer changed a message. False if a newer change is known already.
///
/// # Errors
/// Only those of the database.
pub fn edit(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
    text: Option<String>,
    edited_at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql("UPDATE messages SET text = $3, edited_at = $4, version = version + 1
         WHERE workspace_id = $1 AND id = $2 AND direction = 'inbound' AND (edited_at IS NULL OR edited_at < $4)")
        .bind(workspace)
        .bind(id)
        .bind(text)
        .bind(edited_at)
        .execute(conn)?;
    Ok(changed > 0)
}

/// The customer took a message back; its text stays here. False if that is known already.
///
/// # Errors
/// Only those of the database.
pub fn revoke(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql("UPDATE messages SET revoked_at = $3, version = version + 1
         WHERE workspace_id = $1 AND id = $2 AND direction = 'inbound' AND revoked_at IS NULL")
    .bind(workspace)
    .bind(id)
    .bind(at)
    .execute(conn)?;
    Ok(changed > 0)
}

/// A contact reacted, or (without emoji) took its reaction back. False if newer news is known, or
/// nothing changes.
///
/// # Errors
/// Only those of the database.
pub fn react(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
    contact: Uuid,
    emoji: Option<String>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let changed =
        sql("INSERT INTO message_reactions (workspace_id, message_id, author_type, author_id, emoji, at)
         VALUES ($1, $2, 'contact', $3, $4, $5)
         ON CONFLICT (workspace_id, message_id, author_type, author_id) DO UPDATE SET emoji = $4, at = $5
         WHERE message_reactions.at <= $5 AND message_reactions.emoji IS DISTINCT FROM $4")
        .bind(workspace)
        .bind(id)
        .bind(contact)
        .bind(emoji)
        .bind(at)
        .execute(conn)?;
    if changed > 0 {
        let raised = sql("UPDATE messages SET version = version + 1 WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(id)
            .execute(conn)?;
        expect_rows("messages::react", raised, 1)?;
    }
    Ok(changed > 0)
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
    /// The text.
    pub text: Option<String>,
    /// The provider's id of the message that it answers.
    pub reply_to_provider_id: Option<String>,
    /// The provider's lasting id of the customer.
    pub external_id: String,
    /// The customer's phone number on this channel.
    pub phone: Option<String>,
    /// The customer's last message, for the reply window.
    pub last_inbound_at: Option<Timestamp>,
    /// How far the message has come.
    pub status: MessageStatus,
}

#[derive(QueryableByName)]
struct OutgoingRow {
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reply_to_provider_id: Option<String>,
    #[diesel(sql_type = Text)]
    external_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_inbound_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Text)]
    status: String,
}

/// Reads what is to be sent, and to whom.
///
/// # Errors
/// As [`shapes`].
pub fn outgoing(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
) -> Result<Option<Outgoing>, StoreError> {
    sql("SELECT m.text, r.provider_message_id AS reply_to_provider_id, i.external_id, i.phone, c.last_inbound_at, m.status
         FROM messages m
         JOIN conversations c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id
         JOIN contact_identities i ON i.workspace_id = c.workspace_id AND i.id = c.identity_id
         LEFT JOIN messages r ON r.workspace_id = m.workspace_id AND r.id = m.reply_to_id
         WHERE m.workspace_id = $1 AND m.id = $2")
        .bind(workspace)
        .bind(id)
        .get_result::<OutgoingRow>(conn)
        .optional()?
        .map(|row| {
            Ok(Outgoing {
                text: row.text,
                reply_to_provider_id: row.reply_to_provider_id,
                external_id: row.external_id,
                phone: row.phone,
                last_inbound_at: row.last_inbound_at.map(Timestamp::new),
                status: word("messages", "status", id, &row.status)?,
            })
        })
        .transpose()
}
