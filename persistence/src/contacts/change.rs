//! Contacts as the team makes and changes them.

use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{ContactId, WorkspaceId};
use domain::resource::Contact;
use domain::search::folded;
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

use super::{IdRow, shapes};

/// Reads and locks contacts, in the order of their ids; unknown ones are left out. They are locked before conversations.
/// Nothing can be put on them meanwhile: what is would go with one that is deleted or merged.
///
/// # Errors
/// As [`shapes`].
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<ContactId>,
) -> Result<Vec<Contact>, StoreError> {
    let locked = sql("SELECT id FROM contacts WHERE workspace_id = $1 AND id = ANY($2)
         ORDER BY id FOR UPDATE")
    .bind(workspace)
    .bind(ids)
    .load::<IdRow>(conn)?;
    let keys = locked.into_iter().map(|row| (workspace, row.id.into())).collect();
    let mut contacts: Vec<Contact> = shapes(conn, keys)?.into_iter().map(|(_, contact)| contact).collect();
    contacts.sort_unstable_by_key(|contact| contact.id);
    Ok(contacts)
}

#[derive(QueryableByName)]
struct PhoneRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    phone: String,
    #[diesel(sql_type = Bool)]
    owns_phone: bool,
}

/// A contact that has a phone number.
#[derive(Clone)]
pub struct WithPhone {
    /// The contact.
    pub id: ContactId,
    /// The number.
    pub phone: String,
    /// Whether it is the one that is found by it.
    pub owns: bool,
}

/// Who has one of these phone numbers; who had it first comes first.
///
/// # Errors
/// Only those of the database.
pub fn by_phones(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    phones: Vec<String>,
) -> Result<Vec<WithPhone>, StoreError> {
    let rows = sql("SELECT id, phone, owns_phone FROM contacts WHERE workspace_id = $1 AND phone = ANY($2)
         ORDER BY created_at, id")
    .bind(workspace)
    .bind(phones)
    .load::<PhoneRow>(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| WithPhone { id: row.id.into(), phone: row.phone, owns: row.owns_phone })
        .collect())
}

/// A contact that the team makes.
#[derive(Clone)]
pub struct NewContact {
    /// Its id.
    pub id: ContactId,
    /// Its name.
    pub name: String,
    /// Its phone number.
    pub phone: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
    /// Where it works.
    pub company: Option<String>,
    /// What else is known.
    pub attributes: Value,
}

/// Stores contacts that the team makes, but for those whose number is another's. Answers those stored.
///
/// # Errors
/// Only those of the database.
pub fn insert_made(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    new: &[NewContact],
    now: Timestamp,
) -> Result<Vec<ContactId>, StoreError> {
    let rows = sql("INSERT INTO contacts (workspace_id, id, name, name_is_own, search_name, phone, owns_phone, email, company,
             attributes, created_at)
         SELECT $1, n.id, n.name, true, n.search_name, n.phone, n.phone IS NOT NULL, n.email, n.company, n.attributes, $9
         FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[])
             AS n (id, name, search_name, phone, email, company, attributes)
         ORDER BY n.phone
         ON CONFLICT (workspace_id, phone) WHERE owns_phone DO NOTHING RETURNING id")
    .bind(workspace)
    .bind(new.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.name.clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|one| folded(&one.name)).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.phone.clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.email.clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.company.clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.attributes.clone()).collect::<Vec<_>>())
    .bind(now)
    .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// Stores changed contacts, raising the version of each by one. All must be locked. A name that differs is the team's own from
/// then on; a number that differs is found by this contact, unless it is another's.
///
/// # Errors
/// `RunAgain` if somebody else got such a number meanwhile; `RowCount` if a contact is not there.
pub fn save_many(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contacts: &[Contact],
) -> Result<(), StoreError> {
    let changed = sql("UPDATE contacts c SET name_is_own = c.name_is_own OR c.name <> n.name, name = n.name,
             search_name = n.search_name, email = n.email, company = n.company, attributes = n.attributes,
             opted_out_at = n.opted_out_at, phone = n.phone,
             owns_phone = CASE WHEN c.phone IS NOT DISTINCT FROM n.phone THEN c.owns_phone
                 ELSE n.phone IS NOT NULL AND NOT EXISTS (SELECT FROM contacts o WHERE o.workspace_id = $1
                     AND o.phone = n.phone AND o.owns_phone AND o.id <> n.id) END,
             version = c.version + 1
         FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::timestamptz[])
             AS n (id, name, search_name, phone, email, company, attributes, opted_out_at)
         WHERE c.workspace_id = $1 AND c.id = n.id")
    .bind(workspace)
    .bind(contacts.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(contacts.iter().map(|one| one.name.clone()).collect::<Vec<_>>())
    .bind(contacts.iter().map(|one| folded(&one.name)).collect::<Vec<_>>())
    .bind(contacts.iter().map(|one| one.phone.clone()).collect::<Vec<_>>())
    .bind(contacts.iter().map(|one| one.email.clone()).collect::<Vec<_>>())
    .bind(contacts.iter().map(|one| one.company.clone()).collect::<Vec<_>>())
    .bind(contacts.iter().map(|one| Value::Object(one.attributes.clone())).collect::<Vec<_>>())
    .bind(contacts.iter().map(|one| one.opted_out_at).collect::<Vec<_>>())
    .execute(conn);
    let changed = changed.map_err(|error| match StoreError::from(error) {
        StoreError::Taken(_) => StoreError::overtaken(),
        other => other,
    })?;
    expect_rows("contacts::save_many", changed, contacts.len())
}

/// Shuts a contact out since `at`, or lets it in again. It must be locked.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn set_blocked(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: ContactId,
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let changed =
        sql("UPDATE contacts SET blocked_at = $3, version = version + 1 WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(id)
            .bind(at)
            .execute(conn)?;
    expect_rows("contacts::set_blocked", changed, 1)
}

/// Deletes a contact that has no conversations. It must be locked.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn delete(conn: &mut PgConnection, workspace: WorkspaceId, id: ContactId) -> Result<(), StoreError> {
    let changed = sql("DELETE FROM contacts WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    expect_rows("contacts::delete", changed, 1)
}
