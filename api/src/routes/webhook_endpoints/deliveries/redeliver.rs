use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ManageWebhookEndpoints};
use domain::id::{WebhookDeliveryId, WebhookEndpointId};
use domain::resource::WebhookDelivery;

use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::webhooks;
use crate::state::App;

/// Deliver an event again
///
/// From the beginning of the schedule, whatever came of it. What waits for its next attempt has it now, unless that is within a
/// minute and a half anyway; a call under way is not made twice. `webhook-id` stays the same. 409 `event_expired`: the event is
/// no longer kept.
#[utoipa::path(tag = "webhooks",
    params(("endpoint_id" = WebhookEndpointId, Path, description = "The endpoint"),
        ("delivery_id" = WebhookDeliveryId, Path, description = "The delivery"), RepeatHeader),
    extensions(("x-action" = json!(Action::ManageWebhookEndpoints))),
    responses((status = 202, description = "It will be delivered again", body = WebhookDelivery), Writing))]
#[post("/v1/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}/redeliver")]
pub async fn redeliver_webhook_delivery(
    app: web::Data<App>,
    caller: Auth<ManageWebhookEndpoints>,
    ids: web::Path<(WebhookEndpointId, WebhookDeliveryId)>,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    let (endpoint, id) = ids.into_inner();
    let (shared, actor, caller) = (app.get_ref().clone(), caller.actor().clone(), caller.into_caller());
    let answer = repeat
        .write(&app, &actor, StatusCode::ACCEPTED, move |tx| {
            webhooks::redeliver(&shared, tx, &caller, endpoint, id)
        })
        .await;
    app.webhooks.changed_by_hand();
    answer
}
