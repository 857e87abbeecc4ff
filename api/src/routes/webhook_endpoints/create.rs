use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ManageWebhookEndpoints};
use domain::event::EventType;
use domain::id::ChannelId;
use domain::resource::WebhookEndpoint;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::webhooks::{self, EndpointPatch};
use crate::state::App;

/// A webhook endpoint to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhookEndpoint {
    /// Where events are to be sent: https, in the public Internet. `http` and private networks only as the installation
    /// allows (`TANGGAP_PRIVATE_RANGES_ALLOWED`).
    #[schema(example = "https://crm.example/hooks/tanggap", min_length = 1, max_length = 2000)]
    pub url: String,
    /// What it is for.
    #[schema(example = "Sinkronisasi CRM", min_length = 1, max_length = 200)]
    pub description: Option<String>,
    /// The only types of events that are to be sent, none twice; all if empty or absent.
    #[serde(default)]
    #[schema(example = json!(["message.created", "conversation.resolved"]))]
    pub event_types: Vec<EventType>,
    /// The only channels of which it is to be told, none twice; all if empty or absent. What is of no channel is told as to an
    /// API key that is limited to channels.
    #[serde(default)]
    #[schema(example = json!([]), max_items = 100)]
    pub channel_ids: Vec<ChannelId>,
}

/// An endpoint and its new secret.
#[derive(Serialize, ToSchema)]
pub struct WebhookEndpointWithSecret {
    /// What can be read of it later.
    pub webhook_endpoint: WebhookEndpoint,
    /// What signs: a key of Standard Webhooks. It is shown this once.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwH1n5rV0xk8Q=")]
    pub secret: String,
}

/// Make a webhook endpoint
///
/// From now on it is sent, by `POST`, what an admin is told on the stream: the same envelopes without `op` and `prev`, those
/// of one conversation in order, and again until it answers 2xx (after 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h, with
/// jitter; `Retry-After` is kept to, 410 pauses it, redirects are not followed, after 15 s an answer is not waited for any
/// longer). Each call is signed by Standard Webhooks; `webhook-id` is the event's id, the same in every attempt: drop what you
/// have seen. The secret is shown in this answer only; a repeat with the same `Idempotency-Key` shows it again for 24 hours. 409
/// `too_many_webhook_endpoints`: there are 100.
#[utoipa::path(tag = "webhooks", request_body = NewWebhookEndpoint, params(RepeatHeader),
    extensions(("x-action" = json!(Action::ManageWebhookEndpoints))),
    responses((status = 201, description = "Made", body = WebhookEndpointWithSecret), Writing))]
#[post("/v1/webhook-endpoints")]
pub async fn create_webhook_endpoint(
    app: web::Data<App>,
    caller: Auth<ManageWebhookEndpoints>,
    repeat: Repeat,
    body: Body<NewWebhookEndpoint>,
) -> Result<HttpResponse, Problem> {
    let NewWebhookEndpoint { url, description, event_types, channel_ids } = body.value;
    let patch = EndpointPatch {
        url: Some(url),
        description: Some(description),
        event_types: Some(event_types),
        channel_ids: Some(channel_ids),
        active: None,
    };
    let (shared, actor, caller) = (app.get_ref().clone(), caller.actor().clone(), caller.into_caller());
    let answer = repeat
        .with_body(body.digest)
        .with_secret_answer()
        .write(&app, &actor, StatusCode::CREATED, move |tx| {
            let (webhook_endpoint, secret) = webhooks::create(&shared, tx, &caller, &patch)?;
            Ok(WebhookEndpointWithSecret { webhook_endpoint, secret })
        })
        .await;
    app.webhooks.changed_by_hand();
    answer
}
