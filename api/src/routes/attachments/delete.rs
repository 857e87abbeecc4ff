use actix_web::{HttpResponse, delete, web};
use domain::access::{Action, UploadAttachment};
use domain::id::AttachmentId;

use crate::attachments::forget;
use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::responses::Writing;
use crate::ops::attachments;
use crate::state::App;

/// Take an upload back
///
/// Only one's own, and only while it was not sent.
#[utoipa::path(tag = "attachments",
    params(("attachment_id" = AttachmentId, Path, description = "The file")),
    extensions(("x-action" = json!(Action::UploadAttachment))),
    responses((status = 204, description = "Gone"), Writing))]
#[delete("/v1/attachments/{attachment_id}")]
pub async fn delete_attachment(
    app: web::Data<App>,
    caller: Auth<UploadAttachment>,
    id: web::Path<AttachmentId>,
) -> Result<HttpResponse, Problem> {
    let (id, caller) = (id.into_inner(), caller.into_caller());
    let workspace = caller.actor().workspace_id;
    app.write(move |tx| attachments::discard_upload(tx, &caller, id)).await?;
    forget(&app, workspace, id).await;
    Ok(HttpResponse::NoContent().finish())
}
