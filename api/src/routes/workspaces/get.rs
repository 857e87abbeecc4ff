use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadWorkspace};
use domain::refusal::Code;
use domain::resource::Workspace;
use persistence::workspaces;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Read the caller's workspace
///
/// A token and a key belong to one workspace: this one.
#[utoipa::path(tag = "installation", extensions(("x-action" = json!(Action::ReadWorkspace))),
    responses((status = 200, description = "The workspace", body = Workspace), Reading))]
#[get("/v1/workspace")]
pub async fn get_workspace(
    app: web::Data<App>,
    caller: Auth<ReadWorkspace>,
) -> Result<HttpResponse, Problem> {
    let id = caller.actor().workspace_id;
    let read = app.read(id, move |conn| workspaces::get(conn, id)?.ok_or(Code::NotFound.into())).await?;
    Ok(reply::read_versioned(&app, &read))
}
