//! What lists and exports of tickets are narrowed by.

use diesel::PgConnection;
use domain::access::Visible;
use domain::id::{AgentId, ChannelId};
use domain::refusal::Refusal;
use domain::resource::Ticket;
use domain::search::CustomerSearch;
use domain::ticket::TicketStatus;
use domain::time::Timestamp;
use persistence::contacts::NameSearch;
use persistence::db::in_one_snapshot;
use persistence::error::Failure;
use persistence::tickets::{self, After, Filter};

use crate::http::query::any_of;

/// The parameters that narrow, as they came.
pub(super) struct TicketFilter {
    pub(super) statuses: Vec<TicketStatus>,
    pub(super) opened_from: Option<Timestamp>,
    pub(super) opened_to: Option<Timestamp>,
    pub(super) agents: Vec<AgentId>,
    pub(super) channels: Vec<ChannelId>,
    pub(super) q: Option<String>,
}

impl TicketFilter {
    /// # Errors
    /// `validation_failed`.
    pub(super) fn into_filter(self) -> Result<Filter, Refusal> {
        if self.opened_from.zip(self.opened_to).is_some_and(|(from, to)| to < from) {
            return Err(Refusal::invalid("?opened_to", "range", "must not be before `opened_from`"));
        }
        Ok(Filter {
            statuses: self.statuses,
            opened_from: self.opened_from,
            opened_to: self.opened_to,
            agents: any_of("?agent_id", self.agents)?,
            channels: any_of("?channel_id", self.channels)?,
            name: self
                .q
                .as_deref()
                .map(|words| CustomerSearch::of("?q", words))
                .transpose()?
                .map(NameSearch::from),
        })
    }
}

/// Some of the tickets.
///
/// # Errors
/// Only those of the database.
pub(super) fn read_tickets(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: &Filter,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Ticket>, Failure> {
    if filter.name.is_none() {
        return Ok(tickets::list(conn, visible, filter, after, limit)?);
    }
    in_one_snapshot(conn, |conn| Ok(tickets::list(conn, visible, filter, after, limit)?))
}
