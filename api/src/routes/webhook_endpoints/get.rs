use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ManageWebhookEndpoints};
use domain::id::WebhookEndpointId;
use domain::refusal::Code;
use domain::resource::WebhookEndpoint;
use persistence::webhooks::endpoints;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Read a webhook endpoint
///
/// Without its secret, which is shown when it is made or rotated.
#[utoipa::path(tag = "webhooks", params(("endpoint_id" = WebhookEndpointId, Path, description = "The endpoint")),
    extensions(("x-action" = json!(Action::ManageWebhookEndpoints))),
    responses((status = 200, description = "The endpoint", body = WebhookEndpoint), Reading))]
#[get("/v1/webhook-endpoints/{endpoint_id}")]
pub async fn get_webhook_endpoint(
    app: web::Data<App>,
    caller: Auth<ManageWebhookEndpoints>,
    id: web::Path<WebhookEndpointId>,
) -> Result<HttpResponse, Problem> {
    let (workspace, id) = (caller.actor().workspace_id, id.into_inner());
    let read = app
        .read(workspace, move |conn| Ok(endpoints::get(conn, workspace, id)?.ok_or(Code::NotFound)?))
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
