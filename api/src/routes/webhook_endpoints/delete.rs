use actix_web::{HttpRequest, HttpResponse, delete, web};
use domain::access::{Action, ManageWebhookEndpoints};
use domain::id::WebhookEndpointId;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::webhooks;
use crate::state::App;

/// Delete a webhook endpoint
///
/// It is sent nothing more, but for calls that are on their way, and its deliveries can no longer be read.
#[utoipa::path(tag = "webhooks",
    params(("endpoint_id" = WebhookEndpointId, Path, description = "The endpoint"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageWebhookEndpoints))),
    responses((status = 204, description = "Deleted"), Writing))]
#[delete("/v1/webhook-endpoints/{endpoint_id}")]
pub async fn delete_webhook_endpoint(
    app: web::Data<App>,
    caller: Auth<ManageWebhookEndpoints>,
    id: web::Path<WebhookEndpointId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, expected) = (id.into_inner(), reply::expected_version(&request)?);
    let caller = caller.into_caller();
    app.write(move |tx| webhooks::delete(tx, &caller, id, expected)).await?;
    app.webhooks.changed_by_hand();
    Ok(HttpResponse::NoContent().finish())
}
