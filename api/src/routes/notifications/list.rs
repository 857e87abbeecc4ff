use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadNotifications};
use domain::resource::Notification;
use persistence::notifications;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Which notifications.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NotificationQuery {
    /// `true`: only those that have not been read; `false`: only those that have.
    unread: Option<bool>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List one's own notifications
///
/// Newest first. They are kept for a time only, read or not. A key that is limited to channels has none.
#[utoipa::path(tag = "notifications", params(NotificationQuery), extensions(("x-action" = json!(Action::ReadNotifications))),
    responses((status = 200, description = "A page of notifications", body = Page<Notification>), Reading))]
#[get("/v1/notifications")]
pub async fn list_notifications(
    app: web::Data<App>,
    caller: Auth<ReadNotifications>,
    query: Query<NotificationQuery>,
) -> Result<HttpResponse, Problem> {
    caller.on_workspace()?;
    let (workspace, agent, query) = (caller.actor().workspace_id, caller.actor().agent_id, query.0);
    let limit = page::limit(query.limit)?;
    let list = List::new(&app.keys, workspace, "notifications", &(agent, query.unread));
    let after = list.after(query.cursor.as_deref())?;
    let read = app
        .read(workspace, move |conn| {
            let rows = notifications::list(conn, (workspace, agent), query.unread, after, limit + 1)?;
            Ok(list.page(rows, limit, |notification| notification.id))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
