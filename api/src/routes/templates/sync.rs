use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ManageTemplates};
use domain::id::ChannelId;
use domain::resource::TemplateSync;

use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::templates;
use crate::state::App;

/// Read a channel's templates from the provider
///
/// In the background: what it finds is told by `template.created`, `template.updated` and `template.deleted` (gone at the
/// provider), its end by `template.synced`, with the same shape as this answer. Asking while a reading waits for its turn
/// begins no second one.
#[utoipa::path(tag = "templates", params(("channel_id" = ChannelId, Path, description = "The channel"), RepeatHeader),
    extensions(("x-action" = json!(Action::ManageTemplates))),
    responses((status = 202, description = "It will be read", body = TemplateSync), Writing))]
#[post("/v1/channels/{channel_id}/templates/sync")]
pub async fn sync_templates(
    app: web::Data<App>,
    caller: Auth<ManageTemplates>,
    id: web::Path<ChannelId>,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat.write(&app, &actor, StatusCode::ACCEPTED, move |tx| templates::request_sync(tx, &caller, id)).await
}
