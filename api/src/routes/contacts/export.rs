use std::sync::Arc;

use actix_web::{HttpResponse, get, web};
use domain::access::{Action, Caller, ExportContacts};
use domain::actor::Actor;
use domain::id::{ContactId, WorkspaceId};
use domain::refusal::{Code, Refusal};
use persistence::contacts;

use super::file;
use crate::auth::credentials::look_up;
use crate::auth::extract::Auth;
use crate::http::csv::{Piece, download};
use crate::http::problem::Problem;
use crate::http::responses::Reading;
use crate::state::App;

/// How many contacts are read at once.
const AT_ONCE: i64 = 500;
/// The most columns of attributes.
const ATTRIBUTES_MAX: i64 = 250;

/// Export contacts as CSV
///
/// All contacts, in the order of their making. A header and a row for each, in UTF-8, by RFC 4180: `id`, `name`, `phone`, `email`, `company`,
/// `blocked_at`, `opted_out_at`, `created_at`, then a column for each attribute that any contact has, at most 250. Times are
/// RFC 3339 in UTC; what is not there is empty. A cell that a program for tables would take for a formula has a `'` in front.
/// `POST /v1/contacts/import` takes the file, and changes nothing by it.
///
/// What is read is sent at once. If reading fails on the way, or the caller may not do this any more, the connection is cut: only
/// an answer that ends properly is complete.
#[utoipa::path(tag = "contacts", extensions(("x-action" = json!(Action::ExportContacts))),
    responses((status = 200, description = "The contacts", body = String, content_type = "text/csv"), Reading))]
#[get("/v1/contacts/export")]
pub async fn export_contacts(
    app: web::Data<App>,
    caller: Auth<ExportContacts>,
) -> Result<HttpResponse, Problem> {
    caller.on_workspace()?;
    let actor = caller.actor().clone();
    let workspace = actor.workspace_id;
    let names =
        app.db.read(move |conn| Ok(contacts::attribute_names(conn, workspace, ATTRIBUTES_MAX + 1)?)).await?;
    if i64::try_from(names.len()).is_ok_and(|count| count > ATTRIBUTES_MAX) {
        return Err(Refusal::new(Code::TooManyAttributes).with("most", ATTRIBUTES_MAX).into());
    }
    let names: Arc<[String]> = names.into();
    let first = read(&app, workspace, &names, None).await?;
    let day = app.clock.now().to_string();
    let filename = format!("contacts-{}.csv", day.split('T').next().unwrap_or_default());
    let header = names.clone();
    let next = move |after| {
        let (app, actor, names) = (app.clone(), actor.clone(), names.clone());
        async move {
            confirm(&app, &actor).await?;
            read(&app, workspace, &names, Some(after)).await
        }
    };
    Ok(download(&filename, &file::columns(&header), first, next))
}

/// The caller may still do this: an export may take longer than a right lasts.
async fn confirm(app: &App, actor: &Actor) -> Result<(), Problem> {
    let asked = vec![(actor.workspace_id, actor.credential())];
    let known = look_up(app, asked).await?.into_iter().next().ok_or(Code::InvalidToken)?;
    Caller::<ExportContacts>::new((*known.actor).clone())?.on_workspace()?;
    Ok(())
}

async fn read(
    app: &App,
    workspace: WorkspaceId,
    names: &Arc<[String]>,
    after: Option<ContactId>,
) -> Result<Piece<ContactId>, Problem> {
    let found = app.db.read(move |conn| Ok(contacts::page(conn, workspace, after, AT_ONCE)?)).await?;
    let full = i64::try_from(found.len()).is_ok_and(|read| read == AT_ONCE);
    let next = found.last().filter(|_| full).map(|last| last.id);
    Ok(Piece { rows: found.iter().map(|contact| file::cells(contact, names)).collect(), next })
}
