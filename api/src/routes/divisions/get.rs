use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTeam};
use domain::id::DivisionId;
use domain::refusal::Code;
use domain::resource::Division;
use persistence::divisions;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Read a division
///
/// With its members.
#[utoipa::path(tag = "team", params(("division_id" = DivisionId, Path, description = "The division")),
    extensions(("x-action" = json!(Action::ReadTeam))),
    responses((status = 200, description = "The division", body = Division), Reading))]
#[get("/v1/divisions/{division_id}")]
pub async fn get_division(
    app: web::Data<App>,
    caller: Auth<ReadTeam>,
    id: web::Path<DivisionId>,
) -> Result<HttpResponse, Problem> {
    let (workspace, id) = (caller.actor().workspace_id, id.into_inner());
    let read = app
        .read(workspace, move |conn| divisions::get(conn, workspace, id)?.ok_or(Code::NotFound.into()))
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
