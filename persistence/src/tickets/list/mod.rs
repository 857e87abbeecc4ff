//! Lists of tickets: the newest of a few runs, as with conversations.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::access::Visible;
use domain::id::{AgentId, ChannelId, TicketId};
use domain::resource;
use domain::ticket::TicketStatus;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::contacts::NameSearch;
use crate::error::StoreError;
use crate::lists::{Length, cut};
use crate::sql::{Sql, sql};

use super::{ShapeRow, with_holders};

mod runs;
mod search;

use runs::Runs;

/// Which tickets a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those that stand like one of these; empty: like any.
    pub statuses: Vec<TicketStatus>,
    /// Only those opened then or later.
    pub opened_from: Option<Timestamp>,
    /// Only those opened before then.
    pub opened_to: Option<Timestamp>,
    /// Only those of one of these; empty: of any.
    pub agents: Vec<AgentId>,
    /// Only those on one of these; empty: on any.
    pub channels: Vec<ChannelId>,
    /// Only those whose customer's name fits.
    pub name: Option<NameSearch>,
}

impl Filter {
    /// Each status that is asked for, once.
    fn statuses(&self) -> Vec<TicketStatus> {
        let asked_for = |status: &TicketStatus| self.statuses.is_empty() || self.statuses.contains(status);
        TicketStatus::ALL.iter().copied().filter(asked_for).collect()
    }

    /// Where the list begins that is to go on after `after`: nothing that was opened at its end, or later, is in it.
    fn begin(&self, after: Option<After>) -> Option<After> {
        let end = self.opened_to.map(|to| (to, TicketId(Uuid::nil())));
        after.into_iter().chain(end).min()
    }
}

/// Where a page of [`list`] begins: after this opening and id.
pub type After = (Timestamp, TicketId);

/// Tickets by opening, newest first, at most `limit`. With a name to search for: call it in one snapshot
/// ([`crate::db::in_one_snapshot`]), as it takes several looks.
///
/// # Errors
/// As [`super::get`]; a fault of ours for a limit above [`crate::lists::LONGEST_EXPORT`].
pub fn list(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: &Filter,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<resource::Ticket>, StoreError> {
    let runs = Runs::of(&visible.tickets, filter);
    if runs.len() == 0 {
        return Ok(Vec::new());
    }
    let begin = filter.begin(after);
    if let Some(name) = &filter.name {
        return search::list(conn, visible, filter, (&runs, name), begin, limit);
    }
    let (columns, joins, page) = (super::COLUMNS, super::JOINS, runs::text(&runs, runs::PLACE));
    let text = format!(
        "{columns} FROM ({page}) page JOIN tickets t ON t.ctid = page.place {joins} ORDER BY t.opened_at DESC, t.id DESC"
    );
    let statement = sql(Length::of(limit)?.put_into(&text));
    let mut rows = bind(statement, visible, filter, begin, &runs).load::<ShapeRow>(conn)?;
    cut(&mut rows, limit);
    with_holders(conn, visible.workspace_id, rows)
}

/// Gives `$1` to `$12` their values.
fn bind(statement: Sql, visible: &Visible, filter: &Filter, begin: Option<After>, runs: &Runs) -> Sql {
    let statement = statement
        .bind(visible.workspace_id)
        .bind(begin.map(|(at, _)| at))
        .bind(begin.map(|(_, id)| id))
        .bind(filter.opened_from);
    runs.bind_to(statement)
}
