//! What members are to know of.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{AgentId, ConversationId, NotificationId, WorkspaceId};
use domain::resource::Notification;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::sql;

/// A member, and what it is to know of.
pub type New = (WorkspaceId, AgentId, Notification);

/// Stores new notifications, but for those of a kind that the member has muted, and those of a new message where the member
/// has not read one of the same conversation yet. Answers which were stored.
///
/// # Errors
/// Only those of the database.
pub fn insert(conn: &mut PgConnection, new: &[New]) -> Result<Vec<NotificationId>, StoreError> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sql("INSERT INTO notifications (workspace_id, id, agent_id, kind, conversation_id, ticket_id, channel_id, text, created_at)
         SELECT n.* FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[], $9::timestamptz[])
             AS n (workspace_id, id, agent_id, kind, conversation_id, ticket_id, channel_id, text, created_at)
         WHERE NOT EXISTS (SELECT FROM notification_preferences p
             WHERE p.workspace_id = n.workspace_id AND p.agent_id = n.agent_id AND n.kind = ANY (p.muted_kinds))
         ORDER BY n.workspace_id, n.agent_id, n.id
         ON CONFLICT (workspace_id, conversation_id, agent_id) WHERE kind = 'new_message' AND read_at IS NULL DO NOTHING
         RETURNING id")
    .bind(new.iter().map(|(workspace, ..)| *workspace).collect::<Vec<_>>())
    .bind(new.iter().map(|(.., one)| one.id).collect::<Vec<_>>())
    .bind(new.iter().map(|(_, agent, _)| *agent).collect::<Vec<_>>())
    .bind(new.iter().map(|(.., one)| one.kind.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|(.., one)| one.conversation_id).collect::<Vec<_>>())
    .bind(new.iter().map(|(.., one)| one.ticket_id).collect::<Vec<_>>())
    .bind(new.iter().map(|(.., one)| one.channel_id).collect::<Vec<_>>())
    .bind(new.iter().map(|(.., one)| one.text.clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|(.., one)| one.created_at).collect::<Vec<_>>())
    .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    conversation_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    ticket_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    channel_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    read_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl Row {
    fn into_notification(self) -> Result<Notification, StoreError> {
        Ok(Notification {
            id: self.id.into(),
            kind: word("notifications", "kind", self.id, &self.kind)?,
            conversation_id: self.conversation_id.map(Into::into),
            ticket_id: self.ticket_id.map(Into::into),
            channel_id: self.channel_id.map(Into::into),
            text: self.text,
            read_at: self.read_at.map(Timestamp::new),
            created_at: Timestamp::new(self.created_at),
        })
    }
}

macro_rules! page {
    ($condition:literal) => {
        concat!(
            "SELECT id, kind, conversation_id, ticket_id, channel_id, text, read_at, created_at FROM notifications
             WHERE workspace_id = $1 AND agent_id = $2 AND id < $3",
            $condition,
            " ORDER BY id DESC LIMIT $4"
        )
    };
}

/// A member's notifications, newest first, below the id `after`; only those that are (not) read if `unread` says so.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn list(
    conn: &mut PgConnection,
    (workspace, agent): (WorkspaceId, AgentId),
    unread: Option<bool>,
    after: Option<NotificationId>,
    limit: i64,
) -> Result<Vec<Notification>, StoreError> {
    let text = match unread {
        None => page!(""),
        Some(true) => page!(" AND read_at IS NULL"),
        Some(false) => page!(" AND read_at IS NOT NULL"),
    };
    sql(text)
        .bind(workspace)
        .bind(agent)
        .bind(after.unwrap_or(Uuid::max().into()))
        .bind(limit)
        .load::<Row>(conn)?
        .into_iter()
        .map(Row::into_notification)
        .collect()
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Those of these notifications that the member has.
///
/// # Errors
/// Only those of the database.
pub fn own(
    conn: &mut PgConnection,
    (workspace, agent): (WorkspaceId, AgentId),
    ids: Vec<NotificationId>,
) -> Result<Vec<NotificationId>, StoreError> {
    let rows = sql("SELECT id FROM notifications WHERE workspace_id = $1 AND agent_id = $2 AND id = ANY($3)")
        .bind(workspace)
        .bind(agent)
        .bind(ids)
        .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

macro_rules! mark {
    ($condition:literal) => {
        concat!(
            "UPDATE notifications SET read_at = $3 WHERE workspace_id = $1 AND id = ANY(ARRAY(
                 SELECT id FROM notifications WHERE workspace_id = $1 AND agent_id = $2 AND read_at IS NULL",
            $condition,
            "    ORDER BY id LIMIT $5 FOR UPDATE))
             RETURNING id, kind, conversation_id, ticket_id, channel_id, text, read_at, created_at"
        )
    };
}

/// The member has read these notifications, or, without ids, the oldest that it has not; at most `limit`. Answers those
/// that became read by it, oldest first.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn mark_read(
    conn: &mut PgConnection,
    (workspace, agent): (WorkspaceId, AgentId),
    ids: Option<Vec<NotificationId>>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Notification>, StoreError> {
    // Locked in the order of ids: two who mark the same ones wait for each other and never in a circle.
    let text = match ids {
        Some(_) => mark!(" AND id = ANY($4)"),
        None => mark!(""),
    };
    let rows = sql(text).bind(workspace).bind(agent).bind(now).bind(ids).bind(limit).load::<Row>(conn)?;
    let mut read = rows.into_iter().map(Row::into_notification).collect::<Result<Vec<_>, _>>()?;
    read.sort_unstable_by_key(|notification| notification.id);
    Ok(read)
}

/// The member has read the new messages of a conversation. Answers the notification that told of them, if it had not been
/// read.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn mark_messages_read(
    conn: &mut PgConnection,
    (workspace, agent): (WorkspaceId, AgentId),
    conversation: ConversationId,
    now: Timestamp,
) -> Result<Option<Notification>, StoreError> {
    let rows = sql("UPDATE notifications SET read_at = $4
         WHERE workspace_id = $1 AND agent_id = $2 AND conversation_id = $3 AND kind = 'new_message' AND read_at IS NULL
         RETURNING id, kind, conversation_id, ticket_id, channel_id, text, read_at, created_at")
    .bind(workspace)
    .bind(agent)
    .bind(conversation)
    .bind(now)
    .load::<Row>(conn)?;
    rows.into_iter().next().map(Row::into_notification).transpose()
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    unread: i64,
}

/// How many notifications the member has not read.
///
/// # Errors
/// Only those of the database.
pub fn unread(conn: &mut PgConnection, workspace: WorkspaceId, agent: AgentId) -> Result<i64, StoreError> {
    let row = sql("SELECT count(*) AS unread FROM notifications
         WHERE workspace_id = $1 AND agent_id = $2 AND read_at IS NULL")
    .bind(workspace)
    .bind(agent)
    .get_result::<CountRow>(conn)?;
    Ok(row.unread)
}

/// Forgets notifications that came before `before`, read or not, at most `limit` per workspace, oldest first. Answers how
/// many it forgot.
///
/// # Errors
/// Only those of the database.
pub fn forget(conn: &mut PgConnection, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    Ok(sql("DELETE FROM notifications n USING workspaces w, LATERAL (
             SELECT o.id FROM notifications o
             WHERE o.workspace_id = w.id AND o.created_at < $1 ORDER BY o.created_at, o.id LIMIT $2
         ) old
         WHERE n.workspace_id = w.id AND n.id = old.id")
    .bind(before)
    .bind(limit)
    .execute(conn)?)
}
