//! Tenants, and the installation they live in.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::agent::PresenceMode;
use domain::id::WorkspaceId;
use domain::resource::Workspace;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    slug: String,
    #[diesel(sql_type = Text)]
    timezone: String,
    #[diesel(sql_type = Text)]
    presence: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl Row {
    fn into_workspace(self) -> Result<Workspace, StoreError> {
        Ok(Workspace {
            presence: word("workspaces", "presence", self.id, &self.presence)?,
            id: self.id.into(),
            name: self.name,
            slug: self.slug,
            timezone: self.timezone,
            version: self.version,
            created_at: Timestamp::new(self.created_at),
        })
    }
}

/// Stores a new tenant, its event counter, its settings and its place in routing.
///
/// # Errors
/// `Taken("workspaces_slug_key")` if another has the slug.
pub fn insert(conn: &mut PgConnection, workspace: &Workspace) -> Result<(), StoreError> {
    sql("INSERT INTO workspaces (id, name, slug, timezone, presence, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)")
    .bind(workspace.id)
    .bind(workspace.name.clone())
    .bind(workspace.slug.clone())
    .bind(workspace.timezone.clone())
    .bind(workspace.presence.as_str())
    .bind(workspace.version)
    .bind(workspace.created_at)
    .execute(conn)?;
    sql("INSERT INTO event_counters (workspace_id) VALUES ($1)").bind(workspace.id).execute(conn)?;
    sql("INSERT INTO assignment_settings (workspace_id) VALUES ($1)").bind(workspace.id).execute(conn)?;
    sql("INSERT INTO messaging_settings (workspace_id) VALUES ($1)").bind(workspace.id).execute(conn)?;
    sql("INSERT INTO routing_states (workspace_id) VALUES ($1)").bind(workspace.id).execute(conn)?;
    Ok(())
}

/// The tenant with this id.
///
/// # Errors
/// Only those of the database.
pub fn get(conn: &mut PgConnection, id: WorkspaceId) -> Result<Option<Workspace>, StoreError> {
    sql("SELECT id, name, slug, timezone, presence, version, created_at FROM workspaces WHERE id = $1")
        .bind(id)
        .get_result::<Row>(conn)
        .optional()?
        .map(Row::into_workspace)
        .transpose()
}

/// The same, locked until the transaction ends.
///
/// # Errors
/// Only those of the database.
pub fn lock(conn: &mut PgConnection, id: WorkspaceId) -> Result<Option<Workspace>, StoreError> {
    sql("SELECT id, name, slug, timezone, presence, version, created_at FROM workspaces WHERE id = $1
         FOR NO KEY UPDATE")
    .bind(id)
    .get_result::<Row>(conn)
    .optional()?
    .map(Row::into_workspace)
    .transpose()
}

/// Stores a changed tenant, raising its version.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn save(conn: &mut PgConnection, workspace: &mut Workspace) -> Result<(), StoreError> {
    workspace.version += 1;
    let changed =
        sql("UPDATE workspaces SET name = $2, timezone = $3, presence = $4, version = $5 WHERE id = $1")
            .bind(workspace.id)
            .bind(workspace.name.clone())
            .bind(workspace.timezone.clone())
            .bind(workspace.presence.as_str())
            .bind(workspace.version)
            .execute(conn)?;
    expect_rows("workspaces::save", changed, 1)
}

/// Locks which member works for which channels and divisions until the transaction ends: who changes that does so one after
/// another, so that what it read to know what to lock stays true.
///
/// # Errors
/// Only those of the database.
pub fn lock_team(conn: &mut PgConnection, id: WorkspaceId) -> Result<(), StoreError> {
    sql("SELECT FROM workspaces WHERE id = $1 FOR NO KEY UPDATE").bind(id).execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct PresenceRow {
    #[diesel(sql_type = Text)]
    presence: String,
}

/// What makes members of a tenant count as online. Stays so until the transaction ends.
///
/// # Errors
/// `Unreadable` for a word that the domain does not know; those of the database.
pub fn hold_presence(conn: &mut PgConnection, id: WorkspaceId) -> Result<Option<PresenceMode>, StoreError> {
    sql("SELECT presence FROM workspaces WHERE id = $1 FOR SHARE")
        .bind(id)
        .get_result::<PresenceRow>(conn)
        .optional()?
        .map(|row| word("workspaces", "presence", id, &row.presence))
        .transpose()
}

#[derive(QueryableByName)]
struct EpochRow {
    #[diesel(sql_type = SqlUuid)]
    epoch: Uuid,
}

/// The epoch of the installation's event logs.
///
/// # Errors
/// Only those of the database; a database that was never migrated has none.
pub fn epoch(conn: &mut PgConnection) -> Result<Uuid, StoreError> {
    Ok(sql("SELECT epoch FROM installation").get_result::<EpochRow>(conn)?.epoch)
}
