use actix_web::{HttpRequest, HttpResponse, delete, web};
use domain::access::{Action, WriteNote};
use domain::id::{ContactId, NoteId};

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::notes;
use crate::state::App;

/// Delete a note
///
/// Its author may, and admins: 403 `forbidden` for others.
#[utoipa::path(tag = "contacts",
    params(("contact_id" = ContactId, Path, description = "The contact"),
        ("note_id" = NoteId, Path, description = "The note"), VersionHeader),
    extensions(("x-action" = json!(Action::WriteNote))),
    responses((status = 204, description = "Deleted"), Writing))]
#[delete("/v1/contacts/{contact_id}/notes/{note_id}")]
pub async fn delete_note(
    app: web::Data<App>,
    caller: Auth<WriteNote>,
    path: web::Path<(ContactId, NoteId)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (which, expected, caller) =
        (path.into_inner(), reply::expected_version(&request)?, caller.into_caller());
    app.write(move |tx| notes::delete(tx, &caller, which, expected)).await?;
    Ok(HttpResponse::NoContent().finish())
}
