use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadLabels};
use domain::input;
use domain::resource::Label;
use domain::search::{folded, pattern};
use persistence::labels;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Which labels.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LabelQuery {
    /// Only those with this in their name, whatever the case and the accents; at most 100 characters.
    #[param(max_length = 100, format = "line")]
    q: Option<String>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List labels
///
/// By name.
#[utoipa::path(tag = "labels", params(LabelQuery), extensions(("x-action" = json!(Action::ReadLabels))),
    responses((status = 200, description = "A page of labels", body = Page<Label>), Reading))]
#[get("/v1/labels")]
pub async fn list_labels(
    app: web::Data<App>,
    caller: Auth<ReadLabels>,
    query: Query<LabelQuery>,
) -> Result<HttpResponse, Problem> {
    let (workspace, query) = (caller.actor().workspace_id, query.0);
    let limit = page::limit(query.limit)?;
    let list = List::new(&app.keys, workspace, "labels", &query.q);
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
            let rows = labels::list(conn, workspace, pattern, after, limit + 1)?;
            Ok(list.page(rows, limit, |label| folded(&label.name)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
