use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ManageLabels};
use domain::id::LabelId;
use domain::resource::LabelDeletion;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::labels;
use crate::state::App;

/// See what deleting a label would affect
///
/// Changes nothing.
#[utoipa::path(tag = "labels", params(("label_id" = LabelId, Path, description = "The label")),
    extensions(("x-action" = json!(Action::ManageLabels))),
    responses((status = 200, description = "What it would affect now", body = LabelDeletion), Reading))]
#[get("/v1/labels/{label_id}/deletion-impact")]
pub async fn get_label_deletion_impact(
    app: web::Data<App>,
    caller: Auth<ManageLabels>,
    id: web::Path<LabelId>,
) -> Result<HttpResponse, Problem> {
    caller.on_workspace()?;
    let (workspace, id) = (caller.actor().workspace_id, id.into_inner());
    let read = app.read(workspace, move |conn| labels::impact(conn, workspace, id)).await?;
    Ok(reply::read(&app, &read))
}
