use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadNotifications};
use domain::resource::NotificationPreferences;
use persistence::notification_preferences;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Read how one wants to be notified
///
/// A key that is limited to channels has no notifications, and so no say in them.
#[utoipa::path(tag = "me", extensions(("x-action" = json!(Action::ReadNotifications))),
    responses((status = 200, description = "The preferences", body = NotificationPreferences), Reading))]
#[get("/v1/me/notification-preferences")]
pub async fn get_notification_preferences(
    app: web::Data<App>,
    caller: Auth<ReadNotifications>,
) -> Result<HttpResponse, Problem> {
    caller.on_workspace()?;
    let (workspace, agent) = (caller.actor().workspace_id, caller.actor().agent_id);
    let read =
        app.read(workspace, move |conn| Ok(notification_preferences::get(conn, workspace, agent)?)).await?;
    Ok(reply::read_versioned(&app, &read))
}
