use actix_web::{HttpRequest, HttpResponse, put, web};
use domain::access::{Action, ManageTeam};
use domain::actor::Allocation;
use domain::id::{AgentId, ChannelId, DivisionId};
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

/// What a member works for: these and no others. An id that comes twice counts once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentAllocation {
    /// The channels.
    pub channel_ids: Vec<ChannelId>,
    /// The divisions.
    pub division_ids: Vec<DivisionId>,
}

/// Say what an agent works for
///
/// Each channel and division that it joins or leaves changes with it, and is told as well.
#[utoipa::path(tag = "team", request_body = AgentAllocation,
    params(("agent_id" = AgentId, Path, description = "The agent"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageTeam))),
    responses((status = 200, description = "Allocated", body = Agent), Writing))]
#[put("/v1/agents/{agent_id}/allocation")]
pub async fn set_agent_allocation(
    app: web::Data<App>,
    caller: Auth<ManageTeam>,
    id: web::Path<AgentId>,
    request: HttpRequest,
    body: Body<AgentAllocation>,
) -> Result<HttpResponse, Problem> {
    let (which, asked) = (which(&request, id.into_inner())?, body.value);
    let asked = Allocation { channels: asked.channel_ids, divisions: asked.division_ids };
    let (shared, caller) = (app.get_ref().clone(), caller.into_caller());
    let agent = app.write(move |tx| agents::allocate(&shared, tx, &caller, which, &asked)).await?;
    Ok(reply::versioned(&agent))
}
