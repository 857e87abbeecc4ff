//! Changing members, and their leaving.

use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::agent::{Availability, Role};
use domain::id::{AgentId, ApiKeyId, SignInId, WorkspaceId};
use domain::resource::Agent;
use domain::search::folded;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sign_ins;
use crate::sql::sql;

/// What decides what may be done to a member, and by its help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TeamMember {
    /// The member.
    pub id: AgentId,
    /// Its role.
    pub role: Role,
    /// False: it left the team.
    pub active: bool,
    /// False: it was invited and has not joined yet.
    pub joined: bool,
}

#[derive(QueryableByName)]
struct MemberRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Bool)]
    active: bool,
    #[diesel(sql_type = Bool)]
    joined: bool,
}

/// Locks, in the order of ids, these members, those whom `supervisor` looks after, and every active admin: what is
/// decided of one admin depends on whether there are others.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn lock_team(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<AgentId>,
    supervisor: Option<AgentId>,
) -> Result<Vec<TeamMember>, StoreError> {
    sql("SELECT id, role, active, password_hash IS NOT NULL AS joined FROM agents
         WHERE workspace_id = $1 AND (id = ANY($2) OR supervisor_id = $3 OR (role = 'admin' AND active))
         ORDER BY id FOR NO KEY UPDATE")
    .bind(workspace)
    .bind(ids)
    .bind(supervisor)
    .load::<MemberRow>(conn)?
    .into_iter()
    .map(|row| {
        let role = word("agents", "role", row.id, &row.role)?;
        Ok(TeamMember { id: row.id.into(), role, active: row.active, joined: row.joined })
    })
    .collect()
}

/// Locks a member so that nobody can give it anything until the transaction ends: see [`super::lock_candidate`].
///
/// # Errors
/// Only those of the database.
pub fn lock_for_removal(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
) -> Result<(), StoreError> {
    sql("SELECT FROM agents WHERE workspace_id = $1 AND id = $2 FOR UPDATE")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    Ok(())
}

/// What can be changed of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Its address, lower-cased.
    pub email: String,
    /// Its role.
    pub role: Role,
    /// Whether an agent sees conversations of others and those waiting.
    pub view_all: bool,
    /// Who looks after it.
    pub supervisor_id: Option<AgentId>,
    /// The most conversations that routing gives it.
    pub max_conversations: Option<u32>,
}

impl From<&Agent> for Profile {
    fn from(agent: &Agent) -> Self {
        Self {
            name: agent.name.clone(),
            email: agent.email.clone(),
            role: agent.role,
            view_all: agent.view_all,
            supervisor_id: agent.supervisor.as_ref().map(|supervisor| supervisor.id),
            max_conversations: agent.max_conversations,
        }
    }
}

/// Stores a changed member, raising its version.
///
/// # Errors
/// `Taken("agents_by_active_email")` if another has the address; `RowCount` if it is not there.
pub fn update(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
    profile: Profile,
) -> Result<(), StoreError> {
    let changed = sql("UPDATE agents SET name = $3, name_folded = $4, email = $5, role = $6, view_all = $7, supervisor_id = $8,
             max_conversations = $9, version = version + 1
         WHERE workspace_id = $1 AND id = $2")
    .bind(workspace)
    .bind(id)
    .bind(profile.name.clone())
    .bind(folded(&profile.name))
    .bind(profile.email)
    .bind(profile.role.as_str())
    .bind(profile.view_all)
    .bind(profile.supervisor_id)
    .bind(profile.max_conversations.and_then(|limit| i32::try_from(limit).ok()))
    .execute(conn)?;
    expect_rows("agents::update", changed, 1)
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Whom a member looks after, in the order of ids.
///
/// # Errors
/// Only those of the database.
pub fn supervised(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    supervisor: AgentId,
) -> Result<Vec<AgentId>, StoreError> {
    let rows = sql("SELECT id FROM agents WHERE workspace_id = $1 AND supervisor_id = $2 ORDER BY id")
        .bind(workspace)
        .bind(supervisor)
        .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

#[derive(QueryableByName)]
struct SupervisorRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    supervisor_id: Uuid,
}

/// Who looks after these members; those whom nobody looks after are left out.
///
/// # Errors
/// Only those of the database.
pub fn supervisors_of(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<AgentId>,
) -> Result<Vec<(AgentId, AgentId)>, StoreError> {
    let rows = sql("SELECT a.id, a.supervisor_id FROM agents a
         JOIN agents s ON s.workspace_id = a.workspace_id AND s.id = a.supervisor_id AND s.active
         WHERE a.workspace_id = $1 AND a.id = ANY($2)")
    .bind(workspace)
    .bind(ids)
    .load::<SupervisorRow>(conn)?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.supervisor_id.into())).collect())
}

/// The active admins.
///
/// # Errors
/// Only those of the database.
pub fn admins(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<Vec<AgentId>, StoreError> {
    let rows = sql("SELECT id FROM agents WHERE workspace_id = $1 AND role = 'admin' AND active ORDER BY id")
        .bind(workspace)
        .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// Nobody looks after these members any more; raises their versions.
///
/// # Errors
/// `RowCount` if one is not there.
pub fn free_supervised(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<AgentId>,
) -> Result<(), StoreError> {
    let count = ids.len();
    let changed = sql("UPDATE agents SET supervisor_id = NULL, version = version + 1
         WHERE workspace_id = $1 AND id = ANY($2)")
    .bind(workspace)
    .bind(ids)
    .execute(conn)?;
    expect_rows("agents::free_supervised", changed, count)
}

/// What ended with a member's leaving.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// Its signed-in devices.
    pub sign_ins: Vec<SignInId>,
    /// The keys of programs that acted in its name.
    pub api_keys: Vec<ApiKeyId>,
}

/// A member leaves the team: it is not there, nobody looks after it, and no credential of its is good any more. Its
/// conversations, its allocation and whom it looks after are taken from it before.
///
/// # Errors
/// `RowCount` if it is not there, or has left before.
pub fn leave(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
    now: Timestamp,
) -> Result<Ended, StoreError> {
    let changed =
        sql("UPDATE agents SET active = false, availability = $3, present = false, supervisor_id = NULL,
             version = version + 1
         WHERE workspace_id = $1 AND id = $2 AND active")
        .bind(workspace)
        .bind(id)
        .bind(Availability::Offline.as_str())
        .execute(conn)?;
    expect_rows("agents::leave", changed, 1)?;
    let sign_ins = sign_ins::revoke_all(conn, workspace, id, None, now)?;
    let api_keys = sql("UPDATE api_keys SET revoked_at = $3
         WHERE workspace_id = $1 AND agent_id = $2 AND revoked_at IS NULL RETURNING id")
    .bind(workspace)
    .bind(id)
    .bind(now)
    .load::<IdRow>(conn)?;
    Ok(Ended { sign_ins, api_keys: api_keys.into_iter().map(|row| row.id.into()).collect() })
}
