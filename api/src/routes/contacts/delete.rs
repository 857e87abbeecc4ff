use actix_web::{HttpRequest, HttpResponse, delete, web};
use domain::access::{Action, DeleteContact};
use domain::id::ContactId;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::contacts::{self, Which};
use crate::state::App;

/// Delete a contact
///
/// Only one that has never written: what customers wrote belongs to their conversations, and stays. Any other is refused with
/// 409 `contact_has_conversations`; it can be blocked, or merged into another.
#[utoipa::path(tag = "contacts",
    params(("contact_id" = ContactId, Path, description = "The contact"), VersionHeader),
    extensions(("x-action" = json!(Action::DeleteContact))),
    responses((status = 204, description = "Deleted"), Writing))]
#[delete("/v1/contacts/{contact_id}")]
pub async fn delete_contact(
    app: web::Data<App>,
    caller: Auth<DeleteContact>,
    id: web::Path<ContactId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let which = Which { id: id.into_inner(), expected_version: reply::expected_version(&request)? };
    let caller = caller.into_caller();
    app.write(move |tx| contacts::delete(tx, &caller, which)).await?;
    Ok(HttpResponse::NoContent().finish())
}
