//! Settings of a workspace.

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::WorkspaceId;
use domain::resource::AssignmentSettings;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Bool)]
    agents_may_claim: bool,
    #[diesel(sql_type = Bool)]
    agents_may_transfer: bool,
    #[diesel(sql_type = Bool)]
    restrict_to_allocation: bool,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

impl From<Row> for AssignmentSettings {
    fn from(row: Row) -> Self {
        Self {
            agents_may_claim: row.agents_may_claim,
            agents_may_transfer: row.agents_may_transfer,
            restrict_to_allocation: row.restrict_to_allocation,
            version: row.version,
        }
    }
}

/// The assignment settings of a workspace.
///
/// # Errors
/// Only those of the database.
pub fn assignment(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
) -> Result<Option<AssignmentSettings>, StoreError> {
    let row = sql("SELECT agents_may_claim, agents_may_transfer, restrict_to_allocation, version
         FROM assignment_settings WHERE workspace_id = $1")
    .bind(workspace)
    .get_result::<Row>(conn)
    .optional()?;
    Ok(row.map(Into::into))
}

/// The same, locked until the transaction ends.
///
/// # Errors
/// Only those of the database.
pub fn lock_assignment(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
) -> Result<Option<AssignmentSettings>, StoreError> {
    let row = sql("SELECT agents_may_claim, agents_may_transfer, restrict_to_allocation, version
         FROM assignment_settings WHERE workspace_id = $1 FOR NO KEY UPDATE")
    .bind(workspace)
    .get_result::<Row>(conn)
    .optional()?;
    Ok(row.map(Into::into))
}

/// Stores changed assignment settings, raising their version.
///
/// # Errors
/// `RowCount` if there are none.
pub fn save_assignment(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    settings: &mut AssignmentSettings,
) -> Result<(), StoreError> {
    settings.version += 1;
    let changed = sql("UPDATE assignment_settings SET agents_may_claim = $2, agents_may_transfer = $3,
             restrict_to_allocation = $4, version = $5 WHERE workspace_id = $1")
    .bind(workspace)
    .bind(settings.agents_may_claim)
    .bind(settings.agents_may_transfer)
    .bind(settings.restrict_to_allocation)
    .bind(settings.version)
    .execute(conn)?;
    expect_rows("settings::save_assignment", changed, 1)
}
