use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ManageWorkspace};
use domain::id::ChannelId;
use domain::input;
use domain::resource::DistributionPolicy;
use domain::routing::Strategy;
use persistence::policies::PolicyTerms;
use serde::Deserialize;
use utoipa::ToSchema;

use super::IDLE_MINUTES;
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::policies;
use crate::state::App;

/// A distribution policy to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDistributionPolicy {
    /// Its name, 1 to 100 characters; no other policy of the workspace has it.
    #[schema(example = "Pelanggan tetap", max_length = 100, format = "line")]
    pub name: String,
    /// The channels it is for, none of which has another policy; none if absent. An id that comes twice counts once.
    #[serde(default)]
    #[schema(example = json!([]))]
    pub channel_ids: Vec<ChannelId>,
    /// Whether a returning customer goes to the agent who resolved the last ticket, if available; false if absent.
    #[serde(default)]
    #[schema(example = true)]
    pub sticky_agent: bool,
    /// Takes the place of the workspace's `unanswered_transfer_minutes`; it does not if absent.
    #[schema(example = 15, minimum = 5, maximum = 1440)]
    pub idle_transfer_minutes: Option<u32>,
    /// Takes the place of the workspace's strategy; it does not if absent.
    #[schema(example = "round_robin")]
    pub strategy: Option<Strategy>,
}

/// Make a distribution policy
///
/// Routing goes by it at once. Its channels are told as `channel.updated`. A channel has at most one: 409
/// `channel_has_policy` names the other, and says which channel.
#[utoipa::path(tag = "routing", request_body = NewDistributionPolicy, params(RepeatHeader),
    extensions(("x-action" = json!(Action::ManageWorkspace))),
    responses((status = 201, description = "Made", body = DistributionPolicy), Writing))]
#[post("/v1/distribution-policies")]
pub async fn create_distribution_policy(
    app: web::Data<App>,
    caller: Auth<ManageWorkspace>,
    repeat: Repeat,
    body: Body<NewDistributionPolicy>,
) -> Result<HttpResponse, Problem> {
    let new = body.value;
    if let Some(minutes) = new.idle_transfer_minutes {
        input::number("/idle_transfer_minutes", minutes, IDLE_MINUTES)?;
    }
    let terms = PolicyTerms {
        name: input::name("/name", &new.name)?,
        channels: new.channel_ids,
        sticky_agent: new.sticky_agent,
        idle_transfer_minutes: new.idle_transfer_minutes,
        strategy: new.strategy,
    };
    let (shared, actor, caller) = (app.get_ref().clone(), caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::CREATED, move |tx| policies::create(&shared, tx, &caller, &terms))
        .await
}
