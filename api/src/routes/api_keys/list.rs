use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ManageApiKeys};
use domain::resource::ApiKey;
use persistence::api_keys;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page, PageQuery};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// List API keys
///
/// The newest first. Those that were ended, or whose member left the team, are not in it; those that ran
/// out are.
#[utoipa::path(tag = "team", params(PageQuery), extensions(("x-action" = json!(Action::ManageApiKeys))),
    responses((status = 200, description = "A page of API keys", body = Page<ApiKey>), Reading))]
#[get("/v1/api-keys")]
pub async fn list_api_keys(
    app: web::Data<App>,
    caller: Auth<ManageApiKeys>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let workspace = caller.actor().workspace_id;
    let limit = page::limit(query.0.limit)?;
    let list = List::new(&app.keys, workspace, "api keys", &());
    let after = list.after(query.0.cursor.as_deref())?;
    let read = app
        .read(workspace, move |conn| {
            let rows = api_keys::list(conn, workspace, after, limit + 1)?;
            Ok(list.page(rows, limit, |key| key.id))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
