//! Templates that are made, changed and deleted.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::id::{TemplateId, WorkspaceId};
use domain::resource::Template;
use domain::time::Timestamp;
use serde_json::json;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// Stores a new template.
///
/// # Errors
/// `Taken("templates_by_key")` if the channel has one of this name and language.
pub fn insert(conn: &mut PgConnection, workspace: WorkspaceId, new: &Template) -> Result<(), StoreError> {
    sql("INSERT INTO templates (workspace_id, id, channel_id, name, language, category, parameter_format, components,
             unsupported, status, provider_status, rejection_reason, quality, initiate, provider_template_id, version,
             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)")
    .bind(workspace)
    .bind(new.id)
    .bind(new.channel.id)
    .bind(new.name.clone())
    .bind(new.language.clone())
    .bind(new.category.as_str())
    .bind(new.parameter_format.as_str())
    .bind(json!(&new.components))
    .bind(new.unsupported.clone())
    .bind(new.status.as_str())
    .bind(new.provider_status.clone())
    .bind(new.rejection_reason.clone())
    .bind(new.quality.clone())
    .bind(new.initiate)
    .bind(new.provider_template_id.clone())
    .bind(new.version)
    .bind(new.created_at)
    .execute(conn)?;
    Ok(())
}

/// Stores a changed template that is locked, raising its version.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn update(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    template: &mut Template,
    now: Timestamp,
) -> Result<(), StoreError> {
    template.version += 1;
    template.updated_at = now;
    let changed = sql("UPDATE templates SET category = $3, parameter_format = $4, components = $5, unsupported = $6, status = $7,
             provider_status = $8, rejection_reason = $9, quality = $10, initiate = $11, provider_template_id = $12, version = $13,
             updated_at = $14
         WHERE workspace_id = $1 AND id = $2")
    .bind(workspace)
    .bind(template.id)
    .bind(template.category.as_str())
    .bind(template.parameter_format.as_str())
    .bind(json!(&template.components))
    .bind(template.unsupported.clone())
    .bind(template.status.as_str())
    .bind(template.provider_status.clone())
    .bind(template.rejection_reason.clone())
    .bind(template.quality.clone())
    .bind(template.initiate)
    .bind(template.provider_template_id.clone())
    .bind(template.version)
    .bind(now)
    .execute(conn)?;
    expect_rows("templates::update", changed, 1)
}

/// Deletes a template for everybody but its job.
///
/// # Errors
/// `RowCount` if it is not there, or deleted already.
pub fn hide(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: TemplateId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let changed = sql(
        "UPDATE templates SET deleted_at = $3 WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL",
    )
    .bind(workspace)
    .bind(id)
    .bind(now)
    .execute(conn)?;
    expect_rows("templates::hide", changed, 1)
}

/// Deletes a template, if it is there.
///
/// # Errors
/// Only those of the database.
pub fn delete(conn: &mut PgConnection, workspace: WorkspaceId, id: TemplateId) -> Result<(), StoreError> {
    sql("DELETE FROM templates WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    Ok(())
}
