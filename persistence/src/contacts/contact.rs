//! Customers as clients see them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::access::Facts;
use domain::id::{AgentId, ChannelId, ContactId, ConversationId, WorkspaceId};
use domain::resource::{Contact, Identity};
use domain::time::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::sql;

use super::IdRow;

/// A contact wants no marketing messages since `at`, or wants them again. True if that is new.
///
/// # Errors
/// Only those of the database.
pub fn set_opted_out(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contact: ContactId,
    at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let changed = sql("UPDATE contacts SET opted_out_at = $3, version = version + 1
         WHERE workspace_id = $1 AND id = $2 AND (opted_out_at IS NULL) <> ($3::timestamptz IS NULL)")
    .bind(workspace)
    .bind(contact)
    .bind(at)
    .execute(conn)?;
    Ok(changed > 0)
}

/// A contact's e-mail address is known, if none was before: what the team wrote down stays. True if that is new. It raises no
/// version of a contact that is made in this transaction.
///
/// # Errors
/// Only those of the database.
pub fn complete_email(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contact: ContactId,
    email: String,
    is_new: bool,
) -> Result<bool, StoreError> {
    let changed = sql("UPDATE contacts SET email = $3, version = version + CASE WHEN $4 THEN 0 ELSE 1 END
         WHERE workspace_id = $1 AND id = $2 AND email IS NULL")
    .bind(workspace)
    .bind(contact)
    .bind(email)
    .bind(is_new)
    .execute(conn)?;
    Ok(changed > 0)
}

#[derive(QueryableByName)]
struct ContactRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    company: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = Jsonb)]
    attributes: Value,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    blocked_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    opted_out_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct IdentityRow {
    #[diesel(sql_type = SqlUuid)]
    contact_id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
    #[diesel(sql_type = Text)]
    external_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    username: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
}

/// The shapes of these contacts, in no order; unknown ones are left out.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn shapes(
    conn: &mut PgConnection,
    keys: Vec<(WorkspaceId, ContactId)>,
) -> Result<Vec<(WorkspaceId, Contact)>, StoreError> {
    let (workspaces, ids): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    let contacts =
        sql("SELECT c.workspace_id, c.id, c.name, c.email, c.company, c.phone, c.attributes, c.blocked_at, c.opted_out_at,
             c.version, c.created_at
         FROM unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
         JOIN contacts c ON c.workspace_id = k.workspace_id AND c.id = k.id")
        .bind(workspaces.clone())
        .bind(ids.clone())
        .load::<ContactRow>(conn)?;
    let identities =
        sql("SELECT i.contact_id, h.kind, i.channel_id, i.external_id, i.username, i.phone, i.name
         FROM unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
         JOIN contact_identities i ON i.workspace_id = k.workspace_id AND i.contact_id = k.id
         JOIN channels h ON h.workspace_id = i.workspace_id AND h.id = i.channel_id
         ORDER BY i.created_at, i.id")
        .bind(workspaces)
        .bind(ids)
        .load::<IdentityRow>(conn)?;
    let mut by_contact: HashMap<Uuid, Vec<IdentityRow>> = HashMap::new();
    for identity in identities {
        by_contact.entry(identity.contact_id).or_default().push(identity);
    }
    contacts
        .into_iter()
        .map(|row| {
            let own = by_contact.get(&row.id).into_iter().flatten();
            let contact = Contact {
                id: row.id.into(),
                name: row.name,
                email: row.email,
                company: row.company,
                phone: row.phone,
                attributes: match row.attributes {
                    Value::Object(attributes) => attributes,
                    _ => Map::new(),
                },
                blocked_at: row.blocked_at.map(Timestamp::new),
                identities: own.map(identity_shape).collect::<Result<_, _>>()?,
                opted_out_at: row.opted_out_at.map(Timestamp::new),
                version: row.version,
                created_at: Timestamp::new(row.created_at),
            };
            Ok((row.workspace_id.into(), contact))
        })
        .collect()
}

fn identity_shape(row: &IdentityRow) -> Result<Identity, StoreError> {
    Ok(Identity {
        kind: word("channels", "kind", row.channel_id, &row.kind)?,
        channel_id: row.channel_id.into(),
        external_id: row.external_id.clone(),
        username: row.username.clone(),
        phone: row.phone.clone(),
        name: row.name.clone(),
    })
}

/// Holds a contact against being deleted until the transaction ends. False if there is no such contact.
///
/// # Errors
/// Only those of the database.
pub fn hold(conn: &mut PgConnection, workspace: WorkspaceId, contact: ContactId) -> Result<bool, StoreError> {
    let found = sql("SELECT id FROM contacts WHERE workspace_id = $1 AND id = $2 FOR KEY SHARE")
        .bind(workspace)
        .bind(contact)
        .load::<IdRow>(conn)?;
    Ok(!found.is_empty())
}

/// The conversations of these contacts.
///
/// # Errors
/// Only those of the database.
pub fn conversations(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contacts: Vec<ContactId>,
) -> Result<Vec<ConversationId>, StoreError> {
    let rows = sql("SELECT id FROM conversations WHERE workspace_id = $1 AND contact_id = ANY($2)")
        .bind(workspace)
        .bind(contacts)
        .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

#[derive(QueryableByName)]
struct FactsRow {
    #[diesel(sql_type = SqlUuid)]
    contact_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    assignee_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    division_id: Option<Uuid>,
}

impl FactsRow {
    fn into_facts(self) -> Facts {
        Facts {
            channel: self.channel_id.into(),
            assignee: self.assignee_id.map(Into::into),
            division: self.division_id.map(Into::into),
        }
    }
}

macro_rules! facts_query {
    ($assignee:literal) => {
        concat!(
            "SELECT i.contact_id, i.channel_id, ",
            $assignee,
            " AS assignee_id, c.division_id FROM contact_identities i
             LEFT JOIN conversations c ON c.workspace_id = i.workspace_id AND c.identity_id = i.id
             WHERE i.workspace_id = $1 AND i.contact_id = $2 ORDER BY i.created_at, i.id"
        )
    };
}

/// What decides who sees a contact: of each of its identities the channel, and how its conversation stands.
///
/// # Errors
/// Only those of the database.
pub fn facts(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contact: ContactId,
) -> Result<Vec<Facts>, StoreError> {
    let rows = sql(facts_query!("c.assignee_id")).bind(workspace).bind(contact).load::<FactsRow>(conn)?;
    Ok(rows.into_iter().map(FactsRow::into_facts).collect())
}

/// The same, were one of the conversations held by `holder`.
///
/// # Errors
/// Only those of the database.
pub fn facts_when_held(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contact: ContactId,
    conversation: ConversationId,
    holder: Option<AgentId>,
) -> Result<Vec<Facts>, StoreError> {
    let rows = sql(facts_query!("CASE WHEN c.id = $3 THEN $4 ELSE c.assignee_id END"))
        .bind(workspace)
        .bind(contact)
        .bind(conversation)
        .bind(holder)
        .load::<FactsRow>(conn)?;
    Ok(rows.into_iter().map(FactsRow::into_facts).collect())
}

/// Whose a conversation is.
///
/// # Errors
/// Only those of the database.
pub fn of_conversation(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
) -> Result<Option<ContactId>, StoreError> {
    let row = sql("SELECT contact_id AS id FROM conversations WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(conversation)
        .get_result::<super::IdRow>(conn)
        .optional()?;
    Ok(row.map(|row| row.id.into()))
}

/// The same of several contacts; one without identities is left out.
///
/// # Errors
/// Only those of the database.
pub fn facts_of(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contacts: Vec<ContactId>,
) -> Result<HashMap<ContactId, Vec<Facts>>, StoreError> {
    let rows =
        sql("SELECT i.contact_id, i.channel_id, c.assignee_id, c.division_id FROM contact_identities i
         LEFT JOIN conversations c ON c.workspace_id = i.workspace_id AND c.identity_id = i.id
         WHERE i.workspace_id = $1 AND i.contact_id = ANY($2) ORDER BY i.created_at, i.id")
        .bind(workspace)
        .bind(contacts)
        .load::<FactsRow>(conn)?;
    let mut facts: HashMap<ContactId, Vec<Facts>> = HashMap::new();
    for row in rows {
        facts.entry(row.contact_id.into()).or_default().push(row.into_facts());
    }
    Ok(facts)
}

/// A customer who wrote on a channel.
#[derive(Debug, Clone)]
pub struct Writer {
    /// The channel.
    pub channel_id: ChannelId,
    /// The phone number if there is one, else the provider's lasting id.
    pub address: String,
    /// The customer's name.
    pub name: String,
    /// The last message, by the provider's clock.
    pub wrote_at: Timestamp,
}

#[derive(QueryableByName)]
struct WriterRow {
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
    #[diesel(sql_type = Text)]
    address: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Timestamptz)]
    wrote_at: DateTime<Utc>,
}

/// Who wrote last, at most `limit`.
///
/// # Errors
/// Only those of the database.
pub fn writers(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    limit: i64,
) -> Result<Vec<Writer>, StoreError> {
    let rows = sql("SELECT c.channel_id, coalesce(i.phone, i.external_id) AS address, p.name, c.last_inbound_at AS wrote_at
         FROM conversations c
         JOIN contact_identities i ON i.workspace_id = c.workspace_id AND i.id = c.identity_id
         JOIN contacts p ON p.workspace_id = c.workspace_id AND p.id = c.contact_id
         WHERE c.workspace_id = $1 AND c.last_inbound_at IS NOT NULL
         ORDER BY c.last_activity_at DESC LIMIT $2")
        .bind(workspace)
        .bind(limit)
        .load::<WriterRow>(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Writer {
            channel_id: row.channel_id.into(),
            address: row.address,
            name: row.name,
            wrote_at: Timestamp::new(row.wrote_at),
        })
        .collect())
}
