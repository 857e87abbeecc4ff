//! Lists of tickets by the customer's name.
//!
//! A name that many customers have fills a page from the newest tickets; a name that few have is found by the index of
//! names. So the newest are looked at first, in windows that grow as long as the name is not one of few, and what is missing
//! then is found by the name.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::access::{Seen, Visible};
use domain::id::TicketId;
use domain::resource;
use domain::search::containing;
use domain::ticket::TicketStatus;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::contacts::NameSearch;
use crate::error::StoreError;
use crate::lists::{Windows, narrowed, with_length};
use crate::search::{self, Customers};
use crate::sql::sql;

use super::runs::{self, Runs};
use super::{After, Filter, bind};

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Timestamptz)]
    opened_at: DateTime<Utc>,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    fits: bool,
}

impl Found {
    fn key(&self) -> After {
        (Timestamp::new(self.opened_at), self.id.into())
    }
}

/// A page of [`super::list`] with a name.
pub(super) fn list(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: &Filter,
    (runs, name): (&Runs, &NameSearch),
    begin: Option<After>,
    limit: i64,
) -> Result<Vec<resource::Ticket>, StoreError> {
    let keys = keys(conn, visible, filter, (runs, name), begin, limit)?;
    let ids: Vec<TicketId> = keys.into_iter().map(|(_, id)| id).collect();
    let mut tickets = super::super::shapes(conn, visible.workspace_id, ids)?;
    tickets.sort_unstable_by_key(|ticket| std::cmp::Reverse((ticket.opened_at, ticket.id)));
    Ok(tickets)
}

fn keys(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: &Filter,
    (runs, name): (&Runs, &NameSearch),
    mut begin: Option<After>,
    limit: i64,
) -> Result<Vec<After>, StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(0);
    let mut keys = Vec::new();
    let (mut windows, mut fitted) = (Windows::of(runs.len()), 0);
    let mut customers = Customers::of(Some(&name.0));
    let mut is_asked = false;
    while let Some(window) = windows.next(fitted) {
        let statement = sql(with_length(&window_text(runs), window));
        let pattern = containing(&name.0.name);
        let seen = bind(statement, visible, filter, begin, runs).bind(pattern).load::<Found>(conn)?;
        let before = keys.len();
        keys.extend(seen.iter().filter(|found| found.fits).map(Found::key));
        fitted = keys.len() - before;
        let is_end = seen.len() < usize::try_from(window).unwrap_or(0);
        if is_end || keys.len() >= wanted {
            keys.truncate(wanted);
            return Ok(keys);
        }
        begin = seen.last().map(Found::key);
        if !is_asked && !windows.was_often(fitted) {
            is_asked = true;
            if customers.find(conn, visible.workspace_id)? < search::FEW {
                break;
            }
        }
    }
    let left = limit - i64::try_from(keys.len()).unwrap_or(limit);
    keys.extend(by_name(conn, visible, filter, &customers, begin, left)?);
    Ok(keys)
}

/// The newest tickets of these runs, and whether the name fits each, by the indexes alone.
fn window_text(runs: &Runs) -> String {
    let newest = runs::text(runs, "t.search_name");
    format!(
        "SELECT t.opened_at, t.id, t.search_name LIKE (SELECT $13::text) AS fits
         FROM ({newest}) t ORDER BY t.opened_at DESC, t.id DESC"
    )
}

/// The tickets of the customers whose name fits, in the scope: `Scope::contains`, as a condition.
fn by_name(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: &Filter,
    customers: &Customers<'_>,
    begin: Option<After>,
    limit: i64,
) -> Result<Vec<After>, StoreError> {
    let scope = &visible.tickets;
    let asked = Some(filter.channels.as_slice()).filter(|channels| !channels.is_empty());
    let channels = narrowed(narrowed(None, asked), scope.only_channels.as_deref());
    let others = match &scope.others {
        Seen::Everything => None,
        Seen::HeldBy { agents, .. } => Some(agents.clone()),
    };
    let statement = sql(format!(
        "SELECT t.opened_at, t.id, true AS fits FROM (SELECT DISTINCT contact_id FROM ({}) found OFFSET 0) named
         CROSS JOIN LATERAL (
             SELECT t.* FROM conversations c
             JOIN tickets t ON t.workspace_id = c.workspace_id AND t.conversation_id = c.id
             WHERE c.workspace_id = (SELECT $1::uuid) AND c.contact_id = named.contact_id OFFSET 0) t
         WHERE t.status = ANY ($11) AND (cardinality($12::uuid[]) = 0 OR t.agent_id = ANY ($12))
           AND ($13::uuid[] IS NULL OR t.channel_id = ANY ($13))
           AND (t.agent_id = $14 OR (($15::uuid[] IS NULL OR t.agent_id = ANY ($15))
                                AND ($16::uuid[] IS NULL OR t.channel_id = ANY ($16))))
           AND (t.opened_at, t.id) < (coalesce($17::timestamptz, 'infinity'),
                                      coalesce($18::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
           AND t.opened_at >= coalesce($19::timestamptz, '-infinity')
         ORDER BY t.opened_at DESC, t.id DESC LIMIT $20",
        search::found("$1", 2)
    ))
    .bind(visible.workspace_id);
    let rows = customers
        .bind(statement)
        .bind(filter.statuses().into_iter().map(TicketStatus::as_str).collect::<Vec<_>>())
        .bind(filter.agents.clone())
        .bind(channels.map(|channels| channels.into_iter().collect::<Vec<_>>()))
        .bind(scope.own)
        .bind(others)
        .bind(scope.restricted_to.as_ref().map(|allocation| allocation.channels.clone()))
        .bind(begin.map(|(at, _)| at))
        .bind(begin.map(|(_, id)| id))
        .bind(filter.opened_from)
        .bind(limit)
        .load::<Found>(conn)?;
    Ok(rows.iter().map(Found::key).collect())
}
