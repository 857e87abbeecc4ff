//! Who changed what: the audit trail.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::audit::{AuditAction, AuditSubject};
use domain::id::{AuditEntryId, WorkspaceId};
use domain::resource::EventActor;
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::sql::sql;

/// An entry to be written.
#[derive(Debug, Clone)]
pub struct NewAuditEntry {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Its id; entries are read in the order of ids.
    pub id: AuditEntryId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: EventActor,
    /// What was done.
    pub action: AuditAction,
    /// To what kind of thing.
    pub subject: AuditSubject,
    /// To which.
    pub subject_id: Uuid,
    /// Its name at the time.
    pub subject_name: String,
    /// What changed, as it was.
    pub before: Option<Value>,
    /// What changed, as it is since.
    pub after: Option<Value>,
}

/// Writes an entry.
///
/// # Errors
/// Only those of the database.
pub fn insert(conn: &mut PgConnection, entry: NewAuditEntry) -> Result<(), StoreError> {
    let (key_id, key_name) = entry.actor.api_key.map(|key| (key.id, key.name)).unzip();
    sql("INSERT INTO audit_entries (workspace_id, id, at, actor_type, actor_id, actor_name, api_key_id, api_key_name,
             action, subject_type, subject_id, subject_name, before, after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)")
        .bind(entry.workspace_id)
        .bind(entry.id)
        .bind(entry.at)
        .bind(entry.actor.actor_type.as_str())
        .bind(entry.actor.id)
        .bind(entry.actor.name)
        .bind(key_id)
        .bind(key_name)
        .bind(entry.action.as_str())
        .bind(entry.subject.as_str())
        .bind(entry.subject_id)
        .bind(entry.subject_name)
        .bind(entry.before)
        .bind(entry.after)
        .execute(conn)?;
    Ok(())
}
