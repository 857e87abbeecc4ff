//! Members of the team.

use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::access::Candidate;
use domain::agent::{Availability, Role};
use domain::id::{AgentId, WorkspaceId};
use domain::search::folded;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

mod actor;
mod own;
mod shape;

pub use actor::{actor, actors};
pub use own::{lock_active, rename, set_availability};
pub use shape::{After, get, list, several};

/// A member that joins.
#[derive(Debug, Clone)]
pub struct NewAgent {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// Its address, lower-cased.
    pub email: String,
    /// Argon2id, in PHC format.
    pub password_hash: String,
    /// Its role.
    pub role: Role,
    /// Who looks after it.
    pub supervisor_id: Option<AgentId>,
    /// Whether an agent sees conversations of others and those waiting.
    pub view_all: bool,
    /// Whether it wants to be given conversations at first.
    pub availability: Availability,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Stores a new member.
///
/// # Errors
/// `Taken("agents_by_active_email")` if another has the address.
pub fn insert(conn: &mut PgConnection, workspace: WorkspaceId, agent: NewAgent) -> Result<(), StoreError> {
    sql("INSERT INTO agents (workspace_id, id, name, name_folded, email, password_hash, role, supervisor_id, view_all,
             availability, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
        .bind(workspace)
        .bind(agent.id)
        .bind(agent.name.clone())
        .bind(folded(&agent.name))
        .bind(agent.email)
        .bind(agent.password_hash)
        .bind(agent.role.as_str())
        .bind(agent.supervisor_id)
        .bind(agent.view_all)
        .bind(agent.availability.as_str())
        .bind(agent.created_at)
        .execute(conn)?;
    sql("INSERT INTO agent_counts (workspace_id, agent_id) VALUES ($1, $2)")
        .bind(workspace)
        .bind(agent.id)
        .execute(conn)?;
    Ok(())
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
    sql("SELECT name, role, active AND password_hash IS NOT NULL AS active FROM agents WHERE workspace_id = $1 AND id = $2 FOR KEY SHARE")
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

/// A member as signing in needs it.
#[derive(Debug, Clone)]
pub struct Login {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The member.
    pub agent_id: AgentId,
    /// Argon2id, in PHC format.
    pub password_hash: String,
}

#[derive(QueryableByName)]
struct LoginRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = Text)]
    password_hash: String,
}

/// Active members with this address, in the workspace with this slug or, without one, in any; at
/// most two, because more than one is too many.
///
/// # Errors
/// Only those of the database.
pub fn logins(
    conn: &mut PgConnection,
    slug: Option<String>,
    email: String,
) -> Result<Vec<Login>, StoreError> {
    let rows = sql("SELECT a.workspace_id, a.id AS agent_id, a.password_hash FROM agents a
         JOIN workspaces w ON w.id = a.workspace_id
         WHERE a.email = $1 AND a.active AND ($2::text IS NULL OR w.slug = $2) LIMIT 2")
    .bind(email)
    .bind(slug)
    .load::<LoginRow>(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Login {
            workspace_id: row.workspace_id.into(),
            agent_id: row.agent_id.into(),
            password_hash: row.password_hash,
        })
        .collect())
}

/// Stores a new password.
///
/// # Errors
/// `RowCount` if the member is not there.
pub fn set_password(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: AgentId,
    password_hash: String,
) -> Result<(), StoreError> {
    let changed = sql("UPDATE agents SET password_hash = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .bind(password_hash)
        .execute(conn)?;
    expect_rows("agents::set_password", changed, 1)
}
