use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTeam};
use domain::input;
use domain::resource::Division;
use domain::search::pattern;
use persistence::divisions;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Which divisions.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DivisionQuery {
    /// Only those with this in their name, whatever the case and the accents; at most 100 characters.
    #[param(max_length = 100, format = "line")]
    q: Option<String>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List divisions
///
/// By name.
#[utoipa::path(tag = "team", params(DivisionQuery), extensions(("x-action" = json!(Action::ReadTeam))),
    responses((status = 200, description = "A page of divisions", body = Page<Division>), Reading))]
#[get("/v1/divisions")]
pub async fn list_divisions(
    app: web::Data<App>,
    caller: Auth<ReadTeam>,
    query: Query<DivisionQuery>,
) -> Result<HttpResponse, Problem> {
    let (workspace, query) = (caller.actor().workspace_id, query.0);
    let limit = page::limit(query.limit)?;
    let list = List::new(&app.keys, workspace, "divisions", &query.q);
    let after = list.after(query.cursor.as_deref())?;
    let pattern = match query.q {
        Some(words) => {
            input::search("?q", &words)?;
            Some(pattern(&words))
        }
        None => None,
    };
    let read = app
        .read(workspace, move |conn| {
            let rows = divisions::list(conn, workspace, pattern, after, limit + 1)?;
            Ok(list.page(rows, limit, |division| (division.name.clone(), division.id)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
