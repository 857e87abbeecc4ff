//! Named groups of agents.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{AgentId, DivisionId, WorkspaceId};
use domain::resource::{Division, Member};
use domain::search::folded;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::sql;

/// Stores a new division with its members.
///
/// # Errors
/// `Taken("divisions_workspace_id_name_key")` if another has the name.
pub fn insert(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DivisionId,
    name: String,
    members: Vec<AgentId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let folded = folded(&name);
    sql(
        "INSERT INTO divisions (workspace_id, id, name, name_folded, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(workspace)
    .bind(id)
    .bind(name)
    .bind(folded)
    .bind(now)
    .execute(conn)?;
    sql("INSERT INTO division_members (workspace_id, division_id, agent_id) SELECT $1, $2, unnest($3)")
        .bind(workspace)
        .bind(id)
        .bind(members)
        .execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct MemberRow {
    #[diesel(sql_type = SqlUuid)]
    division_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    role: String,
}

/// Where a page of [`list`] begins: after this name and id.
pub type After = (String, DivisionId);

/// Divisions by name, at most `limit`.
///
/// # Errors
/// Only those of the database.
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Division>, StoreError> {
    let (name, id) = after.map_or((None, None), |(name, id)| (Some(name), Some(id)));
    let rows = sql("SELECT id, name, version, created_at FROM divisions
         WHERE workspace_id = $1 AND ($2::text IS NULL OR (name, id) > ($2, $3::uuid))
         ORDER BY name, id LIMIT $4")
    .bind(workspace)
    .bind(name)
    .bind(id)
    .bind(limit)
    .load::<Row>(conn)?;
    with_members(conn, workspace, rows)
}

/// The division with this id.
///
/// # Errors
/// Only those of the database.
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DivisionId,
) -> Result<Option<Division>, StoreError> {
    let rows = sql("SELECT id, name, version, created_at FROM divisions WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .load::<Row>(conn)?;
    Ok(with_members(conn, workspace, rows)?.pop())
}

fn with_members(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    rows: Vec<Row>,
) -> Result<Vec<Division>, StoreError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut members: HashMap<Uuid, Vec<Member>> = HashMap::new();
    for row in sql("SELECT m.division_id, a.id, a.name, a.role FROM division_members m
         JOIN agents a ON a.workspace_id = m.workspace_id AND a.id = m.agent_id
         WHERE m.workspace_id = $1 AND m.division_id = ANY($2) ORDER BY a.name, a.id")
    .bind(workspace)
    .bind(ids)
    .load::<MemberRow>(conn)?
    {
        let role = word("agents", "role", row.id, &row.role)?;
        members.entry(row.division_id).or_default().push(Member { id: row.id.into(), name: row.name, role });
    }
    Ok(rows
        .into_iter()
        .map(|row| Division {
            members: members.remove(&row.id).unwrap_or_default(),
            id: row.id.into(),
            name: row.name,
            version: row.version,
            created_at: Timestamp::new(row.created_at),
        })
        .collect())
}
