//! Members as clients see them.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::agent::is_online;
use domain::id::{AgentId, WorkspaceId};
use domain::resource::{Agent, AgentCounts, AgentRef};
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, json, word};
use crate::sql::sql;

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Text)]
    availability: String,
    #[diesel(sql_type = Text)]
    presence: String,
    #[diesel(sql_type = Bool)]
    present: bool,
    #[diesel(sql_type = Bool)]
    view_all: bool,
    #[diesel(sql_type = Bool)]
    joined: bool,
    #[diesel(sql_type = Bool)]
    active: bool,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    supervisor_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    supervisor_name: Option<String>,
    #[diesel(sql_type = Jsonb)]
    divisions: Value,
    #[diesel(sql_type = Jsonb)]
    channels: Value,
    #[diesel(sql_type = Nullable<Integer>)]
    max_conversations: Option<i32>,
    #[diesel(sql_type = BigInt)]
    assigned: i64,
    #[diesel(sql_type = BigInt)]
    handled: i64,
    #[diesel(sql_type = BigInt)]
    resolved: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_seen_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl Row {
    pub(super) fn into_resource(self) -> Result<Agent, StoreError> {
        let availability = word("agents", "availability", self.id, &self.availability)?;
        let mode = word("workspaces", "presence", self.id, &self.presence)?;
        Ok(Agent {
            role: word("agents", "role", self.id, &self.role)?,
            availability,
            online: self.active && self.joined && is_online(availability, mode, self.present),
            supervisor: self
                .supervisor_id
                .zip(self.supervisor_name)
                .map(|(id, name)| AgentRef { id: id.into(), name }),
            divisions: json("agents", "divisions", self.id, self.divisions)?,
            channels: json("agents", "channels", self.id, self.channels)?,
            max_conversations: self.max_conversations.and_then(|limit| u32::try_from(limit).ok()),
            counts: Some(AgentCounts {
                assigned: self.assigned,
                handled: self.handled,
                resolved: self.resolved,
            }),
            last_seen_at: self.last_seen_at.map(Timestamp::new),
            id: self.id.into(),
            name: self.name,
            email: self.email,
            view_all: self.view_all,
            joined: self.joined,
            active: self.active,
            version: self.version,
            created_at: Timestamp::new(self.created_at),
        })
    }
}

/// The columns and joins of the shape, for the members that `$from` calls `a`.
macro_rules! shape_query {
    ($from:expr, $rest:expr) => {
        concat!(
            "SELECT a.id, a.name, a.email, a.role, a.availability, w.presence, a.present, a.view_all,
                 a.password_hash IS NOT NULL AS joined, a.active, a.supervisor_id, s.name AS supervisor_name,
                 (SELECT coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'name', d.name) ORDER BY d.name, d.id), '[]')
                  FROM division_members m JOIN divisions d ON d.workspace_id = m.workspace_id AND d.id = m.division_id
                  WHERE m.workspace_id = a.workspace_id AND m.agent_id = a.id) AS divisions,
                 (SELECT coalesce(jsonb_agg(jsonb_build_object('id', h.id, 'kind', h.kind, 'name', h.name)
                      ORDER BY h.name, h.id), '[]')
                  FROM channel_agents ca JOIN channels h ON h.workspace_id = ca.workspace_id AND h.id = ca.channel_id
                  WHERE ca.workspace_id = a.workspace_id AND ca.agent_id = a.id) AS channels,
                 a.max_conversations,
                 n.assigned, n.handled, n.resolved, a.last_seen_at, a.version, a.created_at
             FROM ",
            $from,
            " JOIN workspaces w ON w.id = a.workspace_id
             JOIN agent_counts n ON n.workspace_id = a.workspace_id AND n.agent_id = a.id
             LEFT JOIN agents s ON s.workspace_id = a.workspace_id AND s.id = a.supervisor_id ",
            $rest
        )
    };
}
pub(super) use shape_query;

/// The member with this id, also one that has left.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
) -> Result<Option<Agent>, StoreError> {
    sql(shape_query!("agents a", "WHERE a.workspace_id = $1 AND a.id = $2"))
        .bind(workspace)
        .bind(id)
        .load::<Row>(conn)?
        .pop()
        .map(Row::into_resource)
        .transpose()
}

/// The members with these ids, by id, also ones that have left; unknown ones are left out.
///
/// # Errors
/// As [`get`].
pub fn some(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<AgentId>,
) -> Result<Vec<Agent>, StoreError> {
    sql(shape_query!("agents a", "WHERE a.workspace_id = $1 AND a.id = ANY($2) ORDER BY a.id"))
        .bind(workspace)
        .bind(ids)
        .load::<Row>(conn)?
        .into_iter()
        .map(Row::into_resource)
        .collect()
}
