use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadSettings};
use domain::refusal::Code;
use domain::resource::MessagingSettings;
use persistence::messaging_settings;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Read the messaging settings
///
/// How early those concerned are told that a reply window closes, and how large uploads may be.
#[utoipa::path(tag = "messages", extensions(("x-action" = json!(Action::ReadSettings))),
    responses((status = 200, description = "The settings", body = MessagingSettings), Reading))]
#[get("/v1/settings/messaging")]
pub async fn get_messaging_settings(
    app: web::Data<App>,
    caller: Auth<ReadSettings>,
) -> Result<HttpResponse, Problem> {
    let workspace = caller.actor().workspace_id;
    let read = app
        .read(workspace, move |conn| messaging_settings::get(conn, workspace)?.ok_or(Code::NotFound.into()))
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
