//! Named groups of agents.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{AgentId, DivisionId, WorkspaceId};
use domain::resource::{Division, Member};
use domain::search::folded;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
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

/// Divisions by name, at most `limit`; `pattern` is one of `LIKE` for the folded name.
///
/// # Errors
/// Only those of the database.
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    pattern: Option<String>,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Division>, StoreError> {
    let (name, id) = after.map_or((None, None), |(name, id)| (Some(name), Some(id)));
    let rows = sql("SELECT id, name, version, created_at FROM divisions
         WHERE workspace_id = $1 AND ($2::text IS NULL OR (name, id) > ($2, $3::uuid))
             AND ($5::text IS NULL OR name_folded LIKE $5)
         ORDER BY name, id LIMIT $4")
    .bind(workspace)
    .bind(name)
    .bind(id)
    .bind(limit)
    .bind(pattern)
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

/// The same, locked until the transaction ends: nobody can refer to it anew, and its members stay. They
/// are to be locked before.
///
/// # Errors
/// Only those of the database.
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DivisionId,
) -> Result<Option<Division>, StoreError> {
    // The members are read by a statement of their own: who was waited for may have changed them.
    let rows = sql("SELECT id, name, version, created_at FROM divisions WHERE workspace_id = $1 AND id = $2
         FOR UPDATE")
    .bind(workspace)
    .bind(id)
    .load::<Row>(conn)?;
    Ok(with_members(conn, workspace, rows)?.pop())
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The name of a division that a conversation is given to. Locks it against deletion until the
/// transaction ends.
///
/// # Errors
/// Only those of the database.
pub fn lock_name(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DivisionId,
) -> Result<Option<String>, StoreError> {
    let row = sql("SELECT name FROM divisions WHERE workspace_id = $1 AND id = $2 FOR KEY SHARE")
        .bind(workspace)
        .bind(id)
        .get_result::<NameRow>(conn)
        .optional()?;
    Ok(row.map(|row| row.name))
}

/// Gives a division another name, raising its version.
///
/// # Errors
/// `Taken("divisions_workspace_id_name_key")` if another has the name; `RowCount` if it is not there.
pub fn rename(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DivisionId,
    name: String,
) -> Result<(), StoreError> {
    let folded = folded(&name);
    let changed = sql("UPDATE divisions SET name = $3, name_folded = $4, version = version + 1
         WHERE workspace_id = $1 AND id = $2")
    .bind(workspace)
    .bind(id)
    .bind(name)
    .bind(folded)
    .execute(conn)?;
    expect_rows("divisions::rename", changed, 1)
}

/// Gives a division exactly these members, raising its version. They must be known.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn set_members(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DivisionId,
    members: Vec<AgentId>,
) -> Result<(), StoreError> {
    sql("DELETE FROM division_members
         WHERE workspace_id = $1 AND division_id = $2 AND NOT agent_id = ANY($3)")
    .bind(workspace)
    .bind(id)
    .bind(members.clone())
    .execute(conn)?;
    sql("INSERT INTO division_members (workspace_id, division_id, agent_id) SELECT $1, $2, unnest($3)
         ON CONFLICT DO NOTHING")
    .bind(workspace)
    .bind(id)
    .bind(members)
    .execute(conn)?;
    let changed = sql("UPDATE divisions SET version = version + 1 WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    expect_rows("divisions::set_members", changed, 1)
}

/// Deletes a division, its members' belonging to it included. No conversation may have it.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn delete(conn: &mut PgConnection, workspace: WorkspaceId, id: DivisionId) -> Result<(), StoreError> {
    let changed = sql("DELETE FROM divisions WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    expect_rows("divisions::delete", changed, 1)
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
