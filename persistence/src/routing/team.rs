//! Members as routing sees them.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::agent::{PresenceMode, is_online};
use domain::id::{AgentId, WorkspaceId};
use domain::routing::Member;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::{Sql, sql};

#[derive(QueryableByName)]
struct RunRow {
    #[diesel(sql_type = BigInt)]
    run: i64,
}

/// Begins a transaction of routing: no other works on the workspace until it ends. Answers its number, one more than
/// that of the transaction before; `None` if somebody else is at it.
///
/// # Errors
/// Only those of the database.
pub fn begin_run(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<Option<i64>, StoreError> {
    let rows = sql("UPDATE routing_states SET run = run + 1 WHERE workspace_id =
             (SELECT workspace_id FROM routing_states WHERE workspace_id = $1 FOR UPDATE SKIP LOCKED)
         RETURNING run")
    .bind(workspace)
    .load::<RunRow>(conn)?;
    Ok(rows.first().map(|row| row.run))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Text)]
    availability: String,
    #[diesel(sql_type = Text)]
    presence: String,
    #[diesel(sql_type = Bool)]
    present: bool,
    #[diesel(sql_type = Bool)]
    joined: bool,
    #[diesel(sql_type = Nullable<Integer>)]
    max_conversations: Option<i32>,
    #[diesel(sql_type = Array<SqlUuid>)]
    channels: Vec<Uuid>,
    #[diesel(sql_type = Array<SqlUuid>)]
    divisions: Vec<Uuid>,
    #[diesel(sql_type = BigInt)]
    assigned: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_assigned_at: Option<DateTime<Utc>>,
}

impl Row {
    fn into_member(self) -> Result<Member, StoreError> {
        let availability = word("agents", "availability", self.id, &self.availability)?;
        let mode: PresenceMode = word("workspaces", "presence", self.id, &self.presence)?;
        Ok(Member {
            id: self.id.into(),
            role: word("agents", "role", self.id, &self.role)?,
            availability,
            online: self.joined && is_online(availability, mode, self.present),
            max_conversations: self.max_conversations.and_then(|limit| u32::try_from(limit).ok()),
            channels: self.channels.into_iter().map(Into::into).collect(),
            divisions: self.divisions.into_iter().map(Into::into).collect(),
            load: u32::try_from(self.assigned).unwrap_or(u32::MAX),
            last_assigned_at: self.last_assigned_at.map(Timestamp::new),
        })
    }
}

macro_rules! members_query {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.role, a.availability, w.presence, a.present, a.password_hash IS NOT NULL AS joined,
                 a.max_conversations,
                 ARRAY(SELECT c.channel_id FROM channel_agents c
                       WHERE c.workspace_id = a.workspace_id AND c.agent_id = a.id ORDER BY 1) AS channels,
                 ARRAY(SELECT d.division_id FROM division_members d
                       WHERE d.workspace_id = a.workspace_id AND d.agent_id = a.id ORDER BY 1) AS divisions,
                 n.assigned, n.last_assigned_at
             FROM agents a JOIN workspaces w ON w.id = a.workspace_id
             JOIN agent_counts n ON n.workspace_id = a.workspace_id AND n.agent_id = a.id ",
            $rest
        )
    };
}

fn load(conn: &mut PgConnection, query: Sql) -> Result<Vec<Member>, StoreError> {
    query.load::<Row>(conn)?.into_iter().map(Row::into_member).collect()
}

/// Every active member.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn team(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<Vec<Member>, StoreError> {
    load(conn, sql(members_query!("WHERE a.workspace_id = $1 AND a.active")).bind(workspace))
}

#[derive(QueryableByName)]
struct TurnRow {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_assigned_at: Option<DateTime<Utc>>,
}

/// When anybody last came to hold a conversation, those who have left since included.
///
/// # Errors
/// Only those of the database.
pub fn latest_turn(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<Option<Timestamp>, StoreError> {
    let row =
        sql("SELECT max(last_assigned_at) AS last_assigned_at FROM agent_counts WHERE workspace_id = $1")
            .bind(workspace)
            .get_result::<TurnRow>(conn)?;
    Ok(row.last_assigned_at.map(Timestamp::new))
}

/// Those of these members that are active.
///
/// # Errors
/// As [`team`].
pub fn members(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<AgentId>,
) -> Result<Vec<Member>, StoreError> {
    let query = sql(members_query!("WHERE a.workspace_id = $1 AND a.id = ANY($2) AND a.active"));
    load(conn, query.bind(workspace).bind(ids))
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Locks these members, in the order of ids, and answers them as they are now, with their names. What they are does not
/// change until the transaction ends, nor what those hold that are `counted`.
///
/// # Errors
/// As [`team`].
pub fn confirm_members(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<AgentId>,
    counted: Vec<AgentId>,
) -> Result<Vec<(Member, String)>, StoreError> {
    let names =
        sql("SELECT id, name FROM agents WHERE workspace_id = $1 AND id = ANY($2) ORDER BY id FOR SHARE")
            .bind(workspace)
            .bind(ids.clone())
            .load::<NameRow>(conn)?;
    sql("SELECT FROM agent_counts WHERE workspace_id = $1 AND agent_id = ANY($2) ORDER BY agent_id FOR NO KEY UPDATE")
        .bind(workspace)
        .bind(counted)
        .execute(conn)?;
    // Both in the order of ids.
    let mut members = members(conn, workspace, ids)?;
    members.sort_unstable_by_key(|member| member.id);
    let mut names = names.into_iter().peekable();
    let named = members.into_iter().filter_map(|member| {
        let found = names.find(|row| AgentId::from(row.id) == member.id)?;
        Some((member, found.name))
    });
    Ok(named.collect())
}
