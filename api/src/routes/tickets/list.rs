use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTicket, Visible};
use domain::resource::Ticket;
use persistence::tickets;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page, PageQuery};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// List tickets
///
/// By opening, newest first: an admin's are all, a supervisor's its own and its agents', an agent's its
/// own.
#[utoipa::path(tag = "tickets", params(PageQuery), extensions(("x-action" = json!(Action::ReadTicket))),
    responses((status = 200, description = "A page of tickets", body = Page<Ticket>), Reading))]
#[get("/v1/tickets")]
pub async fn list_tickets(
    app: web::Data<App>,
    caller: Auth<ReadTicket>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let visible = Visible::to(caller.actor());
    let limit = page::limit(query.0.limit)?;
    let list = List::new(&app.keys, visible.workspace_id, "tickets", &());
    let after = list.after(query.0.cursor.as_deref())?;
    let read = app
        .read(visible.workspace_id, move |conn| {
            let rows = tickets::list(conn, &visible, after, limit + 1)?;
            Ok(list.page(rows, limit, |ticket| (ticket.opened_at, ticket.id)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
