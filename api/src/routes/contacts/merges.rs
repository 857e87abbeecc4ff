use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadContacts};
use domain::id::ContactId;
use domain::resource::ContactMerge;
use persistence::contacts;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page, PageQuery};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::read::readable_contact;
use crate::state::App;

/// List what was merged into a contact
///
/// What can be undone, newest first: with a contact comes what had been merged into it.
#[utoipa::path(tag = "contacts", params(("contact_id" = ContactId, Path, description = "The contact"), PageQuery),
    extensions(("x-action" = json!(Action::ReadContacts))),
    responses((status = 200, description = "A page of merges", body = Page<ContactMerge>), Reading))]
#[get("/v1/contacts/{contact_id}/merges")]
pub async fn list_contact_merges(
    app: web::Data<App>,
    caller: Auth<ReadContacts>,
    id: web::Path<ContactId>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (id, caller, query) = (id.into_inner(), caller.into_caller(), query.0);
    let workspace = caller.actor().workspace_id;
    let limit = page::limit(query.limit)?;
    let list = List::new(&app.keys, workspace, "contact-merges", &id);
    let before = list.after(query.cursor.as_deref())?;
    let read = app
        .read(workspace, move |conn| {
            readable_contact(conn, &caller, id)?;
            let rows = contacts::merges(conn, workspace, id, None, before, limit + 1)?;
            Ok(list.page(rows, limit, |merge| merge.id))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
