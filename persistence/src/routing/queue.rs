//! Conversations that wait.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{AgentId, ChannelId, ConversationId, WorkspaceId};
use domain::routing::Reach;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::sql::sql;

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueuePlace {
    /// Since when the conversation waits.
    pub since: Timestamp,
    /// The conversation.
    pub id: ConversationId,
}

/// Which waiting conversations are wanted.
#[derive(Debug, Clone)]
pub struct Page {
    /// Only those behind this place.
    pub after: Option<QueuePlace>,
    /// Those that somebody could take; besides them ...
    pub reach: Reach,
    /// ... all of which no stored decision says why they wait.
    pub undecided: bool,
    /// The most.
    pub limit: i64,
}

/// What somebody takes, as columns. What is none is the nil id, so that PostgreSQL can compare by a hash.
pub(crate) struct Places {
    pub(crate) allocated: Vec<ChannelId>,
    pub(crate) channels: Vec<Uuid>,
    pub(crate) divisions: Vec<Uuid>,
    pub(crate) only: Vec<Uuid>,
}

impl Places {
    pub(crate) fn of(reach: &Reach) -> Self {
        Self {
            allocated: reach.allocated.clone(),
            channels: reach
                .places
                .iter()
                .map(|place| place.channel.map(Uuid::from).unwrap_or_default())
                .collect(),
            divisions: reach
                .places
                .iter()
                .map(|place| place.division.map(Uuid::from).unwrap_or_default())
                .collect(),
            only: reach.places.iter().map(|place| place.only.map(Uuid::from).unwrap_or_default()).collect(),
        }
    }
}

#[derive(QueryableByName)]
struct PlaceRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    waiting_since: DateTime<Utc>,
}

/// A page of the queue, oldest first. Archived conversations are in no queue.
///
/// # Errors
/// Only those of the database.
pub fn waiting(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    page: Page,
) -> Result<Vec<QueuePlace>, StoreError> {
    // Nothing waits since before 1970.
    let first = QueuePlace {
        since: Timestamp::from_unix_seconds(0).unwrap_or(Timestamp::new(DateTime::<Utc>::MIN_UTC)),
        id: Uuid::nil().into(),
    };
    let after = page.after.unwrap_or(first);
    let places = Places::of(&page.reach);
    let rows = sql("SELECT c.id, c.waiting_since FROM conversations c
         WHERE c.workspace_id = $1 AND c.waiting_since IS NOT NULL AND c.archived_at IS NULL
           AND (c.waiting_since, c.id) > ($2, $3)
           AND ((CASE WHEN c.channel_id = ANY($4) THEN c.channel_id ELSE $5 END, coalesce(c.division_id, $5))
                    IN (SELECT * FROM unnest($6::uuid[], $7::uuid[]))
                OR ($8 AND NOT c.waiting_decided))
         ORDER BY c.waiting_since, c.id LIMIT $9")
    .bind(workspace)
    .bind(after.since)
    .bind(after.id)
    .bind(places.allocated)
    .bind(Uuid::nil())
    .bind(places.channels)
    .bind(places.divisions)
    .bind(page.undecided)
    .bind(page.limit)
    .load::<PlaceRow>(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| QueuePlace { since: Timestamp::new(row.waiting_since), id: row.id.into() })
        .collect())
}

#[derive(QueryableByName)]
struct ResolverRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
}

/// Who resolved the last ticket of the customers of these conversations.
///
/// # Errors
/// Only those of the database.
pub fn last_resolvers(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversations: Vec<ConversationId>,
) -> Result<Vec<(ConversationId, AgentId)>, StoreError> {
    let rows = sql("SELECT c.id, last.agent_id FROM conversations c CROSS JOIN LATERAL (
             SELECT t.agent_id FROM conversations o
             JOIN tickets t ON t.workspace_id = o.workspace_id AND t.conversation_id = o.id
             WHERE o.workspace_id = c.workspace_id AND o.contact_id = c.contact_id AND t.closed_at IS NOT NULL
             ORDER BY t.closed_at DESC, t.id DESC LIMIT 1) last
         WHERE c.workspace_id = $1 AND c.id = ANY($2)")
    .bind(workspace)
    .bind(conversations)
    .load::<ResolverRow>(conn)?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.agent_id.into())).collect())
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    waiting: i64,
}

/// How many conversations wait, of all workspaces.
///
/// # Errors
/// Only those of the database.
pub fn waiting_count(conn: &mut PgConnection) -> Result<i64, StoreError> {
    let row = sql("SELECT count(*) AS waiting FROM conversations
         WHERE waiting_since IS NOT NULL AND archived_at IS NULL")
    .get_result::<CountRow>(conn)?;
    Ok(row.waiting)
}
