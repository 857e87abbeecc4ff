//! Lists of conversations.

use diesel::pg::PgConnection;
use diesel::sql_types::Uuid as SqlUuid;
use diesel::{QueryableByName, RunQueryDsl};
use domain::access::{Seen, Visible};
use domain::conversation::ConversationStatus;
use domain::id::{AgentId, ChannelId, ConversationId, WorkspaceId};
use domain::resource::{self};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::sql::sql;

use super::shape::{ShapeRow, shape_query};

/// One page of a list: found first, by an index in the order of the list, and joined afterwards.
macro_rules! page {
    ($condition:literal) => {
        shape_query!(
            [concat!(
                "(SELECT * FROM conversations c WHERE c.workspace_id = $1 AND ",
                $condition,
                "    AND ($2::timestamptz IS NULL OR (c.last_activity_at, c.id) < ($2, $3::uuid))
                     AND (cardinality($4::uuid[]) = 0 OR c.channel_id = ANY($4))
                     AND (cardinality($5::text[]) = 0 OR $5 @> ARRAY[CASE WHEN c.session_id IS NULL THEN 'resolved'
                              WHEN c.assignee_id IS NULL THEN 'open' ELSE 'answered' END])
                     AND ($7::uuid[] IS NULL OR c.channel_id = ANY($7))
                     AND (c.assignee_id = $8 OR (
                         ($9 OR c.assignee_id = ANY($10) OR ($11 AND c.assignee_id IS NULL))
                         AND (NOT $12 OR (c.channel_id = ANY($13) AND (c.assignee_id IS NOT NULL
                             OR c.division_id IS NULL OR c.division_id = ANY($14))))))
                   ORDER BY c.last_activity_at DESC, c.id DESC LIMIT $6) c"
            )],
            "ORDER BY c.last_activity_at DESC, c.id DESC"
        )
    };
}

/// Which conversations a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those held by this agent (the tab `mine`).
    pub held_by: Option<AgentId>,
    /// Only those that nobody holds (the tab `unassigned`).
    pub unassigned: bool,
    /// Only archived ones; otherwise only the others.
    pub archived: bool,
    /// Only on one of these channels; empty: on any.
    pub channels: Vec<ChannelId>,
    /// Only those that stand like one of these; empty: like any.
    pub statuses: Vec<ConversationStatus>,
}

/// Where a page of [`list`] begins: after this activity and id.
pub type After = (Timestamp, ConversationId);

/// Conversations by last activity, newest first, at most `limit`.
///
/// # Errors
/// As [`super::lock_many`].
pub fn list(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: Filter,
    after: Option<After>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<resource::Conversation>, StoreError> {
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let statuses: Vec<&'static str> = filter.statuses.iter().map(|status| status.as_str()).collect();
    let statement = match (filter.archived, filter.unassigned, filter.held_by) {
        (false, false, None) => page!("c.archived_at IS NULL AND $15::uuid IS NULL"),
        (false, true, _) => page!("c.archived_at IS NULL AND c.assignee_id IS NULL AND $15::uuid IS NULL"),
        (false, false, Some(_)) => page!("c.archived_at IS NULL AND c.assignee_id = $15"),
        (true, ..) => page!("c.archived_at IS NOT NULL AND $15::uuid IS NULL"),
    };
    let scope = &visible.conversations;
    let (everything, agents, unassigned) = match &scope.others {
        Seen::Everything => (true, Vec::new(), true),
        Seen::HeldBy { agents, unassigned } => (false, agents.clone(), *unassigned),
    };
    let allocation = scope.restricted_to.clone().unwrap_or_default();
    sql(statement)
        .bind(visible.workspace_id)
        .bind(at)
        .bind(id)
        .bind(filter.channels)
        .bind(statuses)
        .bind(limit)
        .bind(scope.only_channels.clone())
        .bind(scope.own)
        .bind(everything)
        .bind(agents)
        .bind(unassigned)
        .bind(scope.restricted_to.is_some())
        .bind(allocation.channels)
        .bind(allocation.divisions)
        .bind(filter.held_by)
        .load::<ShapeRow>(conn)?
        .into_iter()
        .map(|row| row.into_resource(now).map(|(_, shape)| shape))
        .collect()
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// At most `limit` conversations that a member holds, archived ones too, in the order of ids.
///
/// # Errors
/// Only those of the database.
pub fn held_by(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agent: AgentId,
    limit: i64,
) -> Result<Vec<ConversationId>, StoreError> {
    let rows = sql("SELECT id FROM (SELECT id FROM conversations WHERE workspace_id = $1 AND assignee_id = $2 LIMIT $3) c ORDER BY id")
        .bind(workspace)
        .bind(agent)
        .bind(limit)
        .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}
