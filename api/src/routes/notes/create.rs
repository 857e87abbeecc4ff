use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, WriteNote};
use domain::id::ContactId;
use domain::input;
use domain::resource::Note;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::notes;
use crate::state::App;

/// What is to be noted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteText {
    /// 1 to 5,000 characters, without the white space around them.
    #[schema(example = "Minta dihubungi setelah jam makan siang.", max_length = 5000, format = "words")]
    pub text: String,
}

/// Note something on a contact
///
/// The team sees it; the customer never does.
#[utoipa::path(tag = "contacts", request_body = NoteText,
    params(("contact_id" = ContactId, Path, description = "The contact"), RepeatHeader),
    extensions(("x-action" = json!(Action::WriteNote))),
    responses((status = 201, description = "Noted", body = Note), Writing))]
#[post("/v1/contacts/{contact_id}/notes")]
pub async fn create_note(
    app: web::Data<App>,
    caller: Auth<WriteNote>,
    contact: web::Path<ContactId>,
    repeat: Repeat,
    body: Body<NoteText>,
) -> Result<HttpResponse, Problem> {
    let (contact, text) = (contact.into_inner(), input::note("/text", &body.value.text)?);
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::CREATED, move |tx| notes::create(tx, &caller, contact, &text))
        .await
}
