//! Conversations: the aggregate that writes lock, and the shape that readers see.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::conversation::{Conversation, Session, State};
use domain::id::WorkspaceId;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::sql;

mod aggregate;
mod division;
mod list;
mod queue;
mod shape;

pub use aggregate::{awaiting, insert_many, lock, lock_many, mark_decided, of_identities, save, save_many};
pub use division::{count_of_division, of_division};
pub use list::{After, Counts, Filter, counts, held_by, list};
pub use queue::{QueueFilter, Waiting, queue};
pub use shape::{shape, shapes};

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = SqlUuid)]
    pub(super) workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub(super) channel_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub(super) contact_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(super) session_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) session_started_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(super) assignee_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(super) division_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(super) ticket_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) waiting_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) waiting_cause: Option<String>,
    #[diesel(sql_type = Bool)]
    pub(super) waiting_decided: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) assigned_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    pub(super) over_limit: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) unanswered_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Array<SqlUuid>)]
    pub(super) previous_holders: Vec<Uuid>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) last_inbound_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    pub(super) last_activity_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(super) last_message_id: Option<Uuid>,
    #[diesel(sql_type = Integer)]
    pub(super) unread_count: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) archived_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    pub(super) blocked: bool,
    #[diesel(sql_type = BigInt)]
    pub(super) version: i64,
    #[diesel(sql_type = Timestamptz)]
    pub(super) created_at: DateTime<Utc>,
}

impl Row {
    fn state(&self) -> Result<State, StoreError> {
        let unreadable =
            |column| StoreError::Unreadable { table: "conversations", column, id: self.id.to_string() };
        let Some((id, started_at)) = self.session_id.zip(self.session_started_at) else {
            return Ok(State::Resolved);
        };
        let session = Session { id: id.into(), started_at: Timestamp::new(started_at) };
        let ticket = self.ticket_id.map(Into::into);
        Ok(match self.assignee_id {
            Some(assignee) => State::Held {
                session,
                assignee: assignee.into(),
                since: self.assigned_at.map(Timestamp::new).ok_or_else(|| unreadable("assigned_at"))?,
                over_limit: self.over_limit,
                ticket: ticket.ok_or_else(|| unreadable("ticket_id"))?,
            },
            None => State::Waiting {
                session,
                since: self.waiting_since.map(Timestamp::new).ok_or_else(|| unreadable("waiting_since"))?,
                cause: word(
                    "conversations",
                    "waiting_cause",
                    self.id,
                    self.waiting_cause.as_deref().unwrap_or(""),
                )?,
                decided: self.waiting_decided,
                ticket,
            },
        })
    }

    pub(super) fn into_conversation(self) -> Result<(WorkspaceId, Conversation), StoreError> {
        let state = self.state()?;
        let conversation = Conversation {
            id: self.id.into(),
            channel_id: self.channel_id.into(),
            contact_id: self.contact_id.into(),
            state,
            division_id: self.division_id.map(Into::into),
            last_inbound_at: self.last_inbound_at.map(Timestamp::new),
            last_activity_at: Timestamp::new(self.last_activity_at),
            last_message_id: self.last_message_id.map(Into::into),
            unread_count: self.unread_count,
            unanswered_since: self.unanswered_since.map(Timestamp::new),
            previous_holders: self.previous_holders.into_iter().map(Into::into).collect(),
            archived_at: self.archived_at.map(Timestamp::new),
            blocked: self.blocked,
            version: self.version,
            created_at: Timestamp::new(self.created_at),
        };
        Ok((self.workspace_id.into(), conversation))
    }
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

/// Whether the tenant has any conversation.
///
/// # Errors
/// Only those of the database.
pub fn any(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<bool, StoreError> {
    let row = sql("SELECT EXISTS (SELECT 1 FROM conversations WHERE workspace_id = $1) AS exists")
        .bind(workspace)
        .get_result::<CountRow>(conn)?;
    Ok(row.exists)
}
