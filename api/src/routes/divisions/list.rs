use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTeam};
use domain::resource::Division;
use persistence::divisions;

use crate::auth::extract::Auth;
use crate::http::page::PageQuery;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// List divisions
///
/// By name.
#[utoipa::path(tag = "team", params(PageQuery), extensions(("x-action" = json!(Action::ReadTeam))),
    responses((status = 200, description = "A page of divisions", body = Page<Division>), Reading))]
#[get("/v1/divisions")]
pub async fn list_divisions(
    app: web::Data<App>,
    caller: Auth<ReadTeam>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let workspace = caller.actor().workspace_id;
    let limit = page::limit(query.0.limit)?;
    let list = List::new(&app.keys, workspace, "divisions", &());
    let after = list.after(query.0.cursor.as_deref())?;
    let read = app
        .read(workspace, move |conn| {
            let rows = divisions::list(conn, workspace, after, limit + 1)?;
            Ok(list.page(rows, limit, |division| (division.name.clone(), division.id)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
