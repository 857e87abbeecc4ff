use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ManageTeam};
use domain::id::AgentId;
use domain::input;
use domain::resource::Division;
use serde::Deserialize;
use utoipa::ToSchema;

use super::MEMBERS_MAX;
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::divisions;
use crate::state::App;

/// A division to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDivision {
    /// Its name, 1 to 100 characters; no other division of the workspace has it.
    #[schema(example = "Penjualan", max_length = 100, format = "line")]
    pub name: String,
    /// Who belongs to it: members of any role, at most 1,000, none twice; nobody if absent.
    #[serde(default)]
    #[schema(value_type = BTreeSet<AgentId>, max_items = 1000)]
    pub agent_ids: Vec<AgentId>,
}

/// Make a division
///
/// Its members are told as `agent.updated`.
#[utoipa::path(tag = "team", request_body = NewDivision, params(RepeatHeader), extensions(("x-action" = json!(Action::ManageTeam))),
    responses((status = 201, description = "Made", body = Division), Writing))]
#[post("/v1/divisions")]
pub async fn create_division(
    app: web::Data<App>,
    caller: Auth<ManageTeam>,
    repeat: Repeat,
    body: Body<NewDivision>,
) -> Result<HttpResponse, Problem> {
    let name = input::name("/name", &body.value.name)?;
    let members = body.value.agent_ids;
    input::distinct("/agent_ids", &members, MEMBERS_MAX)?;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::CREATED, move |tx| {
            divisions::create_for(tx, &caller, &name, members.clone())
        })
        .await
}
