use actix_web::{HttpRequest, HttpResponse, put, web};
use domain::access::{Action, ManageTeam};
use domain::id::{AgentId, DivisionId};
use domain::input;
use domain::resource::Division;
use serde::Deserialize;
use utoipa::ToSchema;

use super::MEMBERS_MAX;
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::divisions;
use crate::state::App;

/// Who is to belong to a division: exactly these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DivisionMembers {
    /// Members of the team, of any role, at most 1,000, none twice.
    #[schema(value_type = BTreeSet<AgentId>, max_items = 1000)]
    pub agent_ids: Vec<AgentId>,
}

/// Say who belongs to a division
///
/// Those who come and those who go are told as `agent.updated`. Conversations that they hold stay with
/// them.
#[utoipa::path(tag = "team", request_body = DivisionMembers,
    params(("division_id" = DivisionId, Path, description = "The division"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageTeam))),
    responses((status = 200, description = "Changed", body = Division), Writing))]
#[put("/v1/divisions/{division_id}/members")]
pub async fn update_division_members(
    app: web::Data<App>,
    caller: Auth<ManageTeam>,
    id: web::Path<DivisionId>,
    request: HttpRequest,
    body: Body<DivisionMembers>,
) -> Result<HttpResponse, Problem> {
    let (id, expected) = (id.into_inner(), reply::expected_version(&request)?);
    let members = body.value.agent_ids;
    input::distinct("/agent_ids", &members, MEMBERS_MAX)?;
    let caller = caller.into_caller();
    let division =
        app.write(move |tx| divisions::set_members(tx, &caller, id, expected, members.clone())).await?;
    Ok(reply::versioned(&division))
}
