use actix_web::{HttpRequest, HttpResponse, delete, web};
use domain::access::{Action, ManageLabels};
use domain::id::LabelId;
use domain::resource::LabelDeletion;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::labels;
use crate::state::App;

/// Delete a label
///
/// It is taken off every conversation. Only `label.deleted` is told: clients take it off wherever they show it. The answer
/// says how many conversations had it; `GET /v1/labels/{label_id}/deletion-impact` says it before.
#[utoipa::path(tag = "labels",
    params(("label_id" = LabelId, Path, description = "The label"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageLabels))),
    responses((status = 200, description = "Deleted", body = LabelDeletion), Writing))]
#[delete("/v1/labels/{label_id}")]
pub async fn delete_label(
    app: web::Data<App>,
    caller: Auth<ManageLabels>,
    id: web::Path<LabelId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, expected, caller) = (id.into_inner(), reply::expected_version(&request)?, caller.into_caller());
    let affected = app.write_configuration(move |tx| labels::delete(tx, &caller, id, expected)).await?;
    Ok(HttpResponse::Ok().json(affected))
}
