use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTicket};
use domain::id::TicketId;
use domain::resource::Ticket;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::read::readable_ticket;
use crate::state::App;

/// Read a ticket
///
/// Who may see it is said at the list; its part of the thread is under `…/messages`.
#[utoipa::path(tag = "tickets", params(("ticket_id" = TicketId, Path, description = "The ticket")),
    extensions(("x-action" = json!(Action::ReadTicket))),
    responses((status = 200, description = "The ticket", body = Ticket), Reading))]
#[get("/v1/tickets/{ticket_id}")]
pub async fn get_ticket(
    app: web::Data<App>,
    caller: Auth<ReadTicket>,
    id: web::Path<TicketId>,
) -> Result<HttpResponse, Problem> {
    let (id, caller) = (id.into_inner(), caller.into_caller());
    let workspace = caller.actor().workspace_id;
    let read = app.read(workspace, move |conn| readable_ticket(conn, &caller, id)).await?;
    Ok(reply::read_versioned(&app, &read))
}
