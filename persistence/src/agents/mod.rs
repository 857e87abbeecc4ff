//! Members of the team.

use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::access::Candidate;
use domain::agent::{Availability, Role};
use domain::id::{AgentId, WorkspaceId};
use domain::search::folded;
use domain::time::Timestamp;

use crate::error::{StoreError, word};
use crate::sql::sql;

pub(crate) mod actor;
mod allocation;
mod change;
mod counts;
mod list;
mod lock;
mod own;
mod shape;

pub use actor::actors;
pub use allocation::{
    allocate, allocated_channels, allocation, known_channels, lock_divisions, raise_channels, raise_divisions,
};
pub use change::{
    Ended, Profile, TeamMember, admins, free_supervised, leave, lock_for_removal, lock_team, supervised,
    supervisors_of, update,
};
pub use counts::{CountsChange, change_counts, lock_room};
pub use list::{After, Filter, list};
pub use lock::{lock_active, lock_role, raise_versions};
pub use own::{rename, set_availability};
pub use shape::{get, some};

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
    /// The most conversations that routing gives it.
    pub max_conversations: Option<u32>,
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
             max_conversations, availability, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
        .bind(workspace)
        .bind(agent.id)
        .bind(agent.name.clone())
        .bind(folded(&agent.name))
        .bind(agent.email)
        .bind(agent.password_hash)
        .bind(agent.role.as_str())
        .bind(agent.supervisor_id)
        .bind(agent.view_all)
        .bind(agent.max_conversations.and_then(|limit| i32::try_from(limit).ok()))
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
