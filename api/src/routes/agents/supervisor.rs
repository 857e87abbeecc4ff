use actix_web::{HttpRequest, HttpResponse, put, web};
use domain::access::{Action, ManageTeam};
use domain::id::AgentId;
use domain::resource::Agent;
use serde::Deserialize;
use utoipa::ToSchema;

use super::which;
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::agents;
use crate::state::App;

/// Who looks after an agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Supervision {
    /// A member with the role `supervisor`; null: nobody.
    // Named, so that a forgotten field frees nobody.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    pub supervisor_id: Option<AgentId>,
}

/// Say who supervises an agent
///
/// Only members with the role `agent` are supervised: 409 `not_supervisable`.
#[utoipa::path(tag = "team", request_body = Supervision,
    params(("agent_id" = AgentId, Path, description = "The agent"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageTeam))),
    responses((status = 200, description = "Supervised", body = Agent), Writing))]
#[put("/v1/agents/{agent_id}/supervisor")]
pub async fn set_agent_supervisor(
    app: web::Data<App>,
    caller: Auth<ManageTeam>,
    id: web::Path<AgentId>,
    request: HttpRequest,
    body: Body<Supervision>,
) -> Result<HttpResponse, Problem> {
    let (which, supervisor) = (which(&request, id.into_inner())?, body.value.supervisor_id);
    let caller = caller.into_caller();
    let agent = app.write(move |tx| agents::supervise(tx, &caller, which, supervisor)).await?;
    Ok(reply::versioned(&agent))
}
