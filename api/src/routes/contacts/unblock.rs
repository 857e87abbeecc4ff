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

/// Unblock a contact
///
/// Its next message begins a session. What it wrote meanwhile is in its conversations. Unblocking again changes nothing.
#[utoipa::path(tag = "contacts",
    params(("contact_id" = ContactId, Path, description = "The contact"), WriteHeaders),
    extensions(("x-action" = json!(Action::BlockContact))),
    responses((status = 200, description = "It is not blocked", body = Contact), Writing))]
#[post("/v1/contacts/{contact_id}/unblock")]
pub async fn unblock_contact(
    app: web::Data<App>,
    caller: Auth<BlockContact>,
    id: web::Path<ContactId>,
    request: HttpRequest,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    let which = Which { id: id.into_inner(), expected_version: reply::expected_version(&request)? };
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat.write(&app, &actor, StatusCode::OK, move |tx| contacts::unblock(tx, &caller, which)).await
}
