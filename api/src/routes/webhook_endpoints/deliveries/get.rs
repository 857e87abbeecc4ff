use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ManageWebhookEndpoints};
use domain::id::{WebhookDeliveryId, WebhookEndpointId};
use domain::refusal::Code;
use domain::resource::WebhookDelivery;
use persistence::webhooks::{endpoints, ledger};

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Read a delivery
///
/// With every attempt, as in the list.
#[utoipa::path(tag = "webhooks",
    params(("endpoint_id" = WebhookEndpointId, Path, description = "The endpoint"),
        ("delivery_id" = WebhookDeliveryId, Path, description = "The delivery")),
    extensions(("x-action" = json!(Action::ManageWebhookEndpoints))),
    responses((status = 200, description = "The delivery", body = WebhookDelivery), Reading))]
#[get("/v1/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}")]
pub async fn get_webhook_delivery(
    app: web::Data<App>,
    caller: Auth<ManageWebhookEndpoints>,
    ids: web::Path<(WebhookEndpointId, WebhookDeliveryId)>,
) -> Result<HttpResponse, Problem> {
    let (workspace, (endpoint, id)) = (caller.actor().workspace_id, ids.into_inner());
    let read = app
        .read(workspace, move |conn| {
            endpoints::get(conn, workspace, endpoint)?.ok_or(Code::NotFound)?;
            Ok(ledger::get(conn, (workspace, endpoint), id)?.ok_or(Code::NotFound)?)
        })
        .await?;
    Ok(reply::read(&app, &read))
}
