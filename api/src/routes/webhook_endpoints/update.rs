use actix_web::{HttpRequest, HttpResponse, patch, web};
use domain::access::{Action, ManageWebhookEndpoints};
use domain::event::EventType;
use domain::id::{ChannelId, WebhookEndpointId};
use domain::resource::WebhookEndpoint;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::{Body, present};
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::webhooks::{self, EndpointPatch};
use crate::state::App;

/// What is to be changed of a webhook endpoint; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookEndpointChange {
    /// Where events are to be sent, also those that wait already.
    #[schema(example = "https://crm.example/hooks/tanggap", min_length = 1, max_length = 2000)]
    pub url: Option<String>,
    /// What it is for; null: nothing is said.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "Sinkronisasi CRM", min_length = 1, max_length = 200)]
    pub description: Option<Option<String>>,
    /// The only types of events that are to be sent, none twice, from now on; empty: all.
    #[schema(example = json!(["message.created"]))]
    pub event_types: Option<Vec<EventType>>,
    /// The only channels of which it is to be told, none twice; empty: all.
    #[schema(example = json!([]), max_items = 100)]
    pub channel_ids: Option<Vec<ChannelId>>,
    /// `false` pauses it. `true` sets it going again: what waits is sent at once (what would be within a minute and a half, then),
    /// and what happened meanwhile.
    #[schema(example = true)]
    pub active: Option<bool>,
}

/// Change, pause or resume a webhook endpoint
///
/// Nothing is lost by a pause, as long as events are kept (seven days, unless the installation says otherwise); should it have
/// been longer, `lost_events` says which numbers will not come.
#[utoipa::path(tag = "webhooks", request_body = WebhookEndpointChange,
    params(("endpoint_id" = WebhookEndpointId, Path, description = "The endpoint"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageWebhookEndpoints))),
    responses((status = 200, description = "Changed", body = WebhookEndpoint), Writing))]
#[patch("/v1/webhook-endpoints/{endpoint_id}")]
pub async fn update_webhook_endpoint(
    app: web::Data<App>,
    caller: Auth<ManageWebhookEndpoints>,
    id: web::Path<WebhookEndpointId>,
    request: HttpRequest,
    body: Body<WebhookEndpointChange>,
) -> Result<HttpResponse, Problem> {
    let (id, expected, change) = (id.into_inner(), reply::expected_version(&request)?, body.value);
    let patch = EndpointPatch {
        url: change.url,
        description: change.description,
        event_types: change.event_types,
        channel_ids: change.channel_ids,
        active: change.active,
    };
    let (shared, caller) = (app.get_ref().clone(), caller.into_caller());
    let endpoint = app.write(move |tx| webhooks::update(&shared, tx, &caller, id, expected, &patch)).await?;
    app.webhooks.changed_by_hand();
    Ok(reply::versioned(&endpoint))
}
