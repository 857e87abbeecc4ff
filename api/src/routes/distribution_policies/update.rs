use actix_web::{HttpRequest, HttpResponse, patch, web};
use domain::access::{Action, ManageWorkspace};
use domain::id::{ChannelId, DistributionPolicyId};
use domain::input;
use domain::resource::DistributionPolicy;
use domain::routing::Strategy;
use serde::Deserialize;
use utoipa::ToSchema;

use super::IDLE_MINUTES;
use crate::auth::extract::Auth;
use crate::http::body::{Body, present};
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::policies::{self, PolicyPatch};
use crate::state::App;

/// What is to be changed of a distribution policy; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DistributionPolicyChange {
    /// Its name, 1 to 100 characters; no other policy of the workspace has it.
    #[schema(example = "Pelanggan tetap", max_length = 100, format = "line")]
    pub name: Option<String>,
    /// The channels it is for: these and no others. An id that comes twice counts once.
    #[schema(example = json!([]))]
    pub channel_ids: Option<Vec<ChannelId>>,
    /// Whether a returning customer goes to the agent who resolved the last ticket, if available.
    #[schema(example = true)]
    pub sticky_agent: Option<bool>,
    /// Takes the place of the workspace's `unanswered_transfer_minutes`; null: it does not.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>, example = 15, minimum = 5, maximum = 1440)]
    pub idle_transfer_minutes: Option<Option<u32>>,
    /// Takes the place of the workspace's strategy; null: it does not.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Strategy>, example = "least_busy")]
    pub strategy: Option<Option<Strategy>>,
}

/// Change a distribution policy
///
/// Routing goes by it at once: the queue is looked through, and timers run by the new minutes. Channels that come, go, or
/// see it renamed are told as `channel.updated`. A channel has at most one: 409 `channel_has_policy`.
#[utoipa::path(tag = "routing", request_body = DistributionPolicyChange,
    params(("policy_id" = DistributionPolicyId, Path, description = "The policy"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageWorkspace))),
    responses((status = 200, description = "Changed", body = DistributionPolicy), Writing))]
#[patch("/v1/distribution-policies/{policy_id}")]
pub async fn update_distribution_policy(
    app: web::Data<App>,
    caller: Auth<ManageWorkspace>,
    id: web::Path<DistributionPolicyId>,
    request: HttpRequest,
    body: Body<DistributionPolicyChange>,
) -> Result<HttpResponse, Problem> {
    let (id, expected, change) = (id.into_inner(), reply::expected_version(&request)?, body.value);
    if let Some(Some(minutes)) = change.idle_transfer_minutes {
        input::number("/idle_transfer_minutes", minutes, IDLE_MINUTES)?;
    }
    let patch = PolicyPatch {
        name: change.name.map(|name| input::name("/name", &name)).transpose()?,
        channels: change.channel_ids,
        sticky_agent: change.sticky_agent,
        idle_transfer_minutes: change.idle_transfer_minutes,
        strategy: change.strategy,
    };
    let (shared, caller) = (app.get_ref().clone(), caller.into_caller());
    let policy = app
        .write_configuration(move |tx| policies::update(&shared, tx, &caller, id, expected, &patch))
        .await?;
    Ok(reply::versioned(&policy))
}
