//! Members of the team.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::access::Candidate;
use domain::actor::Actor;
use domain::agent::Role;
use domain::id::{AgentId, SignInId, WorkspaceId};
use domain::resource::{Agent, AgentRef, DivisionRef};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::sql;

/// A member that joins.
#[derive(Debug, Clone)]
pub struct NewAgent {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// Its address, lower-cased.
    pub email: String,
    /// Argon2id, in PHC format; `None`: invited, has not joined yet.
    pub password_hash: Option<String>,
    /// Its role.
    pub role: Role,
    /// Who looks after it.
    pub supervisor_id: Option<AgentId>,
    /// Whether an agent sees conversations of others and those waiting.
    pub view_all: bool,
    /// When it joined.
    pub created_at: Timestamp,
}

/// Stores a new member.
///
/// # Errors
/// `Taken("agents_workspace_id_email_key")` if another has the address.
pub fn insert(conn: &mut PgConnection, workspace: WorkspaceId, agent: NewAgent) -> Result<(), StoreError> {
    sql("INSERT INTO agents (workspace_id, id, name, email, password_hash, role, supervisor_id, view_all, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(workspace)
        .bind(agent.id)
        .bind(agent.name)
        .bind(agent.email)
        .bind(agent.password_hash)
        .bind(agent.role.as_str())
        .bind(agent.supervisor_id)
        .bind(agent.view_all)
        .bind(agent.created_at)
        .execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Bool)]
    view_all: bool,
    #[diesel(sql_type = Bool)]
    active: bool,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    supervisor_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    supervisor_name: Option<String>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct DivisionRow {
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Where a page of [`list`] begins: after this name and id.
pub type After = (String, AgentId);

/// Members by name, at most `limit`.
///
/// # Errors
/// Only those of the database.
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Agent>, StoreError> {
    let (name, id) = after.map_or((None, None), |(name, id)| (Some(name), Some(id)));
    let rows = sql("SELECT a.id, a.name, a.email, a.role, a.view_all, a.active, a.supervisor_id, s.name AS supervisor_name,
                a.version, a.created_at
         FROM agents a LEFT JOIN agents s ON s.workspace_id = a.workspace_id AND s.id = a.supervisor_id
         WHERE a.workspace_id = $1 AND ($2::text IS NULL OR (a.name, a.id) > ($2, $3::uuid))
         ORDER BY a.name, a.id LIMIT $4")
        .bind(workspace)
        .bind(name)
        .bind(id)
        .bind(limit)
        .load::<Row>(conn)?;
    with_divisions(conn, workspace, rows)
}

/// The member with this id.
///
/// # Errors
/// Only those of the database.
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
) -> Result<Option<Agent>, StoreError> {
    let rows = sql("SELECT a.id, a.name, a.email, a.role, a.view_all, a.active, a.supervisor_id, s.name AS supervisor_name,
                a.version, a.created_at
         FROM agents a LEFT JOIN agents s ON s.workspace_id = a.workspace_id AND s.id = a.supervisor_id
         WHERE a.workspace_id = $1 AND a.id = $2")
        .bind(workspace)
        .bind(id)
        .load::<Row>(conn)?;
    Ok(with_divisions(conn, workspace, rows)?.pop())
}

fn with_divisions(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    rows: Vec<Row>,
) -> Result<Vec<Agent>, StoreError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut divisions: HashMap<Uuid, Vec<DivisionRef>> = HashMap::new();
    for row in sql("SELECT m.agent_id, d.id, d.name FROM division_members m
         JOIN divisions d ON d.workspace_id = m.workspace_id AND d.id = m.division_id
         WHERE m.workspace_id = $1 AND m.agent_id = ANY($2) ORDER BY d.name, d.id")
    .bind(workspace)
    .bind(ids)
    .load::<DivisionRow>(conn)?
    {
        divisions.entry(row.agent_id).or_default().push(DivisionRef { id: row.id.into(), name: row.name });
    }
    rows.into_iter()
        .map(|row| {
            Ok(Agent {
                role: word("agents", "role", row.id, &row.role)?,
                supervisor: row
                    .supervisor_id
                    .zip(row.supervisor_name)
                    .map(|(id, name)| AgentRef { id: id.into(), name }),
                divisions: divisions.remove(&row.id).unwrap_or_default(),
                id: row.id.into(),
                name: row.name,
                email: row.email,
                view_all: row.view_all,
                active: row.active,
                version: row.version,
                created_at: Timestamp::new(row.created_at),
            })
        })
        .collect()
}

#[derive(QueryableByName)]
struct CandidateRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Bool)]
    active: bool,
}

/// What decides whether a member can be given conversations. Locks its row against removal until
/// the transaction ends.
///
/// # Errors
/// Only those of the database.
pub fn lock_candidate(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
) -> Result<Option<Candidate>, StoreError> {
    sql("SELECT name, role, active FROM agents WHERE workspace_id = $1 AND id = $2 FOR KEY SHARE")
        .bind(workspace)
        .bind(id)
        .get_result::<CandidateRow>(conn)
        .optional()?
        .map(|row| {
            let role = word("agents", "role", id, &row.role)?;
            Ok(Candidate { agent_id: id, name: row.name, role, active: row.active })
        })
        .transpose()
}

/// The name of a member.
///
/// # Errors
/// Only those of the database.
pub fn name(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
) -> Result<Option<String>, StoreError> {
    Ok(lock_candidate(conn, workspace, id)?.map(|candidate| candidate.name))
}

#[derive(QueryableByName)]
struct ActorRow {
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Bool)]
    view_all: bool,
    #[diesel(sql_type = Array<SqlUuid>)]
    supervises: Vec<Uuid>,
}

impl ActorRow {
    fn into_actor(self, workspace: WorkspaceId, sign_in: SignInId) -> Result<Actor, StoreError> {
        Ok(Actor {
            workspace_id: workspace,
            agent_id: self.agent_id.into(),
            sign_in_id: sign_in,
            role: word("agents", "role", self.agent_id, &self.role)?,
            name: self.name,
            view_all: self.view_all,
            supervises: self.supervises.into_iter().map(AgentId).collect(),
        })
    }
}

/// Who acts by this sign-in; `None` once it has ended or the member left.
///
/// # Errors
/// Only those of the database.
pub fn actor(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    sign_in: SignInId,
    now: Timestamp,
) -> Result<Option<Actor>, StoreError> {
    sql("SELECT a.id AS agent_id, a.name, a.role, a.view_all,
                ARRAY(SELECT s.id FROM agents s WHERE s.workspace_id = a.workspace_id AND s.supervisor_id = a.id) AS supervises
         FROM sign_ins i JOIN agents a ON a.workspace_id = i.workspace_id AND a.id = i.agent_id
         WHERE i.workspace_id = $1 AND i.id = $2 AND i.revoked_at IS NULL AND i.expires_at > $3 AND a.active")
        .bind(workspace)
        .bind(sign_in)
        .bind(now)
        .get_result::<ActorRow>(conn)
        .optional()?
        .map(|row| row.into_actor(workspace, sign_in))
        .transpose()
}

#[derive(QueryableByName)]
struct SignedInRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    sign_in_id: Uuid,
    #[diesel(embed)]
    actor: ActorRow,
}

/// The same for many sign-ins at once; those that have ended are left out.
///
/// # Errors
/// Only those of the database.
pub fn actors(
    conn: &mut PgConnection,
    keys: Vec<(WorkspaceId, SignInId)>,
    now: Timestamp,
) -> Result<Vec<Actor>, StoreError> {
    let (workspaces, sign_ins): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    sql("SELECT i.workspace_id, i.id AS sign_in_id, a.id AS agent_id, a.name, a.role, a.view_all,
                ARRAY(SELECT s.id FROM agents s WHERE s.workspace_id = a.workspace_id AND s.supervisor_id = a.id) AS supervises
         FROM unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
         JOIN sign_ins i ON i.workspace_id = k.workspace_id AND i.id = k.id
         JOIN agents a ON a.workspace_id = i.workspace_id AND a.id = i.agent_id
         WHERE i.revoked_at IS NULL AND i.expires_at > $3 AND a.active")
        .bind(workspaces)
        .bind(sign_ins)
        .bind(now)
        .load::<SignedInRow>(conn)?
        .into_iter()
        .map(|row| row.actor.into_actor(row.workspace_id.into(), row.sign_in_id.into()))
        .collect()
}
