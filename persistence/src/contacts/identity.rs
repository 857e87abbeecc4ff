//! Who customers are on each channel.

use diesel::pg::PgConnection;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{ChannelId, ContactId, ConversationId, IdentityId, WorkspaceId};
use domain::search::folded;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

use super::IdRow;

/// A customer on one channel, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIdentity {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The channel.
    pub channel_id: ChannelId,
    /// Its id.
    pub id: IdentityId,
    /// The customer.
    pub contact_id: ContactId,
    /// The provider's lasting id.
    pub external_id: String,
    /// The phone number.
    pub phone: Option<String>,
    /// The public user name.
    pub username: Option<String>,
    /// The name that the customer shows there.
    pub name: Option<String>,
    /// Its conversation; `None` only within the transaction that makes the identity.
    pub conversation_id: Option<ConversationId>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    contact_id: Uuid,
    #[diesel(sql_type = Text)]
    external_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    username: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    conversation_id: Option<Uuid>,
}

impl Row {
    fn into_identity(self) -> StoredIdentity {
        StoredIdentity {
            workspace_id: self.workspace_id.into(),
            channel_id: self.channel_id.into(),
            id: self.id.into(),
            contact_id: self.contact_id.into(),
            external_id: self.external_id,
            phone: self.phone,
            username: self.username,
            name: self.name,
            conversation_id: self.conversation_id.map(Into::into),
        }
    }
}

/// Whom to look for on a channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wanted {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The channel.
    pub channel_id: ChannelId,
    /// The provider's lasting id.
    pub external_id: String,
    /// The phone number, where it is known.
    pub phone: Option<String>,
}

/// Everybody who has the wanted lasting id, or the wanted phone number, on the wanted channel.
///
/// # Errors
/// Only those of the database.
pub fn find_identities(
    conn: &mut PgConnection,
    wanted: &[Wanted],
) -> Result<Vec<StoredIdentity>, StoreError> {
    let rows = sql("WITH k AS (
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS k (workspace_id, channel_id, external_id, phone)
         ), found AS (
             SELECT i.* FROM k JOIN contact_identities i ON i.workspace_id = k.workspace_id AND i.channel_id = k.channel_id
                 AND i.external_id = k.external_id
             UNION
             SELECT i.* FROM k JOIN contact_identities i ON i.workspace_id = k.workspace_id AND i.channel_id = k.channel_id
                 AND i.phone = k.phone
         )
         SELECT f.workspace_id, f.channel_id, f.id, f.contact_id, f.external_id, f.phone, f.username, f.name, c.id AS conversation_id
         FROM found f LEFT JOIN conversations c ON c.workspace_id = f.workspace_id AND c.identity_id = f.id")
        .bind(wanted.iter().map(|one| one.workspace_id).collect::<Vec<_>>())
        .bind(wanted.iter().map(|one| one.channel_id).collect::<Vec<_>>())
        .bind(wanted.iter().map(|one| one.external_id.clone()).collect::<Vec<_>>())
        .bind(wanted.iter().map(|one| one.phone.clone()).collect::<Vec<_>>())
        .load::<Row>(conn)?;
    Ok(rows.into_iter().map(Row::into_identity).collect())
}

/// The identity with this id.
///
/// # Errors
/// Only those of the database.
pub fn identity(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: IdentityId,
) -> Result<Option<StoredIdentity>, StoreError> {
    let rows = sql(
        "SELECT i.workspace_id, i.channel_id, i.id, i.contact_id, i.external_id, i.phone, i.username, i.name,
             c.id AS conversation_id
         FROM contact_identities i
         LEFT JOIN conversations c ON c.workspace_id = i.workspace_id AND c.identity_id = i.id
         WHERE i.workspace_id = $1 AND i.id = $2",
    )
    .bind(workspace)
    .bind(id)
    .load::<Row>(conn)?;
    Ok(rows.into_iter().map(Row::into_identity).next())
}

/// The same, locked until the transaction ends.
///
/// # Errors
/// Only those of the database.
pub fn lock_identity(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: IdentityId,
) -> Result<Option<StoredIdentity>, StoreError> {
    let rows = sql(
        "SELECT i.workspace_id, i.channel_id, i.id, i.contact_id, i.external_id, i.phone, i.username, i.name,
             c.id AS conversation_id
         FROM contact_identities i
         LEFT JOIN conversations c ON c.workspace_id = i.workspace_id AND c.identity_id = i.id
         WHERE i.workspace_id = $1 AND i.id = $2 FOR NO KEY UPDATE OF i",
    )
    .bind(workspace)
    .bind(id)
    .load::<Row>(conn)?;
    Ok(rows.into_iter().next().map(Row::into_identity))
}

/// The identity on a channel that the provider used to know by this id or phone number.
///
/// # Errors
/// Only those of the database.
pub fn by_old_id(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    channel: ChannelId,
    old: String,
) -> Result<Option<StoredIdentity>, StoreError> {
    let wanted =
        Wanted { workspace_id: workspace, channel_id: channel, phone: Some(old.clone()), external_id: old };
    Ok(find_identities(conn, std::slice::from_ref(&wanted))?.into_iter().next())
}

/// Stores one more identity of a contact. False if the contact is not there, or another transaction stored the same
/// identity meanwhile.
///
/// # Errors
/// Only those of the database.
pub fn insert_for(
    conn: &mut PgConnection,
    identity: &StoredIdentity,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let stored = sql("INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, phone, username, name, created_at)
         SELECT $1, $2, c.id, $4, $5, $6, $7, $8, $9 FROM contacts c WHERE c.workspace_id = $1 AND c.id = $3
         FOR KEY SHARE OF c ON CONFLICT DO NOTHING")
    .bind(identity.workspace_id)
    .bind(identity.id)
    .bind(identity.contact_id)
    .bind(identity.channel_id)
    .bind(identity.external_id.clone())
    .bind(identity.phone.clone())
    .bind(identity.username.clone())
    .bind(identity.name.clone())
    .bind(now)
    .execute(conn)?;
    if stored > 0 {
        sql("UPDATE contacts SET version = version + 1 WHERE workspace_id = $1 AND id = $2")
            .bind(identity.workspace_id)
            .bind(identity.contact_id)
            .execute(conn)?;
    }
    Ok(stored > 0)
}

/// Stores what the provider newly says of a customer, and carries name and number over to the
/// contact. A number that another identity of the channel has is to be freed before: see [`free_phones`]. Answers the
/// contact, which may be another one by now: it may have been merged.
///
/// # Errors
/// `RowCount` if the identity is not there.
pub fn update_identity(conn: &mut PgConnection, identity: &StoredIdentity) -> Result<ContactId, StoreError> {
    let changed = sql("UPDATE contact_identities SET external_id = $3, phone = $4, username = $5, name = $6
         WHERE workspace_id = $1 AND id = $2 RETURNING contact_id AS id")
    .bind(identity.workspace_id)
    .bind(identity.id)
    .bind(identity.external_id.clone())
    .bind(identity.phone.clone())
    .bind(identity.username.clone())
    .bind(identity.name.clone())
    .load::<IdRow>(conn)?;
    expect_rows("contacts::update_identity", changed.len(), 1)?;
    let contact = changed.first().map_or(identity.contact_id, |row| row.id.into());
    // A number that changes is found by whoever had it first.
    let changed =
        sql("UPDATE contacts SET name = CASE WHEN name_is_own THEN name ELSE coalesce($3, name) END,
             search_name = CASE WHEN name_is_own THEN search_name ELSE coalesce($5, search_name) END,
             phone = coalesce($4, phone), owns_phone = owns_phone AND phone IS NOT DISTINCT FROM coalesce($4, phone),
             version = version + 1
         WHERE workspace_id = $1 AND id = $2")
        .bind(identity.workspace_id)
        .bind(contact)
        .bind(identity.name.clone())
        .bind(identity.phone.clone())
        .bind(identity.name.as_deref().map(folded))
        .execute(conn)?;
    expect_rows("contacts::update_identity", changed, 1)?;
    Ok(contact)
}

/// The identities of a contact.
///
/// # Errors
/// Only those of the database.
pub fn identities_of(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contact: ContactId,
) -> Result<Vec<StoredIdentity>, StoreError> {
    let rows = sql(
        "SELECT i.workspace_id, i.channel_id, i.id, i.contact_id, i.external_id, i.phone, i.username, i.name,
             c.id AS conversation_id
         FROM contact_identities i
         LEFT JOIN conversations c ON c.workspace_id = i.workspace_id AND c.identity_id = i.id
         WHERE i.workspace_id = $1 AND i.contact_id = $2 ORDER BY i.created_at, i.id",
    )
    .bind(workspace)
    .bind(contact)
    .load::<Row>(conn)?;
    Ok(rows.into_iter().map(Row::into_identity).collect())
}

/// Takes the phone numbers of these customers from the other identities that have them on their channels: the provider says
/// whose they are now. Answers the contacts that lost one, each with its version raised.
///
/// # Errors
/// Only those of the database.
pub fn free_phones(
    conn: &mut PgConnection,
    owners: &[&StoredIdentity],
) -> Result<Vec<(WorkspaceId, ContactId)>, StoreError> {
    let owners: Vec<_> = owners.iter().filter(|owner| owner.phone.is_some()).collect();
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let losers = sql("WITH freed AS (
             UPDATE contact_identities i SET phone = NULL
             FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) AS n (workspace_id, channel_id, phone, id)
             WHERE i.workspace_id = n.workspace_id AND i.channel_id = n.channel_id AND i.phone = n.phone AND i.id <> n.id
             RETURNING i.workspace_id, i.contact_id
         )
         UPDATE contacts c SET version = c.version + 1 FROM (SELECT DISTINCT workspace_id, contact_id FROM freed) f
         WHERE c.workspace_id = f.workspace_id AND c.id = f.contact_id RETURNING c.workspace_id, c.id")
    .bind(owners.iter().map(|one| one.workspace_id).collect::<Vec<_>>())
    .bind(owners.iter().map(|one| one.channel_id).collect::<Vec<_>>())
    .bind(owners.iter().map(|one| one.phone.clone()).collect::<Vec<_>>())
    .bind(owners.iter().map(|one| one.id).collect::<Vec<_>>())
    .load::<LoserRow>(conn)?;
    Ok(losers.into_iter().map(|row| (row.workspace_id.into(), row.id.into())).collect())
}

#[derive(QueryableByName)]
struct LoserRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}
