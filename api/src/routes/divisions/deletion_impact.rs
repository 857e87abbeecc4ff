use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ManageTeam};
use domain::id::DivisionId;
use domain::resource::DivisionDeletion;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::divisions;
use crate::state::App;

/// See what deleting a division would affect
///
/// Changes nothing.
#[utoipa::path(tag = "team", params(("division_id" = DivisionId, Path, description = "The division")),
    extensions(("x-action" = json!(Action::ManageTeam))),
    responses((status = 200, description = "What it would affect now", body = DivisionDeletion), Reading))]
#[get("/v1/divisions/{division_id}/deletion-impact")]
pub async fn get_division_deletion_impact(
    app: web::Data<App>,
    caller: Auth<ManageTeam>,
    id: web::Path<DivisionId>,
) -> Result<HttpResponse, Problem> {
    caller.on_workspace()?;
    let (workspace, id) = (caller.actor().workspace_id, id.into_inner());
    let read = app.read(workspace, move |conn| divisions::impact(conn, workspace, id)).await?;
    Ok(reply::read(&app, &read))
}
