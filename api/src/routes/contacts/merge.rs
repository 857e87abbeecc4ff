use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, MergeContacts};
use domain::id::ContactId;
use domain::resource::MergedContact;
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

/// Which contact is to become part of this one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactToMerge {
    /// The other contact: it is gone afterwards.
    pub contact_id: ContactId,
}

/// Merge another contact into this one
///
/// Identities, conversations with their tickets, and notes of the other one come to this one, which keeps what it knows and takes
/// over what it did not know. The other one's id is unknown from then on (`contact.deleted`). Neither may be blocked
/// (409 `contact_blocked`). `POST …/unmerge` undoes it.
#[utoipa::path(tag = "contacts", request_body = ContactToMerge,
    params(("contact_id" = ContactId, Path, description = "The contact that stays"), WriteHeaders),
    extensions(("x-action" = json!(Action::MergeContacts))),
    responses((status = 200, description = "They are one", body = MergedContact), Writing))]
#[post("/v1/contacts/{contact_id}/merge")]
pub async fn merge_contact(
    app: web::Data<App>,
    caller: Auth<MergeContacts>,
    id: web::Path<ContactId>,
    request: HttpRequest,
    repeat: Repeat,
    body: Body<ContactToMerge>,
) -> Result<HttpResponse, Problem> {
    let which = Which { id: id.into_inner(), expected_version: reply::expected_version(&request)? };
    let other = body.value.contact_id;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::OK, move |tx| contacts::merge(tx, &caller, which, other))
        .await
}
