//! Conversations as clients see them.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Jsonb, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, RunQueryDsl};
use domain::conversation::State;
use domain::id::{ConversationId, WorkspaceId};
use domain::reply_window::reply_window;
use domain::resource::{self, AgentRef, ChannelRef, ContactRef, DivisionRef, LastMessage};
use domain::time::Timestamp;
use serde_json::Value;

use crate::error::{StoreError, word};
use crate::sql::sql;

use super::Row;

#[derive(QueryableByName)]
pub(super) struct ShapeRow {
    #[diesel(embed)]
    pub(super) stored: Row,
    #[diesel(sql_type = Text)]
    pub(super) channel_kind: String,
    #[diesel(sql_type = Text)]
    pub(super) channel_name: String,
    #[diesel(sql_type = Text)]
    pub(super) contact_name: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) contact_phone: Option<String>,
    #[diesel(sql_type = Bool)]
    pub(super) contact_blocked: bool,
    #[diesel(sql_type = Nullable<Text>)]
    assignee_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) division_name: Option<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    labels: Option<Value>,
    #[diesel(sql_type = Nullable<Text>)]
    message_kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    message_direction: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    message_text: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    message_at: Option<DateTime<Utc>>,
}

impl ShapeRow {
    fn last_message(&mut self) -> Result<Option<LastMessage>, StoreError> {
        let (Some(id), Some(kind), Some(direction), Some(at)) = (
            self.stored.last_message_id,
            self.message_kind.as_deref(),
            self.message_direction.as_deref(),
            self.message_at,
        ) else {
            return Ok(None);
        };
        Ok(Some(LastMessage {
            id: id.into(),
            kind: word("messages", "kind", id, kind)?,
            direction: word("messages", "direction", id, direction)?,
            text: self.message_text.take(),
            at: Timestamp::new(at),
        }))
    }

    pub(super) fn into_resource(
        mut self,
        now: Timestamp,
    ) -> Result<(WorkspaceId, resource::Conversation), StoreError> {
        let last_message = self.last_message()?;
        let labels = self.labels.take().map(serde_json::from_value).transpose().map_err(|_| {
            let id = self.stored.id.to_string();
            StoreError::Unreadable { table: "conversations", column: "labels", id }
        })?;
        let kind = word("channels", "kind", self.stored.channel_id, &self.channel_kind)?;
        let (workspace, conversation) = self.stored.into_conversation()?;
        let shape = resource::Conversation {
            id: conversation.id,
            channel: ChannelRef { id: conversation.channel_id, kind, name: self.channel_name },
            contact: ContactRef {
                id: conversation.contact_id,
                name: self.contact_name,
                phone: self.contact_phone,
                blocked: self.contact_blocked,
            },
            status: conversation.status(),
            handler: conversation.handler(),
            assignee: conversation.assignee().zip(self.assignee_name).map(|(id, name)| AgentRef { id, name }),
            division: conversation
                .division_id
                .zip(self.division_name)
                .map(|(id, name)| DivisionRef { id, name }),
            over_limit: matches!(conversation.state, State::Held { over_limit: true, .. }),
            labels: labels.unwrap_or_default(),
            unread_count: conversation.unread_count,
            last_message,
            last_activity_at: conversation.last_activity_at,
            reply_window: reply_window(kind, conversation.last_inbound_at, now),
            ticket_id: conversation.ticket(),
            waiting_since: match conversation.state {
                State::Waiting { since, .. } => Some(since),
                State::Held { .. } | State::Resolved => None,
            },
            unanswered_since: conversation.unanswered_since,
            archived_at: conversation.archived_at,
            version: conversation.version,
            created_at: conversation.created_at,
        };
        Ok((workspace, shape))
    }
}

/// The columns of the shape; `c` is the conversation.
macro_rules! columns {
    () => {
        "SELECT c.workspace_id, c.id, c.channel_id, c.contact_id, c.session_id, c.session_started_at, c.assignee_id,
             c.division_id, c.ticket_id, c.waiting_since, c.waiting_cause, c.waiting_decided, c.assigned_at, c.over_limit,
             c.unanswered_since, c.previous_holders, c.last_inbound_at, c.last_activity_at, c.last_message_id,
             c.unread_count, c.archived_at, c.blocked, c.version, c.created_at,
             h.kind AS channel_kind, h.name AS channel_name, p.name AS contact_name, p.phone AS contact_phone,
             p.blocked_at IS NOT NULL AS contact_blocked,
             (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'name', l.name, 'color', l.color) ORDER BY l.search_name, l.id)
              FROM conversation_labels k JOIN labels l ON l.workspace_id = k.workspace_id AND l.id = k.label_id
              WHERE k.workspace_id = c.workspace_id AND k.conversation_id = c.id) AS labels,
             a.name AS assignee_name, d.name AS division_name, m.kind AS message_kind,
             m.direction AS message_direction, left(m.text, 200) AS message_text, m.at AS message_at "
    };
}

/// What the columns are taken from, besides the conversation.
macro_rules! joins {
    () => {
        " JOIN channels h ON h.workspace_id = c.workspace_id AND h.id = c.channel_id
         JOIN contacts p ON p.workspace_id = c.workspace_id AND p.id = c.contact_id
         LEFT JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = c.assignee_id
         LEFT JOIN divisions d ON d.workspace_id = c.workspace_id AND d.id = c.division_id
         LEFT JOIN messages m ON m.workspace_id = c.workspace_id AND m.id = c.last_message_id"
    };
}

pub(super) const COLUMNS: &str = columns!();
pub(super) const JOINS: &str = joins!();

/// The shapes of these conversations, in no order; unknown ones are left out.
///
/// # Errors
/// As [`super::lock_many`].
pub fn shapes(
    conn: &mut PgConnection,
    keys: Vec<(WorkspaceId, ConversationId)>,
    now: Timestamp,
) -> Result<Vec<(WorkspaceId, resource::Conversation)>, StoreError> {
    let (workspaces, ids): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    sql(concat!(
        columns!(),
        "FROM unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
         JOIN conversations c ON c.workspace_id = k.workspace_id AND c.id = k.id",
        joins!()
    ))
    .bind(workspaces)
    .bind(ids)
    .load::<ShapeRow>(conn)?
    .into_iter()
    .map(|row| row.into_resource(now))
    .collect()
}

/// The shape of one conversation, whoever asks: for events and answers to writes.
///
/// # Errors
/// As [`super::lock_many`].
pub fn shape(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: ConversationId,
    now: Timestamp,
) -> Result<Option<resource::Conversation>, StoreError> {
    Ok(shapes(conn, vec![(workspace, id)], now)?.pop().map(|(_, shape)| shape))
}
