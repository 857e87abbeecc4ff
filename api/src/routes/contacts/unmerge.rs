use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, MergeContacts};
use domain::id::{ContactId, ContactMergeId};
use domain::resource::UnmergedContact;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::contacts::{self, Which};
use crate::state::App;

/// Which merge is to be undone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeToUndo {
    /// One of `GET …/merges`.
    pub merge_id: ContactMergeId,
}

/// Part what was merged
///
/// The other contact is there again as it was, with its id, its identities, their conversations and tickets, and its notes, as far as
/// they are still with this contact. What this contact had taken over is taken from it, unless it was changed since; what
/// was written down later stays with it. Not while this contact is blocked (409 `contact_blocked`).
#[utoipa::path(tag = "contacts", request_body = MergeToUndo,
    params(("contact_id" = ContactId, Path, description = "The contact that stayed"), WriteHeaders),
    extensions(("x-action" = json!(Action::MergeContacts))),
    responses((status = 200, description = "They are two again", body = UnmergedContact), Writing))]
#[post("/v1/contacts/{contact_id}/unmerge")]
pub async fn unmerge_contact(
    app: web::Data<App>,
    caller: Auth<MergeContacts>,
    id: web::Path<ContactId>,
    request: HttpRequest,
    repeat: Repeat,
    body: Body<MergeToUndo>,
) -> Result<HttpResponse, Problem> {
    let which = Which { id: id.into_inner(), expected_version: reply::expected_version(&request)? };
    let merge = body.value.merge_id;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::OK, move |tx| contacts::unmerge(tx, &caller, which, merge))
        .await
}
