use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadOwnProfile};
use domain::refusal::Code;
use domain::resource::Agent;
use persistence::agents;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::agents::shape_for;
use crate::state::App;

/// Read one's own profile
///
/// With an API key: that of the member in whose name it acts.
#[utoipa::path(tag = "me", extensions(("x-action" = json!(Action::ReadOwnProfile))),
    responses((status = 200, description = "The caller", body = Agent), Reading))]
#[get("/v1/me")]
pub async fn get_me(app: web::Data<App>, caller: Auth<ReadOwnProfile>) -> Result<HttpResponse, Problem> {
    let reader = caller.actor().clone();
    let workspace = reader.workspace_id;
    let read = app
        .read(workspace, move |conn| {
            let agent = agents::get(conn, workspace, reader.agent_id)?.ok_or(Code::NotFound)?;
            Ok(shape_for(agent, &reader))
        })
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
