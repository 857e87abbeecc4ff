use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadAttachment};
use domain::id::AttachmentId;
use domain::resource::Attachment;
use persistence::attachments;

use crate::attachments::link;
use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply::{self, Read};
use crate::http::responses::Reading;
use crate::ops::attachments::readable;
use crate::state::App;

/// Read what is known of a file
///
/// With a link for `<img>` and `<video>` that is good for five minutes, for whoever has it, even if the caller loses sight of
/// the conversation meanwhile.
#[utoipa::path(tag = "attachments",
    params(("attachment_id" = AttachmentId, Path, description = "The file")),
    extensions(("x-action" = json!(Action::ReadAttachment))),
    responses((status = 200, description = "The file", body = Attachment), Reading))]
#[get("/v1/attachments/{attachment_id}")]
pub async fn get_attachment(
    app: web::Data<App>,
    caller: Auth<ReadAttachment>,
    id: web::Path<AttachmentId>,
) -> Result<HttpResponse, Problem> {
    let (id, caller) = (id.into_inner(), caller.into_caller());
    let workspace = caller.actor().workspace_id;
    let found = app
        .read(workspace, move |conn| Ok(readable(&caller, attachments::find(conn, workspace, id)?)?))
        .await?;
    let data = link::with_link(&app, workspace, found.data);
    Ok(reply::read(&app, &Read { seq: found.seq, data }))
}
