//! What happens later, unless something happens before.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::conversation::Conversation;
use domain::id::{AgentId, ConversationId, TimerId, WorkspaceId};
use domain::resource;
use domain::routing::Reach;
use domain::time::Timestamp;
use domain::timer::{self, Running, TimerKind, TimerRules, TimerState};
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::routing::Places;
use crate::sql::sql;

/// The timers that a conversation is to have from now on. Its lock guards them.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its timers, each with an id for the case that it is new.
    pub running: Vec<(TimerId, Running)>,
}

/// Gives conversations these timers and no others. One that runs since the same time as before stays what it is, but for
/// when it is due; one that has acted does not act again.
///
/// # Errors
/// Only those of the database.
pub fn run(conn: &mut PgConnection, wanted: &[Wanted]) -> Result<(), StoreError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let (mut workspaces, mut conversations) = (Vec::new(), Vec::new());
    let (mut of_workspace, mut of_conversation, mut ids, mut kinds, mut since, mut due) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for one in wanted {
        workspaces.push(one.workspace_id);
        conversations.push(one.conversation_id);
        for (id, running) in &one.running {
            of_workspace.push(one.workspace_id);
            of_conversation.push(one.conversation_id);
            ids.push(*id);
            kinds.push(running.kind.as_str());
            since.push(running.since);
            due.push(running.due_at);
        }
    }
    sql("DELETE FROM timers t USING unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, conversation_id)
         WHERE t.workspace_id = k.workspace_id AND t.conversation_id = k.conversation_id
           AND NOT EXISTS (SELECT FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[])
                               AS w (workspace_id, conversation_id, kind, since)
                           WHERE w.workspace_id = t.workspace_id AND w.conversation_id = t.conversation_id
                             AND w.kind = t.kind AND w.since = t.running_since)
           -- What has acted once does not act again for the same message, even if the setting was off in between.
           AND NOT (t.state = 'fired' AND EXISTS (SELECT FROM conversations c WHERE c.workspace_id = t.workspace_id
                        AND c.id = t.conversation_id AND t.running_since = CASE t.kind
                            WHEN 'reply_window_warning' THEN c.last_inbound_at ELSE c.unanswered_since END))")
    .bind(workspaces)
    .bind(conversations)
    .bind(of_workspace.clone())
    .bind(of_conversation.clone())
    .bind(kinds.clone())
    .bind(since.clone())
    .execute(conn)?;
    let count = ids.len();
    if count == 0 {
        return Ok(());
    }
    let written = sql("INSERT INTO timers (workspace_id, conversation_id, id, kind, running_since, due_at, state)
         SELECT n.*, 'armed' FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[]) AS n
         ON CONFLICT (workspace_id, conversation_id, kind) DO UPDATE SET due_at = EXCLUDED.due_at,
             state = CASE timers.state WHEN 'fired' THEN 'fired' ELSE 'armed' END")
    .bind(of_workspace)
    .bind(of_conversation)
    .bind(ids)
    .bind(kinds)
    .bind(since)
    .bind(due)
    .execute(conn)?;
    expect_rows("timers::run", written, count)
}

/// Members are offline while they hold conversations: these are handed over when that has been so for `grace`. If it is
/// to happen already, nothing changes.
///
/// # Errors
/// Only those of the database.
pub fn run_handovers(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    handovers: &[(TimerId, AgentId, Timestamp)],
    grace: TimeDelta,
    now: Timestamp,
) -> Result<(), StoreError> {
    if handovers.is_empty() {
        return Ok(());
    }
    // A member may have come and gone again since the cause was written down. After the clock was set back it may also
    // have gone in the future.
    sql("INSERT INTO timers (workspace_id, id, agent_id, kind, running_since, due_at, state)
         SELECT $1, n.id, n.agent_id, 'handover', s.since, s.since + $5 * interval '1 second', 'armed'
         FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[]) AS n (id, agent_id, since)
         LEFT JOIN availability_periods p ON p.workspace_id = $1 AND p.agent_id = n.agent_id AND p.to_at IS NULL
         CROSS JOIN LATERAL (SELECT greatest(n.since, least(p.from_at, $6)) AS since) s
         ON CONFLICT (workspace_id, agent_id, kind) DO NOTHING")
    .bind(workspace)
    .bind(handovers.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
    .bind(handovers.iter().map(|(_, agent, _)| *agent).collect::<Vec<_>>())
    .bind(handovers.iter().map(|(.., since)| *since).collect::<Vec<_>>())
    .bind(grace.num_seconds())
    .bind(now)
    .execute(conn)?;
    Ok(())
}

/// These members are still, or again, offline: their conversations are handed over when that has been so for `grace`.
///
/// # Errors
/// Only those of the database.
pub fn revise_handovers(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agents: Vec<AgentId>,
    grace: TimeDelta,
) -> Result<(), StoreError> {
    sql("UPDATE timers t SET running_since = n.since, due_at = n.since + $3 * interval '1 second'
         FROM (SELECT t.id, greatest(t.running_since, p.from_at) AS since FROM timers t
               LEFT JOIN availability_periods p
                   ON p.workspace_id = t.workspace_id AND p.agent_id = t.agent_id AND p.to_at IS NULL
               WHERE t.workspace_id = $1 AND t.agent_id = ANY($2)) n
         WHERE t.workspace_id = $1 AND t.id = n.id
           AND (t.running_since, t.due_at) <> (n.since, n.since + $3 * interval '1 second')")
    .bind(workspace)
    .bind(agents)
    .bind(grace.num_seconds())
    .execute(conn)?;
    Ok(())
}

/// These members are back, or hold nothing any more.
///
/// # Errors
/// Only those of the database.
pub fn cancel_handovers(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agents: Vec<AgentId>,
) -> Result<(), StoreError> {
    sql("DELETE FROM timers WHERE workspace_id = $1 AND agent_id = ANY($2)")
        .bind(workspace)
        .bind(agents)
        .execute(conn)?;
    Ok(())
}

/// All members but these are back, or hold nothing any more.
///
/// # Errors
/// Only those of the database.
pub fn cancel_other_handovers(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agents: Vec<AgentId>,
) -> Result<(), StoreError> {
    sql("DELETE FROM timers WHERE workspace_id = $1 AND agent_id IS NOT NULL AND agent_id <> ALL($2)")
        .bind(workspace)
        .bind(agents)
        .execute(conn)?;
    Ok(())
}

/// A timer that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Its id.
    pub id: TimerId,
    /// What is to happen.
    pub kind: TimerKind,
    /// To which conversation; none for a handover.
    pub conversation_id: Option<ConversationId>,
    /// To whose conversations, for a handover.
    pub agent_id: Option<AgentId>,
    /// Since when it runs.
    pub since: Timestamp,
    /// When it was due.
    pub due_at: Timestamp,
    /// How it stands.
    pub state: TimerState,
}

impl Due {
    /// Whether the conversation, now that it is locked, still has this timer by these rules.
    #[must_use]
    pub fn runs(&self, conversation: &Conversation, rules: TimerRules) -> bool {
        let running = Running { kind: self.kind, since: self.since, due_at: self.due_at };
        timer::running(conversation, rules).contains(&running)
    }
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
    agent_id: Option<Uuid>,
    #[diesel(sql_type = Timestamptz)]
    running_since: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    due_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    state: String,
}

impl Row {
    fn into_due(self) -> Result<Due, StoreError> {
        Ok(Due {
            id: self.id.into(),
            kind: word("timers", "kind", self.id, &self.kind)?,
            conversation_id: self.conversation_id.map(Into::into),
            agent_id: self.agent_id.map(Into::into),
            since: Timestamp::new(self.running_since),
            due_at: Timestamp::new(self.due_at),
            state: word("timers", "state", self.id, &self.state)?,
        })
    }
}

/// The armed timers of a workspace that are due, longest due first.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn due(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let rows = sql("SELECT id, kind, conversation_id, agent_id, running_since, due_at, state FROM timers
         WHERE workspace_id = $1 AND state = 'armed' AND due_at <= $2 ORDER BY due_at, id LIMIT $3")
    .bind(workspace)
    .bind(now)
    .bind(limit)
    .load::<Row>(conn)?;
    rows.into_iter().map(Row::into_due).collect()
}

/// The blocked timers of conversations that somebody but their holder could take now, longest due first.
///
/// # Errors
/// As [`due`].
pub fn blocked(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    reach: &Reach,
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let places = Places::of(reach);
    let rows = sql(
        "SELECT t.id, t.kind, t.conversation_id, t.agent_id, t.running_since, t.due_at, t.state FROM timers t
         JOIN conversations c ON c.workspace_id = t.workspace_id AND c.id = t.conversation_id
         JOIN unnest($4::uuid[], $5::uuid[], $6::uuid[]) AS p (channel_id, division_id, agent_id)
             ON p.channel_id = CASE WHEN c.channel_id = ANY($2) THEN c.channel_id ELSE $3 END
             AND p.division_id = coalesce(c.division_id, $3) AND p.agent_id IS DISTINCT FROM c.assignee_id
         WHERE t.workspace_id = $1 AND t.state = 'blocked'
         ORDER BY t.due_at, t.id LIMIT $7",
    )
    .bind(workspace)
    .bind(places.allocated)
    .bind(Uuid::nil())
    .bind(places.channels)
    .bind(places.divisions)
    .bind(places.only)
    .bind(limit)
    .load::<Row>(conn)?;
    rows.into_iter().map(Row::into_due).collect()
}

/// Says how these timers stand.
///
/// # Errors
/// Only those of the database.
pub fn set_state(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<TimerId>,
    state: TimerState,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    sql("UPDATE timers SET state = $3 WHERE workspace_id = $1 AND id = ANY($2)")
        .bind(workspace)
        .bind(ids)
        .bind(state.as_str())
        .execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    due_at: Option<DateTime<Utc>>,
}

/// When the next timer is due.
///
/// # Errors
/// Only those of the database.
pub fn next_due(conn: &mut PgConnection) -> Result<Option<Timestamp>, StoreError> {
    let row =
        sql("SELECT min(due_at) AS due_at FROM timers WHERE state = 'armed'").get_result::<DueRow>(conn)?;
    Ok(row.due_at.map(Timestamp::new))
}

/// The timers of a conversation, that of its holder included, next one first.
///
/// # Errors
/// As [`due`].
pub fn of_conversation(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
    holder: Option<AgentId>,
) -> Result<Vec<resource::Timer>, StoreError> {
    let rows = sql("SELECT id, kind, conversation_id, agent_id, running_since, due_at, state FROM timers
         WHERE workspace_id = $1 AND (conversation_id = $2 OR agent_id = $3) ORDER BY due_at, id")
    .bind(workspace)
    .bind(conversation)
    .bind(holder)
    .load::<Row>(conn)?;
    let shape = |row: Row| {
        let timer = row.into_due()?;
        Ok(resource::Timer {
            id: timer.id,
            kind: timer.kind,
            since: timer.since,
            due_at: timer.due_at,
            state: timer.state,
            cancelled_by: timer.kind.cancelled_by().to_vec(),
        })
    };
    rows.into_iter().map(shape).collect()
}
