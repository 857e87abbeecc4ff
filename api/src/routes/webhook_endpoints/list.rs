use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ManageWebhookEndpoints};
use domain::resource::WebhookEndpoint;
use persistence::webhooks::endpoints;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page, PageQuery};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// List webhook endpoints
///
/// The newest first.
#[utoipa::path(tag = "webhooks", params(PageQuery), extensions(("x-action" = json!(Action::ManageWebhookEndpoints))),
    responses((status = 200, description = "A page of webhook endpoints", body = Page<WebhookEndpoint>), Reading))]
#[get("/v1/webhook-endpoints")]
pub async fn list_webhook_endpoints(
    app: web::Data<App>,
    caller: Auth<ManageWebhookEndpoints>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let workspace = caller.actor().workspace_id;
    let limit = page::limit(query.0.limit)?;
    let list = List::new(&app.keys, workspace, "webhook endpoints", &());
    let after = list.after(query.0.cursor.as_deref())?;
    let read = app
        .read(workspace, move |conn| {
            let rows = endpoints::list(conn, workspace, after, limit + 1)?;
            Ok(list.page(rows, limit, |endpoint| endpoint.id))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
