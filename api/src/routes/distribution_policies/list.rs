use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadSettings};
use domain::resource::DistributionPolicy;
use persistence::policies;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page, PageQuery};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::policies::shape_for;
use crate::state::App;

/// List distribution policies
///
/// By name. A program that is limited to channels is shown no others.
#[utoipa::path(tag = "routing", params(PageQuery), extensions(("x-action" = json!(Action::ReadSettings))),
    responses((status = 200, description = "A page of policies", body = Page<DistributionPolicy>), Reading))]
#[get("/v1/distribution-policies")]
pub async fn list_distribution_policies(
    app: web::Data<App>,
    caller: Auth<ReadSettings>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let reader = caller.actor().clone();
    let workspace = reader.workspace_id;
    let limit = page::limit(query.0.limit)?;
    let list = List::new(&app.keys, workspace, "distribution_policies", &());
    let after = list.after(query.0.cursor.as_deref())?;
    let read = app
        .read(workspace, move |conn| {
            let rows = policies::list(conn, workspace, after, limit + 1)?;
            let rows = rows.into_iter().map(|policy| shape_for(policy, &reader)).collect();
            Ok(list.page(rows, limit, |policy: &DistributionPolicy| (policy.name.clone(), policy.id)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
