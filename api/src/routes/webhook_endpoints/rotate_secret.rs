use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, ManageWebhookEndpoints};
use domain::id::WebhookEndpointId;

use super::create::WebhookEndpointWithSecret;
use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{RepeatHeader, VersionHeader, Writing};
use crate::ops::webhooks;
use crate::state::App;

/// Give a webhook endpoint a new secret
///
/// For 24 hours each call has two signatures, by the new secret and by the old one: a receiver that knows either can check it.
/// The secret is shown in this answer only; a repeat with the same `Idempotency-Key` shows it again for 24 hours.
#[utoipa::path(tag = "webhooks",
    params(("endpoint_id" = WebhookEndpointId, Path, description = "The endpoint"), VersionHeader, RepeatHeader),
    extensions(("x-action" = json!(Action::ManageWebhookEndpoints))),
    responses((status = 200, description = "Rotated", body = WebhookEndpointWithSecret), Writing))]
#[post("/v1/webhook-endpoints/{endpoint_id}/rotate-secret")]
pub async fn rotate_webhook_secret(
    app: web::Data<App>,
    caller: Auth<ManageWebhookEndpoints>,
    id: web::Path<WebhookEndpointId>,
    request: HttpRequest,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    let (id, expected) = (id.into_inner(), reply::expected_version(&request)?);
    let (shared, actor, caller) = (app.get_ref().clone(), caller.actor().clone(), caller.into_caller());
    let answer = repeat
        .with_secret_answer()
        .write(&app, &actor, StatusCode::OK, move |tx| {
            let (webhook_endpoint, secret) = webhooks::rotate_secret(&shared, tx, &caller, id, expected)?;
            Ok(WebhookEndpointWithSecret { webhook_endpoint, secret })
        })
        .await;
    app.webhooks.changed_by_hand();
    answer
}
