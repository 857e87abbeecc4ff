use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadChannels, Visible};
use domain::resource::Channel;
use persistence::channels;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page, PageQuery};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::channels::shape_for;
use crate::state::App;

/// List channels
///
/// By name. Which secrets are set is shown to admins only; the secrets never.
#[utoipa::path(tag = "channels", params(PageQuery), extensions(("x-action" = json!(Action::ReadChannels))),
    responses((status = 200, description = "A page of channels", body = Page<Channel>), Reading))]
#[get("/v1/channels")]
pub async fn list_channels(
    app: web::Data<App>,
    caller: Auth<ReadChannels>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let reader = caller.actor().clone();
    let workspace = reader.workspace_id;
    let limit = page::limit(query.0.limit)?;
    let list = List::new(&app.keys, workspace, "channels", &());
    let after = list.after(query.0.cursor.as_deref())?;
    let shared = app.get_ref().clone();
    let read = app
        .read(workspace, move |conn| {
            let only = Visible::to(&reader).only_channels().map(<[_]>::to_vec);
            let rows = channels::list(conn, workspace, only, after, limit + 1)?;
            let rows = rows.into_iter().map(|channel| shape_for(&shared, channel, &reader)).collect();
            Ok(list.page(rows, limit, |channel: &Channel| (channel.name.clone(), channel.id)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
