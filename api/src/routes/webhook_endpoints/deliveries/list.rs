use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ManageWebhookEndpoints};
use domain::id::WebhookEndpointId;
use domain::refusal::Code;
use domain::resource::WebhookDelivery;
use domain::webhook::DeliveryState;
use persistence::webhooks::{endpoints, ledger};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Which deliveries.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// Only those that stand like this; repeat it for "any of".
    #[serde(default)]
    state: Vec<DeliveryState>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List what an endpoint was sent
///
/// The newest first, with every attempt: when, how long it took, the status, how the answer began. What is settled is kept as
/// long as events are.
#[utoipa::path(tag = "webhooks",
    params(("endpoint_id" = WebhookEndpointId, Path, description = "The endpoint"), DeliveryQuery),
    extensions(("x-action" = json!(Action::ManageWebhookEndpoints))),
    responses((status = 200, description = "A page of deliveries", body = Page<WebhookDelivery>), Reading))]
#[get("/v1/webhook-endpoints/{endpoint_id}/deliveries")]
pub async fn list_webhook_deliveries(
    app: web::Data<App>,
    caller: Auth<ManageWebhookEndpoints>,
    endpoint: web::Path<WebhookEndpointId>,
    query: Query<DeliveryQuery>,
) -> Result<HttpResponse, Problem> {
    let (workspace, endpoint, query) = (caller.actor().workspace_id, endpoint.into_inner(), query.0);
    let limit = page::limit(query.limit)?;
    let list = List::new(&app.keys, workspace, "webhook deliveries", &(endpoint, &query.state));
    let after = list.after(query.cursor.as_deref())?;
    let read = app
        .read(workspace, move |conn| {
            endpoints::get(conn, workspace, endpoint)?.ok_or(Code::NotFound)?;
            let rows = ledger::list(conn, (workspace, endpoint), &query.state, after, limit + 1)?;
            Ok(list.page(rows, limit, |delivery| delivery.id))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
