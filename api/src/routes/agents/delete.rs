use actix_web::{HttpRequest, HttpResponse, delete, web};
use domain::access::{Action, ManageTeam};
use domain::id::AgentId;

use super::which;
use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::agents;
use crate::state::App;

/// Take an agent out of the team
///
/// It can be read as before, with `active: false`, and tickets and messages keep its name. Its conversations go back into
/// the queue, its sign-ins and API keys end, and it leaves its divisions, channels and supervision. The last active
/// admin cannot leave: 409 `last_admin`. Who has left before stays so: 204 without effect.
#[utoipa::path(tag = "team",
    params(("agent_id" = AgentId, Path, description = "The agent"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageTeam))),
    responses((status = 204, description = "It has left"), Writing))]
#[delete("/v1/agents/{agent_id}")]
pub async fn delete_agent(
    app: web::Data<App>,
    caller: Auth<ManageTeam>,
    id: web::Path<AgentId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let which = which(&request, id.into_inner())?;
    agents::remove(&app, &caller, which).await?;
    Ok(HttpResponse::NoContent().finish())
}
