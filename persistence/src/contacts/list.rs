//! Lists of contacts, by name.
//!
//! As with tickets by the customer's name, contacts are looked at in the order of the list first, in windows that grow: what
//! is asked for fills a page soon if many have it. What few have is found by its own index then.

use std::collections::HashMap;

use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::access::Visible;
use domain::id::{ChannelId, ContactId, LabelId};
use domain::resource::Contact;
use uuid::Uuid;

use super::{ContactSearch, shapes};
use crate::error::StoreError;
use crate::lists::{Windows, narrowed, with_length};
use crate::sql::{Sql, sql};

/// Which contacts a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those whose name or number fits.
    pub search: Option<ContactSearch>,
    /// Only those with a conversation that has one of these; empty: any.
    pub labels: Vec<LabelId>,
    /// Only those who are (not) blocked.
    pub blocked: Option<bool>,
}

/// Where a page of [`list`] begins: after this beginning of a folded name, and this id.
pub type After = (String, ContactId);

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    fits: bool,
}

impl Found {
    fn key(&self) -> After {
        (self.name.clone(), self.id.into())
    }
}

/// Contacts by name, at most `limit`, each with its place in the list. Call it in one snapshot
/// ([`crate::db::in_one_snapshot`]), as it takes several looks.
///
/// # Errors
/// Only those of the database.
pub fn list(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: &Filter,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<(After, Contact)>, StoreError> {
    let keys = keys(conn, visible, filter, after, limit)?;
    let wanted = keys.iter().map(|(_, id)| (visible.workspace_id, *id)).collect();
    let mut contacts: HashMap<ContactId, Contact> =
        shapes(conn, wanted)?.into_iter().map(|(_, contact)| (contact.id, contact)).collect();
    Ok(keys.into_iter().filter_map(|key| contacts.remove(&key.1).map(|contact| (key, contact))).collect())
}

fn keys(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: &Filter,
    mut begin: Option<After>,
    limit: i64,
) -> Result<Vec<After>, StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(0);
    let few = Few::of(visible, filter);
    let (mut keys, mut windows, mut fitted) = (Vec::new(), Windows::of(1), 0);
    // Without another way to what is asked for, the windows go on to the end.
    loop {
        let next = if few.is_some() { windows.next(fitted) } else { Some(windows.again()) };
        let Some(window) = next else { break };
        let text = with_length(if filter.blocked == Some(true) { BLOCKED } else { ALL }, window);
        let seen = bind(sql(text), visible, filter, begin.as_ref()).load::<Found>(conn)?;
        let before = keys.len();
        keys.extend(seen.iter().filter(|found| found.fits).map(Found::key));
        fitted = keys.len() - before;
        let is_end = seen.len() < usize::try_from(window).unwrap_or(0);
        if is_end || keys.len() >= wanted {
            keys.truncate(wanted);
            return Ok(keys);
        }
        begin = seen.last().map(Found::key);
    }
    if let Some(few) = few {
        let left = limit - i64::try_from(keys.len()).unwrap_or(limit);
        let statement = bind(sql(few.text()), visible, filter, begin.as_ref()).bind(left);
        keys.extend(statement.load::<Found>(conn)?.iter().map(Found::key));
    }
    Ok(keys)
}

/// What of a filter, or of a scope, few contacts have if the windows do not fill a page.
#[derive(Debug, Clone, Copy)]
enum Few {
    /// The name or the number.
    Named,
    /// The labels.
    Labelled,
    /// An identity on the reader's channels.
    OnChannels,
}

impl Few {
    fn of(visible: &Visible, filter: &Filter) -> Option<Self> {
        if filter.search.is_some() {
            return Some(Self::Named);
        }
        if !filter.labels.is_empty() {
            return Some(Self::Labelled);
        }
        is_limited(visible).then_some(Self::OnChannels)
    }

    fn text(self) -> &'static str {
        match self {
            Self::Named => NAMED,
            Self::Labelled => LABELLED,
            Self::OnChannels => ON_CHANNELS,
        }
    }
}

fn is_limited(visible: &Visible) -> bool {
    visible.conversations.restricted_to.is_some() || visible.conversations.only_channels.is_some()
}

/// Gives `$1` to `$14` their values.
fn bind(statement: Sql, visible: &Visible, filter: &Filter, begin: Option<&After>) -> Sql {
    let scope = &visible.conversations;
    let allocated = scope.restricted_to.as_ref().map(|allocation| allocation.channels.clone());
    let near = narrowed(narrowed(None, scope.only_channels.as_deref()), allocated.as_deref());
    let near: Vec<ChannelId> = near.into_iter().flatten().collect();
    let name = filter.search.as_ref().map(|search| &search.name);
    let number = filter.search.as_ref().and_then(|search| search.number.as_ref());
    statement
        .bind(visible.workspace_id)
        .bind(begin.map(|(name, _)| name.clone()))
        .bind(begin.map(|(_, id)| *id))
        .bind(name.map(|name| name.pattern.clone()))
        .bind(number.map(|number| number.pattern.clone()))
        .bind(filter.labels.clone())
        .bind(filter.blocked)
        .bind(is_limited(visible))
        .bind(scope.only_channels.clone())
        .bind(allocated)
        .bind(scope.own)
        .bind(near)
        .bind(name.map(|name| name.words.clone()))
        .bind(number.map(|number| number.words.clone()))
}

/// Does the contact `p` fit the filter, and does the reader see it: `Visible::sees_contact`, as a condition. What is
/// looked up is looked up for each: PostgreSQL would rather read all identities at once.
macro_rules! fits {
    () => {
        "(($4::text IS NULL OR p.search_name LIKE $4 OR p.phone LIKE $5::text)
          AND ($7::boolean IS NULL OR (p.blocked_at IS NOT NULL) = $7)
          AND (cardinality($6::uuid[]) = 0 OR coalesce((
               SELECT true FROM conversations c
               JOIN conversation_labels l ON l.workspace_id = c.workspace_id AND l.conversation_id = c.id
               WHERE c.workspace_id = p.workspace_id AND c.contact_id = p.id AND l.label_id = ANY ($6) LIMIT 1), false))
          AND (NOT $8::boolean OR coalesce((
               SELECT true FROM contact_identities i
               LEFT JOIN conversations c ON c.workspace_id = i.workspace_id AND c.identity_id = i.id
               WHERE i.workspace_id = p.workspace_id AND i.contact_id = p.id
                 AND ($9::uuid[] IS NULL OR i.channel_id = ANY ($9))
                 AND ($10::uuid[] IS NULL OR i.channel_id = ANY ($10) OR c.assignee_id = $11::uuid) LIMIT 1),
               $9 IS NULL AND (SELECT true FROM contact_identities i
                   WHERE i.workspace_id = p.workspace_id AND i.contact_id = p.id LIMIT 1) IS NULL)))"
    };
}

macro_rules! after {
    () => {
        "p.workspace_id = (SELECT $1::uuid)
         AND (left(p.search_name, 100) COLLATE \"C\", p.id) > ((SELECT coalesce($2::text, '')) COLLATE \"C\",
             (SELECT coalesce($3::uuid, '00000000-0000-0000-0000-000000000000')))"
    };
}

/// The next contacts in the order of the list, and whether each fits.
macro_rules! window {
    ($condition:literal) => {
        concat!(
            "SELECT left(p.search_name, 100) AS name, p.id, coalesce(",
            fits!(),
            ", false) AS fits FROM contacts p WHERE ",
            after!(),
            $condition,
            " ORDER BY left(p.search_name, 100) COLLATE \"C\", p.id LIMIT {length}"
        )
    };
}

const ALL: &str = window!("");
const BLOCKED: &str = window!(" AND p.blocked_at IS NOT NULL");

/// The contacts that fit, of those whom `$few` names.
macro_rules! of_few {
    ($few:expr) => {
        concat!(
            "SELECT left(p.search_name, 100) AS name, p.id, true AS fits FROM (SELECT DISTINCT few.id FROM (",
            $few,
            ") few OFFSET 0) few CROSS JOIN LATERAL (
                 SELECT p.* FROM contacts p WHERE p.workspace_id = (SELECT $1::uuid) AND p.id = few.id OFFSET 0) p
             WHERE ",
            fits!(),
            " AND ",
            after!(),
            " ORDER BY left(p.search_name, 100) COLLATE \"C\", p.id LIMIT $15"
        )
    };
}

macro_rules! has_pieces {
    ($words:literal) => {
        concat!(
            "SELECT p.id FROM contacts p WHERE p.workspace_id = (SELECT $1::uuid)
               AND contact_keys(p.workspace_id, p.search_name, p.phone) @> (SELECT search_keys($1::uuid, ",
            $words,
            "::text, least(char_length(",
            $words,
            "), 3), least(char_length(",
            $words,
            "), 3)))"
        )
    };
}

const NAMED: &str = of_few!(concat!(has_pieces!("$13"), " UNION ALL ", has_pieces!("$14")));

const LABELLED: &str = of_few!(
    "SELECT c.contact_id AS id FROM conversation_labels l
     JOIN conversations c ON c.workspace_id = l.workspace_id AND c.id = l.conversation_id
     WHERE l.workspace_id = (SELECT $1::uuid) AND l.label_id = ANY ((SELECT $6::uuid[])::uuid[])"
);

/// Those on the channels, those whose conversation the reader holds, and, unless a key's channels limit it, those on no
/// channel.
const ON_CHANNELS: &str = of_few!(
    "SELECT i.contact_id AS id FROM contact_identities i
     WHERE i.workspace_id = (SELECT $1::uuid) AND i.channel_id = ANY ((SELECT $12::uuid[])::uuid[])
     UNION ALL SELECT c.contact_id FROM conversations c
     WHERE c.workspace_id = (SELECT $1::uuid) AND c.assignee_id = (SELECT $11::uuid)
     UNION ALL SELECT p.id FROM contacts p
     WHERE p.workspace_id = (SELECT $1::uuid) AND $9 IS NULL AND NOT EXISTS (
         SELECT FROM contact_identities i WHERE i.workspace_id = p.workspace_id AND i.contact_id = p.id)"
);
