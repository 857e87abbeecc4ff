use actix_web::{HttpRequest, HttpResponse, delete, web};
use domain::access::{Action, ManageTeam};
use domain::id::DivisionId;
use domain::resource::DivisionDeletion;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::divisions;
use crate::state::App;

/// Delete a division
///
/// Conversations that wait for it wait for anybody from now on, each told as `conversation.updated`; its
/// members no longer belong to it, each told as `agent.updated`. The answer says what was affected;
/// `GET /v1/divisions/{division_id}/deletion-impact` says it before.
#[utoipa::path(tag = "team",
    params(("division_id" = DivisionId, Path, description = "The division"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageTeam))),
    responses((status = 200, description = "Deleted", body = DivisionDeletion), Writing))]
#[delete("/v1/divisions/{division_id}")]
pub async fn delete_division(
    app: web::Data<App>,
    caller: Auth<ManageTeam>,
    id: web::Path<DivisionId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let expected = reply::expected_version(&request)?;
    let affected = divisions::delete(&app, caller.into_caller(), id.into_inner(), expected).await?;
    Ok(HttpResponse::Ok().json(affected))
}
