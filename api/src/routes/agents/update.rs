use actix_web::{HttpRequest, HttpResponse, patch, web};
use domain::access::{Action, ManageTeam};
use domain::agent::Role;
use domain::id::AgentId;
use domain::input;
use domain::resource::Agent;
use serde::Deserialize;
use utoipa::ToSchema;

use super::which;
use crate::auth::extract::Auth;
use crate::http::body::{Body, present};
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::agents::{self, AgentPatch};
use crate::state::App;

/// What is to be changed of a member; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentChange {
    /// Its name.
    #[schema(example = "Siti Rahmawati", max_length = 100, format = "line")]
    pub name: Option<String>,
    /// The address it signs in with.
    #[schema(example = "siti@toko-tani.example", max_length = 254, format = "email")]
    pub email: Option<String>,
    /// What it may do in general.
    #[schema(example = "supervisor")]
    pub role: Option<Role>,
    /// For the role `agent`: whether it sees conversations of others and those waiting.
    pub view_all: Option<bool>,
    /// The most conversations that routing gives it; null: as many as the workspace's settings say.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>, example = 5, minimum = 1, maximum = 1000)]
    pub max_conversations: Option<Option<u32>>,
}

/// Change an agent
///
/// Who becomes a supervisor or admin is supervised by nobody; who is a supervisor no more supervises nobody. The last
/// active admin stays one: 409 `last_admin`. Open streams of a member whose role changed are told to load anew.
#[utoipa::path(tag = "team", request_body = AgentChange,
    params(("agent_id" = AgentId, Path, description = "The agent"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageTeam))),
    responses((status = 200, description = "Changed", body = Agent), Writing))]
#[patch("/v1/agents/{agent_id}")]
pub async fn update_agent(
    app: web::Data<App>,
    caller: Auth<ManageTeam>,
    id: web::Path<AgentId>,
    request: HttpRequest,
    body: Body<AgentChange>,
) -> Result<HttpResponse, Problem> {
    let (which, change) = (which(&request, id.into_inner())?, body.value);
    if let Some(Some(limit)) = change.max_conversations {
        input::number("/max_conversations", limit, 1..=1000)?;
    }
    let patch = AgentPatch {
        name: change.name.map(|name| input::name("/name", &name)).transpose()?,
        email: change.email.map(|email| input::email("/email", &email)).transpose()?,
        role: change.role,
        view_all: change.view_all,
        max_conversations: change.max_conversations,
    };
    let caller = caller.into_caller();
    let agent = app.write(move |tx| agents::update(tx, &caller, which, &patch)).await?;
    Ok(reply::versioned(&agent))
}
