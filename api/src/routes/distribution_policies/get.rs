use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadSettings};
use domain::id::DistributionPolicyId;
use domain::refusal::Code;
use domain::resource::DistributionPolicy;
use persistence::policies;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::policies::shape_for;
use crate::state::App;

/// Read a distribution policy
///
/// A program that is limited to channels is shown no others of the policy.
#[utoipa::path(tag = "routing", params(("policy_id" = DistributionPolicyId, Path, description = "The policy")),
    extensions(("x-action" = json!(Action::ReadSettings))),
    responses((status = 200, description = "The policy", body = DistributionPolicy), Reading))]
#[get("/v1/distribution-policies/{policy_id}")]
pub async fn get_distribution_policy(
    app: web::Data<App>,
    caller: Auth<ReadSettings>,
    id: web::Path<DistributionPolicyId>,
) -> Result<HttpResponse, Problem> {
    let (reader, id) = (caller.actor().clone(), id.into_inner());
    let workspace = reader.workspace_id;
    let read = app
        .read(workspace, move |conn| {
            let policy = policies::get(conn, workspace, id)?.ok_or(Code::NotFound)?;
            Ok(shape_for(policy, &reader))
        })
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
