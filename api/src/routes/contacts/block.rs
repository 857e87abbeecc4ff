use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, BlockContact};
use domain::id::ContactId;
use domain::resource::Contact;

use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::contacts::{self, Which};
use crate::state::App;

/// Block a contact
///
/// Its conversations are resolved, whoever holds them. What it writes from then on is kept in them, and that is all: nothing begins
/// a session, counts as unread, moves a list, is routed or notified; nothing can be sent to it (409 `contact_blocked`). WhatsApp
/// is asked to block it as well, which works within 24 hours of its last message. Blocking again changes nothing.
#[utoipa::path(tag = "contacts",
    params(("contact_id" = ContactId, Path, description = "The contact"), WriteHeaders),
    extensions(("x-action" = json!(Action::BlockContact))),
    responses((status = 200, description = "It is blocked", body = Contact), Writing))]
#[post("/v1/contacts/{contact_id}/block")]
pub async fn block_contact(
    app: web::Data<App>,
    caller: Auth<BlockContact>,
    id: web::Path<ContactId>,
    request: HttpRequest,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    let which = Which { id: id.into_inner(), expected_version: reply::expected_version(&request)? };
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat.write(&app, &actor, StatusCode::OK, move |tx| contacts::block(tx, &caller, which)).await
}
