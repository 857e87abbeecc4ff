use actix_web::{HttpRequest, HttpResponse, patch, web};
use domain::access::{Action, WriteNote};
use domain::id::{ContactId, NoteId};
use domain::input;
use domain::resource::Note;

use super::create::NoteText;
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::notes;
use crate::state::App;

/// Change a note
///
/// Its author may, and admins: 403 `forbidden` for others.
#[utoipa::path(tag = "contacts", request_body = NoteText,
    params(("contact_id" = ContactId, Path, description = "The contact"),
        ("note_id" = NoteId, Path, description = "The note"), VersionHeader),
    extensions(("x-action" = json!(Action::WriteNote))),
    responses((status = 200, description = "Changed", body = Note), Writing))]
#[patch("/v1/contacts/{contact_id}/notes/{note_id}")]
pub async fn update_note(
    app: web::Data<App>,
    caller: Auth<WriteNote>,
    path: web::Path<(ContactId, NoteId)>,
    request: HttpRequest,
    body: Body<NoteText>,
) -> Result<HttpResponse, Problem> {
    let (which, expected) = (path.into_inner(), reply::expected_version(&request)?);
    let text = input::note("/text", &body.value.text)?;
    let caller = caller.into_caller();
    let note = app.write(move |tx| notes::update(tx, &caller, which, expected, &text)).await?;
    Ok(reply::versioned(&note))
}
