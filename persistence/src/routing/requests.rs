//! What routing has to look at.

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{AgentId, ConversationId, RoutingRequestId, WorkspaceId};
use domain::routing::Trigger;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

/// Something that routing has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Its id; requests are taken in this order.
    pub id: RoutingRequestId,
    /// What gave cause.
    pub cause: Trigger,
    /// A member to be read again: what it is or holds has changed.
    pub agent_id: Option<AgentId>,
    /// A conversation that waits, and may not have been decided as it is now. Neither: the queue is to be looked through,
    /// or the rest of it.
    pub conversation_id: Option<ConversationId>,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Writes requests down; they are seen when the transaction commits.
///
/// # Errors
/// Only those of the database.
pub fn write_requests(
    conn: &mut PgConnection,
    requests: Vec<(WorkspaceId, Request)>,
) -> Result<(), StoreError> {
    let count = requests.len();
    if count == 0 {
        return Ok(());
    }
    let (mut workspaces, mut ids, mut causes, mut agents, mut conversations, mut times) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (workspace, request) in requests {
        workspaces.push(workspace);
        ids.push(request.id);
        causes.push(request.cause.as_str());
        agents.push(request.agent_id);
        conversations.push(request.conversation_id);
        times.push(request.created_at);
    }
    let written = sql(
        "INSERT INTO routing_requests (workspace_id, id, cause, agent_id, conversation_id, created_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::timestamptz[])",
    )
    .bind(workspaces)
    .bind(ids)
    .bind(causes)
    .bind(agents)
    .bind(conversations)
    .bind(times)
    .execute(conn)?;
    expect_rows("routing::write_requests", written, count)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    cause: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    agent_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    conversation_id: Option<Uuid>,
    #[diesel(sql_type = Timestamptz)]
    created_at: chrono::DateTime<chrono::Utc>,
}

/// Takes the oldest requests of a workspace away. They are back if the transaction does not commit.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn take_requests(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    limit: i64,
) -> Result<Vec<Request>, StoreError> {
    let rows = sql("DELETE FROM routing_requests WHERE workspace_id = $1 AND id = ANY(ARRAY(
             SELECT id FROM routing_requests WHERE workspace_id = $1 ORDER BY id LIMIT $2))
         RETURNING id, cause, agent_id, conversation_id, created_at")
    .bind(workspace)
    .bind(limit)
    .load::<Row>(conn)?;
    let mut requests = rows
        .into_iter()
        .map(|row| {
            Ok(Request {
                id: row.id.into(),
                cause: word("routing_requests", "cause", row.id, &row.cause)?,
                agent_id: row.agent_id.map(Into::into),
                conversation_id: row.conversation_id.map(Into::into),
                created_at: Timestamp::new(row.created_at),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    requests.sort_unstable_by_key(|request| request.id);
    Ok(requests)
}

#[derive(QueryableByName)]
struct WorkspaceRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
}

/// The workspaces in which routing has something to look at, or a timer is due.
///
/// # Errors
/// Only those of the database.
pub fn workspaces_with_work(
    conn: &mut PgConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<WorkspaceId>, StoreError> {
    let rows = sql("SELECT workspace_id FROM (
             -- One step per workspace, however many requests it has.
             WITH RECURSIVE next AS (
                 (SELECT workspace_id FROM routing_requests ORDER BY workspace_id LIMIT 1)
                 UNION ALL
                 SELECT (SELECT r.workspace_id FROM routing_requests r WHERE r.workspace_id > next.workspace_id
                         ORDER BY r.workspace_id LIMIT 1)
                 FROM next WHERE next.workspace_id IS NOT NULL)
             SELECT workspace_id FROM next WHERE workspace_id IS NOT NULL
             UNION
             SELECT workspace_id FROM (SELECT workspace_id FROM timers WHERE state = 'armed' AND due_at <= $1
                                       ORDER BY due_at LIMIT 1000) due
         ) found LIMIT $2")
    .bind(now)
    .bind(limit)
    .load::<WorkspaceRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.workspace_id.into()).collect())
}

#[derive(QueryableByName)]
struct DepthRow {
    #[diesel(sql_type = BigInt)]
    waiting: i64,
}

/// How many requests nobody has looked at yet.
///
/// # Errors
/// Only those of the database.
pub fn depth(conn: &mut PgConnection) -> Result<i64, StoreError> {
    let row = sql("SELECT count(*) AS waiting FROM routing_requests").get_result::<DepthRow>(conn)?;
    Ok(row.waiting)
}
