use actix_web::{HttpRequest, HttpResponse, put, web};
use domain::access::{Action, ManageWorkspace};
use domain::resource::AssignmentSettings;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::settings::{self, Assignment};
use crate::state::App;

/// What the assignment settings are to be: all of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAssignmentSettings {
    /// Whether agents may take conversations that nobody holds.
    #[schema(example = true)]
    pub agents_may_claim: bool,
    /// Whether agents may give conversations to others.
    #[schema(example = true)]
    pub agents_may_transfer: bool,
    /// Whether supervisors and agents see conversations of others, and waiting ones, only on the
    /// channels, and for the divisions, that they are allocated to.
    #[schema(example = false)]
    pub restrict_to_allocation: bool,
}

/// Set the assignment settings
///
/// They take effect within two seconds. Whoever sees more or less by them is sent `reset` on the stream, with
/// `scope_changed`.
#[utoipa::path(tag = "administration", request_body = NewAssignmentSettings, params(VersionHeader),
    extensions(("x-action" = json!(Action::ManageWorkspace))),
    responses((status = 200, description = "Set", body = AssignmentSettings), Writing))]
#[put("/v1/settings/assignment")]
pub async fn update_assignment_settings(
    app: web::Data<App>,
    caller: Auth<ManageWorkspace>,
    request: HttpRequest,
    body: Body<NewAssignmentSettings>,
) -> Result<HttpResponse, Problem> {
    let expected = reply::expected_version(&request)?;
    let wanted = Assignment {
        agents_may_claim: body.value.agents_may_claim,
        agents_may_transfer: body.value.agents_may_transfer,
        restrict_to_allocation: body.value.restrict_to_allocation,
    };
    let caller = caller.into_caller();
    let settings = app.write(move |tx| settings::set_assignment(tx, &caller, expected, wanted)).await?;
    Ok(reply::versioned(&settings))
}
