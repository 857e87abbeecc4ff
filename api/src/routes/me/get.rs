use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadOwnProfile};
use domain::refusal::Code;
use domain::resource::Agent;
use persistence::agents;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Read one's own profile
#[utoipa::path(tag = "me", extensions(("x-action" = json!(Action::ReadOwnProfile))),
    responses((status = 200, description = "The caller", body = Agent), Reading))]
#[get("/v1/me")]
pub async fn get_me(app: web::Data<App>, caller: Auth<ReadOwnProfile>) -> Result<HttpResponse, Problem> {
    let (workspace, id) = (caller.actor().workspace_id, caller.actor().agent_id);
    let read = app
        .read(workspace, move |conn| agents::get(conn, workspace, id)?.ok_or(Code::NotFound.into()))
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
