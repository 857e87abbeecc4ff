use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadContacts};
use domain::id::ContactId;
use domain::resource::Contact;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::read::readable_contact;
use crate::state::App;

/// Read a contact
///
/// Who may see it is said at the list. The id of a contact that was merged into another is unknown (404).
#[utoipa::path(tag = "contacts", params(("contact_id" = ContactId, Path, description = "The contact")),
    extensions(("x-action" = json!(Action::ReadContacts))),
    responses((status = 200, description = "The contact", body = Contact), Reading))]
#[get("/v1/contacts/{contact_id}")]
pub async fn get_contact(
    app: web::Data<App>,
    caller: Auth<ReadContacts>,
    id: web::Path<ContactId>,
) -> Result<HttpResponse, Problem> {
    let (id, caller) = (id.into_inner(), caller.into_caller());
    let workspace = caller.actor().workspace_id;
    let read = app.read(workspace, move |conn| readable_contact(conn, &caller, id)).await?;
    Ok(reply::read_versioned(&app, &read))
}
