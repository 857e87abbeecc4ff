use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTicket, Visible};
use domain::id::{AgentId, ChannelId};
use domain::refusal::Refusal;
use domain::resource::Ticket;
use domain::ticket::TicketStatus;
use domain::time::Timestamp;
use persistence::tickets::Filter;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::filter::{TicketFilter, read_tickets};
use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Which tickets.
#[derive(Debug, Clone, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TicketQuery {
    /// Only those that stand like this; repeat it for "any of".
    #[serde(default)]
    status: Vec<TicketStatus>,
    /// Only those opened at this time or later.
    opened_from: Option<Timestamp>,
    /// Only those opened before this time.
    opened_to: Option<Timestamp>,
    /// Only those that this member holds, or held last; repeat it for "any of", at most 50.
    #[serde(default)]
    #[param(max_items = 50)]
    agent_id: Vec<AgentId>,
    /// Only those on this channel; repeat it for "any of", at most 50.
    #[serde(default)]
    #[param(max_items = 50)]
    channel_id: Vec<ChannelId>,
    /// Only those of customers with these words in their name, whatever their case and accents; 1 to 100 characters.
    #[param(max_length = 100, format = "line")]
    q: Option<String>,
    /// The most items of the page.
    #[serde(skip_serializing_if = "page::is_no_filter")]
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "page::is_no_filter")]
    cursor: Option<String>,
}

impl TicketQuery {
    fn into_filter(self) -> Result<Filter, Refusal> {
        let narrowed = TicketFilter {
            statuses: self.status,
            opened_from: self.opened_from,
            opened_to: self.opened_to,
            agents: self.agent_id,
            channels: self.channel_id,
            q: self.q,
        };
        narrowed.into_filter()
    }
}

/// List tickets
///
/// By opening, newest first: an admin's are all, a supervisor's its own and its agents', an agent's its
/// own. All filters combine; what they ask for outside of that is not there.
#[utoipa::path(tag = "tickets", params(TicketQuery), extensions(("x-action" = json!(Action::ReadTicket))),
    responses((status = 200, description = "A page of tickets", body = Page<Ticket>), Reading))]
#[get("/v1/tickets")]
pub async fn list_tickets(
    app: web::Data<App>,
    caller: Auth<ReadTicket>,
    query: Query<TicketQuery>,
) -> Result<HttpResponse, Problem> {
    let visible = Visible::to(caller.actor());
    let limit = page::limit(query.0.limit)?;
    let list = List::new(&app.keys, visible.workspace_id, "tickets", &query.0);
    let after = list.after(query.0.cursor.as_deref())?;
    let filter = query.0.into_filter()?;
    let read = app
        .read(visible.workspace_id, move |conn| {
            let rows = read_tickets(conn, &visible, &filter, after, limit + 1)?;
            Ok(list.page(rows, limit, |ticket| (ticket.opened_at, ticket.id)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
