use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ManageWebhookEndpoints};
use domain::id::WebhookEndpointId;
use domain::resource::WebhookDelivery;

use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::webhooks;
use crate::state::App;

/// Try a webhook endpoint
///
/// It is sent `webhook_endpoint.tested` with itself as `data`, once, also while it is paused; no other endpoint is, and the
/// event is in no log. Read the delivery of this answer to see what came of it.
#[utoipa::path(tag = "webhooks",
    params(("endpoint_id" = WebhookEndpointId, Path, description = "The endpoint"), RepeatHeader),
    extensions(("x-action" = json!(Action::ManageWebhookEndpoints))),
    responses((status = 202, description = "It will be called", body = WebhookDelivery), Writing))]
#[post("/v1/webhook-endpoints/{endpoint_id}/test")]
pub async fn test_webhook_endpoint(
    app: web::Data<App>,
    caller: Auth<ManageWebhookEndpoints>,
    id: web::Path<WebhookEndpointId>,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let (shared, actor, caller) = (app.get_ref().clone(), caller.actor().clone(), caller.into_caller());
    let answer = repeat
        .write(&app, &actor, StatusCode::ACCEPTED, move |tx| webhooks::test(&shared, tx, &caller, id))
        .await;
    app.webhooks.changed_by_hand();
    answer
}
