use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadSettings};
use domain::refusal::Code;
use domain::resource::AssignmentSettings;
use persistence::settings;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Read the assignment settings
///
/// What routing, timers and handovers go by.
#[utoipa::path(tag = "routing", extensions(("x-action" = json!(Action::ReadSettings))),
    responses((status = 200, description = "The settings", body = AssignmentSettings), Reading))]
#[get("/v1/settings/assignment")]
pub async fn get_assignment_settings(
    app: web::Data<App>,
    caller: Auth<ReadSettings>,
) -> Result<HttpResponse, Problem> {
    let workspace = caller.actor().workspace_id;
    let read = app
        .read(workspace, move |conn| settings::assignment(conn, workspace)?.ok_or(Code::NotFound.into()))
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
