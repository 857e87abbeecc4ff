//! Lists of contacts, by name.
//!
//! As with tickets by the customer's name, contacts are looked at in the order of the list first, in windows that grow: what
//! is asked for fills a page soon if many have it. What few have is found by its own index then. Names and numbers are in the
//! index of the list itself, so of those searched for by them nobody has to be looked at whose name does not fit.

use std::collections::HashMap;

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::access::Visible;
use domain::id::{ChannelId, ContactId, LabelId};
use domain::resource::Contact;
use domain::search::containing;
use uuid::Uuid;

use super::{ContactSearch, shapes};
use crate::error::StoreError;
use crate::lists::{Windows, narrowed, with_length};
use crate::search::{Customers, FEW};
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
}

impl Found {
    fn key(self) -> After {
        (self.name, self.id.into())
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
    let search = filter.search.as_ref();
    let mut few = if search.is_some() { None } else { Few::unasked(visible, filter) };
    let mut windows = if search.is_some() { Windows::of(1) } else { Windows::of_looking_up() };
    let (window_text, end_text) = if filter.blocked == Some(true) { BLOCKED } else { ALL };
    let (mut keys, mut fitted, mut is_asked) = (Vec::new(), 0, false);
    let missing = |keys: &[After]| limit - i64::try_from(keys.len()).unwrap_or(limit);
    // Without another way to what is asked for, the windows go on to the end.
    loop {
        let next = if few.is_some() { windows.next(fitted) } else { Some(windows.again()) };
        let Some(window) = next else { break };
        let statement = bind(sql(with_length(window_text, window)), visible, filter, begin.as_ref());
        let fitting = statement.bind(missing(&keys)).load::<Found>(conn)?;
        fitted = fitting.len();
        keys.extend(fitting.into_iter().map(Found::key));
        if missing(&keys) <= 0 {
            return Ok(keys);
        }
        let statement = bind(sql(with_length(end_text, window)), visible, filter, begin.as_ref());
        let Some(end) = statement.load::<Found>(conn)?.pop() else { return Ok(keys) };
        begin = Some(end.key());
        if let Some(search) = search
            && !is_asked
            && !windows.was_often(fitted)
        {
            is_asked = true;
            few = Few::found(conn, visible, filter, search)?;
            if few.is_some() {
                break;
            }
        }
    }
    if let Some(few) = few {
        let statement = bind(sql(few.text()), visible, filter, begin.as_ref()).bind(missing(&keys));
        let named = if let Few::Named(ids) = few { Some(ids) } else { None };
        keys.extend(statement.bind(named).load::<Found>(conn)?.into_iter().map(Found::key));
    }
    Ok(keys)
}

/// What of a filter, or of a scope, few contacts have if the windows do not fill a page.
#[derive(Debug)]
enum Few {
    /// The name or the number: these.
    Named(Vec<Uuid>),
    /// The labels.
    Labelled,
    /// An identity on the reader's channels.
    OnChannels,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Few {
    /// Where nothing is searched for.
    fn unasked(visible: &Visible, filter: &Filter) -> Option<Self> {
        if !filter.labels.is_empty() {
            return Some(Self::Labelled);
        }
        is_limited(visible).then_some(Self::OnChannels)
    }

    /// What few have indeed where a name or a number is searched for.
    fn found(
        conn: &mut PgConnection,
        visible: &Visible,
        filter: &Filter,
        search: &ContactSearch,
    ) -> Result<Option<Self>, StoreError> {
        let named = Customers::of(Some(&search.0)).find_by_name(conn, visible.workspace_id)?;
        if let Some(named) = named {
            return Ok(Some(Self::Named(named)));
        }
        if filter.labels.is_empty() {
            return Ok(None);
        }
        let labelled = sql(format!(
            "SELECT count(*) FROM unnest((SELECT $2::uuid[])) AS one (id)
             CROSS JOIN LATERAL (SELECT k.conversation_id FROM conversation_labels k
                 WHERE k.workspace_id = (SELECT $1::uuid) AND k.label_id = one.id
                 ORDER BY k.conversation_id LIMIT {FEW} + 1) few"
        ));
        let labelled = labelled.bind(visible.workspace_id).bind(filter.labels.clone());
        let count = labelled.get_result::<CountRow>(conn)?.count;
        Ok(usize::try_from(count).is_ok_and(|count| count <= FEW).then_some(Self::Labelled))
    }

    fn text(&self) -> &'static str {
        match self {
            Self::Named(_) => NAMED,
            Self::Labelled => LABELLED,
            Self::OnChannels => ON_CHANNELS,
        }
    }
}

fn is_limited(visible: &Visible) -> bool {
    visible.conversations.restricted_to.is_some() || visible.conversations.only_channels.is_some()
}

/// Gives `$1` to `$12` their values.
fn bind(statement: Sql, visible: &Visible, filter: &Filter, begin: Option<&After>) -> Sql {
    let scope = &visible.conversations;
    let allocated = scope.restricted_to.as_ref().map(|allocation| allocation.channels.clone());
    let near = narrowed(narrowed(None, scope.only_channels.as_deref()), allocated.as_deref());
    let near: Vec<ChannelId> = near.into_iter().flatten().collect();
    let search = filter.search.as_ref().map(|search| &search.0);
    statement
        .bind(visible.workspace_id)
        .bind(begin.map(|(name, _)| name.clone()))
        .bind(begin.map(|(_, id)| *id))
        .bind(search.map(|search| containing(&search.name)))
        .bind(search.and_then(|search| search.number.as_deref()).map(containing))
        .bind(filter.labels.clone())
        .bind(filter.blocked)
        .bind(is_limited(visible))
        .bind(scope.only_channels.clone())
        .bind(allocated)
        .bind(scope.own)
        .bind(near)
}

/// Does the contact `p` fit the filter, and does the reader see it: `Visible::sees_contact`, as a condition. What is
/// looked up is looked up for each: PostgreSQL would rather read all identities at once. But for the blocked, what is named of
/// the contact itself is in the index of the list.
macro_rules! fits {
    () => {
        "(($4::text IS NULL OR p.search_name LIKE $4 OR p.phone LIKE $5::text)
          AND ($7::boolean IS NULL OR (SELECT b.blocked_at IS NOT NULL FROM contacts b
               WHERE b.workspace_id = (SELECT $1::uuid) AND b.id = p.id) = $7)
          AND (cardinality($6::uuid[]) = 0 OR coalesce((
               SELECT true FROM conversations c
               JOIN conversation_labels l ON l.workspace_id = c.workspace_id AND l.conversation_id = c.id
               WHERE c.workspace_id = (SELECT $1::uuid) AND c.contact_id = p.id AND l.label_id = ANY ($6) LIMIT 1), false))
          AND (NOT $8::boolean OR coalesce((
               SELECT true FROM contact_identities i
               LEFT JOIN conversations c ON c.workspace_id = i.workspace_id AND c.identity_id = i.id
               WHERE i.workspace_id = (SELECT $1::uuid) AND i.contact_id = p.id
                 AND ($9::uuid[] IS NULL OR i.channel_id = ANY ($9))
                 AND ($10::uuid[] IS NULL OR i.channel_id = ANY ($10) OR c.assignee_id = $11::uuid) LIMIT 1),
               $9 IS NULL AND (SELECT true FROM contact_identities i
                   WHERE i.workspace_id = (SELECT $1::uuid) AND i.contact_id = p.id LIMIT 1) IS NULL)))"
    };
}

macro_rules! after {
    () => {
        "p.workspace_id = (SELECT $1::uuid)
         AND (left(p.search_name, 100) COLLATE \"C\", p.id) > ((SELECT coalesce($2::text, '')) COLLATE \"C\",
             (SELECT coalesce($3::uuid, '00000000-0000-0000-0000-000000000000')))"
    };
}

/// The next `{length}` contacts in the order of the list, by its index alone.
macro_rules! next {
    ($condition:literal) => {
        concat!(
            "SELECT left(p.search_name, 100) COLLATE \"C\" AS name, p.id, p.search_name, p.phone FROM contacts p WHERE ",
            after!(),
            $condition,
            " ORDER BY left(p.search_name, 100) COLLATE \"C\", p.id LIMIT {length}"
        )
    };
}

/// Of those the ones that fit, at most `$13`: no more are looked at then.
macro_rules! window {
    ($condition:literal) => {
        concat!(
            "SELECT p.name, p.id FROM (",
            next!($condition),
            ") p WHERE ",
            fits!(),
            " ORDER BY p.name, p.id LIMIT (SELECT $13::bigint)"
        )
    };
}

/// Of those the last, if there are as many.
macro_rules! end {
    ($condition:literal) => {
        concat!("SELECT p.name, p.id FROM (", next!($condition), ") p OFFSET {length} - 1")
    };
}

const ALL: (&str, &str) = (window!(""), end!(""));
const BLOCKED: (&str, &str) =
    (window!(" AND p.blocked_at IS NOT NULL"), end!(" AND p.blocked_at IS NOT NULL"));

/// The contacts that fit, of those whom `$few` names.
macro_rules! of_few {
    ($few:literal) => {
        concat!(
            "SELECT left(p.search_name, 100) AS name, p.id FROM (SELECT DISTINCT few.id FROM (",
            $few,
            ") few OFFSET 0) few CROSS JOIN LATERAL (
                 SELECT p.* FROM contacts p WHERE p.workspace_id = (SELECT $1::uuid) AND p.id = few.id OFFSET 0) p
             WHERE ",
            fits!(),
            " AND ",
            after!(),
            " ORDER BY left(p.search_name, 100) COLLATE \"C\", p.id LIMIT (SELECT $13::bigint)"
        )
    };
}

const NAMED: &str = of_few!("SELECT unnest((SELECT $14::uuid[])) AS id");

/// Each is looked up: PostgreSQL would rather read all conversations at once.
const LABELLED: &str = of_few!(
    "SELECT c.contact_id AS id FROM unnest((SELECT $6::uuid[])) AS one (id)
     CROSS JOIN LATERAL (SELECT l.conversation_id FROM conversation_labels l
         WHERE l.workspace_id = (SELECT $1::uuid) AND l.label_id = one.id OFFSET 0) l
     CROSS JOIN LATERAL (SELECT c.contact_id FROM conversations c
         WHERE c.workspace_id = (SELECT $1::uuid) AND c.id = l.conversation_id OFFSET 0) c"
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
