//! Customers who write for the first time: made anew, or known by their number to the team already.

use std::collections::{BTreeMap, BTreeSet};

use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{ContactId, IdentityId, WorkspaceId};
use domain::search::folded;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

use super::{IdRow, StoredIdentity};

/// A contact that waited for its customer to write.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The contact.
    pub contact_id: ContactId,
    /// Whether it is shut out.
    pub blocked: bool,
}

#[derive(QueryableByName)]
struct OwnerRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    phone: String,
    #[diesel(sql_type = Bool)]
    blocked: bool,
}

/// Stores new customers with their first identity, each with the name to show. One whose number a contact has that was made
/// before it wrote, and is on no channel yet, becomes that contact: its identity is changed to say so. Those whom
/// another transaction stored meanwhile are passed over, whole. Answers the identities stored, and which contacts were joined.
///
/// # Errors
/// `RowCount` if half a customer would remain.
pub fn insert_new(
    conn: &mut PgConnection,
    new: &mut [(StoredIdentity, String)],
    now: Timestamp,
) -> Result<(BTreeSet<IdentityId>, BTreeMap<IdentityId, Joined>), StoreError> {
    let mut made = insert_contacts(conn, new.iter(), true, now)?;
    let mut joined = BTreeMap::new();
    if made.len() < new.len() {
        joined = join(conn, new.iter_mut().filter(|(one, _)| !made.contains(&one.contact_id)))?;
        let left = |one: &&(StoredIdentity, String)| {
            !made.contains(&one.0.contact_id) && !joined.contains_key(&one.0.id)
        };
        let more = insert_contacts(conn, new.iter().filter(left), false, now)?;
        made.extend(more);
    }
    let stored = insert_identities(conn, new, now)?;
    let (workspaces, grown): (Vec<_>, Vec<_>) = new
        .iter()
        .filter(|(one, _)| stored.contains(&one.id) && joined.contains_key(&one.id))
        .map(|(one, _)| (one.workspace_id, one.contact_id))
        .unzip();
    if !grown.is_empty() {
        sql("UPDATE contacts c SET version = c.version + 1 FROM unnest($1::uuid[], $2::uuid[]) AS n (workspace_id, id)
             WHERE c.workspace_id = n.workspace_id AND c.id = n.id")
        .bind(workspaces)
        .bind(grown)
        .execute(conn)?;
    }
    let lost = new.iter().filter(|(one, _)| !stored.contains(&one.id) && made.contains(&one.contact_id));
    let (workspaces, contacts): (Vec<_>, Vec<_>) =
        lost.map(|(one, _)| (one.workspace_id, one.contact_id)).unzip();
    if !contacts.is_empty() {
        let count = contacts.len();
        let removed =
            sql("DELETE FROM contacts c USING unnest($1::uuid[], $2::uuid[]) AS n (workspace_id, id)
             WHERE c.workspace_id = n.workspace_id AND c.id = n.id")
            .bind(workspaces)
            .bind(contacts)
            .execute(conn)?;
        expect_rows("contacts::insert_new", removed, count)?;
    }
    Ok((stored, joined))
}

/// Stores contacts; with `owners` but for those whose number another contact owns. Answers which.
fn insert_contacts<'a>(
    conn: &mut PgConnection,
    new: impl Iterator<Item = &'a (StoredIdentity, String)>,
    owners: bool,
    now: Timestamp,
) -> Result<BTreeSet<ContactId>, StoreError> {
    let new: Vec<_> = new.collect();
    if new.is_empty() {
        return Ok(BTreeSet::new());
    }
    // In one order, so that two batches with the same numbers wait for each other in line.
    let rows =
        sql("INSERT INTO contacts (workspace_id, id, name, phone, owns_phone, search_name, created_at)
         SELECT n.workspace_id, n.id, n.name, n.phone, $7 AND n.phone IS NOT NULL, n.search_name, $6
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
             AS n (workspace_id, id, name, phone, search_name)
         ORDER BY n.workspace_id, n.phone
         ON CONFLICT (workspace_id, phone) WHERE owns_phone DO NOTHING RETURNING id")
        .bind(new.iter().map(|(one, _)| one.workspace_id).collect::<Vec<_>>())
        .bind(new.iter().map(|(one, _)| one.contact_id).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>())
        .bind(new.iter().map(|(one, _)| one.phone.clone()).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, name)| folded(name)).collect::<Vec<_>>())
        .bind(now)
        .bind(owners)
        .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// Finds those who are awaited, and makes their identities those of the contacts that await them, which are locked.
fn join<'a>(
    conn: &mut PgConnection,
    newcomers: impl Iterator<Item = &'a mut (StoredIdentity, String)>,
) -> Result<BTreeMap<IdentityId, Joined>, StoreError> {
    let newcomers: Vec<_> = newcomers.collect();
    let owners = sql("SELECT c.workspace_id, c.id, c.phone, c.blocked_at IS NOT NULL AS blocked
         FROM unnest($1::uuid[], $2::text[]) AS n (workspace_id, phone)
         JOIN contacts c ON c.workspace_id = n.workspace_id AND c.phone = n.phone AND c.owns_phone
         ORDER BY c.workspace_id, c.id FOR NO KEY UPDATE OF c")
    .bind(newcomers.iter().map(|(one, _)| one.workspace_id).collect::<Vec<_>>())
    .bind(newcomers.iter().map(|(one, _)| one.phone.clone()).collect::<Vec<_>>())
    .load::<OwnerRow>(conn)?;
    // Read after they are locked: nobody else joins them from here on.
    let known = sql("SELECT DISTINCT i.contact_id AS id
         FROM unnest($1::uuid[], $2::uuid[]) AS n (workspace_id, id)
         JOIN contact_identities i ON i.workspace_id = n.workspace_id AND i.contact_id = n.id")
    .bind(owners.iter().map(|owner| owner.workspace_id).collect::<Vec<_>>())
    .bind(owners.iter().map(|owner| owner.id).collect::<Vec<_>>())
    .load::<IdRow>(conn)?;
    let known: BTreeSet<Uuid> = known.into_iter().map(|row| row.id).collect();
    let mut awaited: BTreeMap<(WorkspaceId, String), OwnerRow> = owners
        .into_iter()
        .filter(|owner| !known.contains(&owner.id))
        .map(|owner| ((owner.workspace_id.into(), owner.phone.clone()), owner))
        .collect();
    let mut joined = BTreeMap::new();
    for (identity, _) in newcomers {
        let Some(phone) = identity.phone.clone() else { continue };
        // Of two who come at once with one number the first is the one who was awaited.
        if let Some(owner) = awaited.remove(&(identity.workspace_id, phone)) {
            identity.contact_id = owner.id.into();
            joined.insert(identity.id, Joined { contact_id: owner.id.into(), blocked: owner.blocked });
        }
    }
    Ok(joined)
}

fn insert_identities(
    conn: &mut PgConnection,
    new: &[(StoredIdentity, String)],
    now: Timestamp,
) -> Result<BTreeSet<IdentityId>, StoreError> {
    let column = |take: fn(&StoredIdentity) -> Option<String>| {
        new.iter().map(|(one, _)| take(one)).collect::<Vec<_>>()
    };
    // In one order, so that two batches with the same newcomers wait for each other in line.
    let stored = sql("INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, phone, username, name, created_at)
         SELECT n.workspace_id, n.id, n.contact_id, n.channel_id, n.external_id, n.phone, n.username, n.name, $9
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[])
             AS n (workspace_id, id, contact_id, channel_id, external_id, phone, username, name)
         ORDER BY n.workspace_id, n.channel_id, n.external_id
         ON CONFLICT DO NOTHING RETURNING id")
        .bind(new.iter().map(|(one, _)| one.workspace_id).collect::<Vec<_>>())
        .bind(new.iter().map(|(one, _)| one.id).collect::<Vec<_>>())
        .bind(new.iter().map(|(one, _)| one.contact_id).collect::<Vec<_>>())
        .bind(new.iter().map(|(one, _)| one.channel_id).collect::<Vec<_>>())
        .bind(column(|one| Some(one.external_id.clone())))
        .bind(column(|one| one.phone.clone()))
        .bind(column(|one| one.username.clone()))
        .bind(column(|one| one.name.clone()))
        .bind(now)
        .load::<IdRow>(conn)?;
    Ok(stored.into_iter().map(|row| row.id.into()).collect())
}
