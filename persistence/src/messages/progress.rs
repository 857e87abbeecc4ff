//! How far messages have come.

use diesel::pg::PgConnection;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{ChannelId, ConversationId, MessageId, WorkspaceId};
use domain::message::{Direction, MessageStatus, StatusTimes};
use domain::resource::MessageError;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

use super::TimesRow;

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
    /// Which way it went: only what goes to the customer comes any further.
    pub direction: Direction,
    /// The provider's id.
    pub provider_message_id: Option<String>,
    /// How far it has come.
    pub status: MessageStatus,
    /// When.
    pub times: StatusTimes,
    /// Why it failed.
    pub error: Option<MessageError>,
}

impl Progress {
    /// Who brings the message to the customer calls it so, unless it has another name already. Our own id is no name: it
    /// stands for one where nobody gives any. True if that is new.
    pub fn name(&mut self, id: &str) -> bool {
        let nameless = match &self.provider_message_id {
            None => true,
            Some(known) => *known == self.id.to_string() && known != id,
        };
        if nameless {
            self.provider_message_id = Some(id.to_owned());
        }
        nameless
    }
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
    #[diesel(sql_type = Text)]
    direction: String,
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
            direction: word("messages", "direction", self.id, &self.direction)?,
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
            "SELECT m.workspace_id, m.id, m.conversation_id, m.channel_id, m.direction, m.provider_message_id, m.status,
                 m.queued_at, m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.unknown_at, m.error_code, m.error_provider_code,
                 m.error_detail FROM ",
            $from
        )
    };
}

/// The progress of these messages.
///
/// # Errors
/// As [`super::shapes`].
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
