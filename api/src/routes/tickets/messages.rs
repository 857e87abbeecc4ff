use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTicket};
use domain::id::{MessageId, TicketId};
use domain::refusal::Code;
use domain::resource::Message;
use persistence::{messages, tickets};

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page, PageQuery};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::read::readable_ticket;
use crate::state::App;

/// Read a ticket's transcript
///
/// Every message of the session, oldest first, what came before the assignment included.
#[utoipa::path(tag = "tickets",
    params(("ticket_id" = TicketId, Path, description = "The ticket"), PageQuery),
    extensions(("x-action" = json!(Action::ReadTicket))),
    responses((status = 200, description = "A page of messages", body = Page<Message>), Reading))]
#[get("/v1/tickets/{ticket_id}/messages")]
pub async fn list_ticket_messages(
    app: web::Data<App>,
    caller: Auth<ReadTicket>,
    id: web::Path<TicketId>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (id, caller) = (id.into_inner(), caller.into_caller());
    let workspace = caller.actor().workspace_id;
    let limit = page::limit(query.0.limit)?;
    let list = List::new(&app.keys, workspace, "ticket messages", &id);
    let after: Option<MessageId> = list.after(query.0.cursor.as_deref())?;
    let read = app
        .read(workspace, move |conn| {
            let shape = readable_ticket(conn, &caller, id)?;
            let session = tickets::get(conn, workspace, id)?.ok_or(Code::NotFound)?.session.id;
            let rows =
                messages::of_session(conn, workspace, shape.conversation_id, session, after, limit + 1)?;
            Ok(list.page(rows, limit, |message| message.id))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
