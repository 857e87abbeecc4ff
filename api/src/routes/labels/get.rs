use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadLabels};
use domain::id::LabelId;
use domain::refusal::Code;
use domain::resource::Label;
use persistence::labels;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Read a label
///
/// Conversations name their labels themselves, so this is for whoever manages labels.
#[utoipa::path(tag = "labels", params(("label_id" = LabelId, Path, description = "The label")),
    extensions(("x-action" = json!(Action::ReadLabels))),
    responses((status = 200, description = "The label", body = Label), Reading))]
#[get("/v1/labels/{label_id}")]
pub async fn get_label(
    app: web::Data<App>,
    caller: Auth<ReadLabels>,
    id: web::Path<LabelId>,
) -> Result<HttpResponse, Problem> {
    let (workspace, id) = (caller.actor().workspace_id, id.into_inner());
    let read = app
        .read(workspace, move |conn| labels::get(conn, workspace, id)?.ok_or(Code::NotFound.into()))
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
