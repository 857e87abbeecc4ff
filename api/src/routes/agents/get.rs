use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTeam};
use domain::id::AgentId;
use domain::refusal::Code;
use domain::resource::Agent;
use persistence::agents;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::read::visible_agent;
use crate::state::App;

/// Read an agent
#[utoipa::path(tag = "team", params(("agent_id" = AgentId, Path, description = "The agent")),
    extensions(("x-action" = json!(Action::ReadTeam))),
    responses((status = 200, description = "The agent", body = Agent), Reading))]
#[get("/v1/agents/{agent_id}")]
pub async fn get_agent(
    app: web::Data<App>,
    caller: Auth<ReadTeam>,
    id: web::Path<AgentId>,
) -> Result<HttpResponse, Problem> {
    let (reader, id) = (caller.actor().clone(), id.into_inner());
    let workspace = reader.workspace_id;
    let read = app
        .read(workspace, move |conn| {
            let agent = agents::get(conn, workspace, id)?.ok_or(Code::NotFound)?;
            Ok(visible_agent(agent, &reader))
        })
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
