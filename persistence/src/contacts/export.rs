//! All contacts, for a file.

use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{ContactId, WorkspaceId};
use domain::resource::Contact;

use crate::error::StoreError;
use crate::sql::sql;

use super::{IdRow, shapes};

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The names of all attributes that any contact has, in order, at most `limit`.
///
/// # Errors
/// Only those of the database.
pub fn attribute_names(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let rows = sql("SELECT DISTINCT k.name FROM contacts c CROSS JOIN LATERAL jsonb_object_keys(c.attributes) AS k (name)
         WHERE c.workspace_id = $1 AND c.attributes <> '{}' ORDER BY k.name LIMIT $2")
    .bind(workspace)
    .bind(limit)
    .load::<NameRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Contacts in the order of their ids, at most `limit`.
///
/// # Errors
/// As [`shapes`].
pub fn page(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    after: Option<ContactId>,
    limit: i64,
) -> Result<Vec<Contact>, StoreError> {
    let rows = sql("SELECT id FROM contacts
         WHERE workspace_id = $1 AND id > coalesce($2, '00000000-0000-0000-0000-000000000000'::uuid)
         ORDER BY id LIMIT $3")
    .bind(workspace)
    .bind(after)
    .bind(limit)
    .load::<IdRow>(conn)?;
    let keys = rows.into_iter().map(|row| (workspace, row.id.into())).collect();
    let mut contacts: Vec<Contact> = shapes(conn, keys)?.into_iter().map(|(_, contact)| contact).collect();
    contacts.sort_unstable_by_key(|contact| contact.id);
    Ok(contacts)
}
