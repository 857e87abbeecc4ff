use std::sync::Arc;

use actix_web::{HttpResponse, get, web};
use domain::access::{Action, Caller, ReadTicket, Visible};
use domain::actor::Actor;
use domain::id::{AgentId, ChannelId};
use domain::refusal::{Code, Refusal};
use domain::resource::Ticket;
use domain::ticket::TicketStatus;
use domain::time::Timestamp;
use persistence::lists::LONGEST_EXPORT;
use persistence::tickets::{After, Filter};
use serde::Deserialize;
use utoipa::IntoParams;

use super::filter::{TicketFilter, read_tickets};
use crate::auth::credentials::look_up;
use crate::auth::extract::Auth;
use crate::http::csv::{Piece, download};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::responses::Reading;
use crate::state::App;

/// Which tickets.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TicketExportQuery {
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
}

impl TicketExportQuery {
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

const COLUMNS: [&str; 15] = [
    "id",
    "status",
    "customer",
    "customer_phone",
    "agent",
    "channel",
    "channel_kind",
    "session_started_at",
    "opened_at",
    "answered_at",
    "closed_at",
    "conversation_id",
    "contact_id",
    "agent_id",
    "channel_id",
];

fn row(ticket: Ticket) -> Vec<String> {
    let time = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.to_string());
    vec![
        ticket.id.to_string(),
        ticket.status.to_string(),
        ticket.contact.name,
        ticket.contact.phone.unwrap_or_default(),
        ticket.agent.name,
        ticket.channel.name,
        ticket.channel.kind.to_string(),
        time(Some(ticket.session_started_at)),
        time(Some(ticket.opened_at)),
        time(ticket.answered_at),
        time(ticket.closed_at),
        ticket.conversation_id.to_string(),
        ticket.contact.id.to_string(),
        ticket.agent.id.to_string(),
        ticket.channel.id.to_string(),
    ]
}

/// Export tickets as CSV
///
/// The tickets of the list with the same filters, all of them, newest first, as they are when their turn comes. A header and
/// a row for each, in UTF-8, by RFC 4180: `id`, `status`, `customer`, `customer_phone`, `agent`, `channel`, `channel_kind`,
/// `session_started_at`, `opened_at`, `answered_at`, `closed_at`, `conversation_id`, `contact_id`, `agent_id`, `channel_id`.
/// Times are RFC 3339 in UTC; what is not there is empty. A cell that a program for tables would take for a formula
/// (it begins with `=`, `+`, `-`, `@`, a tab or a carriage return) has a `'` in front.
///
/// What is read is sent at once. If reading fails on the way, or the caller may not read tickets any more, the connection is
/// cut: only an answer that ends properly is complete.
#[utoipa::path(tag = "tickets", params(TicketExportQuery), extensions(("x-action" = json!(Action::ReadTicket))),
    responses((status = 200, description = "The tickets", body = String, content_type = "text/csv"), Reading))]
#[get("/v1/tickets/export")]
pub async fn export_tickets(
    app: web::Data<App>,
    caller: Auth<ReadTicket>,
    query: Query<TicketExportQuery>,
) -> Result<HttpResponse, Problem> {
    let filter = Arc::new(query.0.into_filter()?);
    let actor = caller.actor().clone();
    let first = read(&app, &actor, &filter, None).await?;
    let day = app.clock.now().to_string();
    let filename = format!("tickets-{}.csv", day.split('T').next().unwrap_or_default());
    let next = move |after| {
        let (app, actor, filter) = (app.clone(), actor.clone(), filter.clone());
        async move { read(&app, &still(&app, &actor).await?, &filter, Some(after)).await }
    };
    Ok(download(&filename, &COLUMNS, first, next))
}

/// The caller as it is by now: an export may take longer than a right lasts.
async fn still(app: &App, actor: &Actor) -> Result<Actor, Problem> {
    let asked = vec![(actor.workspace_id, actor.credential())];
    let known = look_up(app, asked).await?.into_iter().next().ok_or(Code::InvalidToken)?;
    let caller = Caller::<ReadTicket>::new((*known.actor).clone())?;
    Ok(caller.actor().clone())
}

async fn read(
    app: &App,
    actor: &Actor,
    filter: &Arc<Filter>,
    after: Option<After>,
) -> Result<Piece<After>, Problem> {
    let (visible, filter) = (Visible::to(actor), filter.clone());
    let read = app.db.read(move |conn| {
        let tickets = read_tickets(conn, &visible, &filter, after, LONGEST_EXPORT)?;
        let full = i64::try_from(tickets.len()).is_ok_and(|read| read == LONGEST_EXPORT);
        let next = tickets.last().filter(|_| full).map(|last| (last.opened_at, last.id));
        Ok(Piece { rows: tickets.into_iter().map(row).collect(), next })
    });
    Ok(read.await?)
}
