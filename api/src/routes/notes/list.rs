use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadContacts};
use domain::id::ContactId;
use domain::resource::Note;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page, PageQuery};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::notes;
use crate::state::App;

/// List the notes on a contact
///
/// The newest first.
#[utoipa::path(tag = "contacts", params(("contact_id" = ContactId, Path, description = "The contact"), PageQuery),
    extensions(("x-action" = json!(Action::ReadContacts))),
    responses((status = 200, description = "A page of notes", body = Page<Note>), Reading))]
#[get("/v1/contacts/{contact_id}/notes")]
pub async fn list_notes(
    app: web::Data<App>,
    caller: Auth<ReadContacts>,
    contact: web::Path<ContactId>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (workspace, contact) = (caller.actor().workspace_id, contact.into_inner());
    let limit = page::limit(query.0.limit)?;
    let list = List::new(&app.keys, workspace, "notes", &contact);
    let before = list.after(query.0.cursor.as_deref())?;
    let caller = caller.into_caller();
    let read = app
        .read(workspace, move |conn| {
            let rows = notes::list(conn, &caller, contact, before, limit + 1)?;
            Ok(list.page(rows, limit, |note| note.id))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
