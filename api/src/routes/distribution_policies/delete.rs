use actix_web::{HttpRequest, HttpResponse, delete, web};
use domain::access::{Action, ManageWorkspace};
use domain::id::DistributionPolicyId;
use domain::resource::DistributionPolicy;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::policies;
use crate::state::App;

/// Delete a distribution policy
///
/// Its channels go by the workspace's settings alone, at once, and are told as `channel.updated`. The answer is the policy
/// as it was, with the channels that lose it.
#[utoipa::path(tag = "routing",
    params(("policy_id" = DistributionPolicyId, Path, description = "The policy"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageWorkspace))),
    responses((status = 200, description = "Deleted", body = DistributionPolicy), Writing))]
#[delete("/v1/distribution-policies/{policy_id}")]
pub async fn delete_distribution_policy(
    app: web::Data<App>,
    caller: Auth<ManageWorkspace>,
    id: web::Path<DistributionPolicyId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, expected) = (id.into_inner(), reply::expected_version(&request)?);
    let (shared, caller) = (app.get_ref().clone(), caller.into_caller());
    let policy =
        app.write_configuration(move |tx| policies::delete(&shared, tx, &caller, id, expected)).await?;
    Ok(HttpResponse::Ok().json(policy))
}
