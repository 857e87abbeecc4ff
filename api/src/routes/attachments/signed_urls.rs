use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ReadAttachment};
use domain::attachment::AttachmentState;
use domain::id::AttachmentId;
use domain::input;
use domain::resource::SignedUrls;
use persistence::attachments;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::attachments::link;
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::responses::Writing;
use crate::ops::attachments::readable;
use crate::state::App;

/// The most links of one call: a page of messages.
const MOST: usize = 100;

/// Files that are to be shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedUrls {
    /// The files, at most 100.
    #[schema(value_type = BTreeSet<AttachmentId>, max_items = 100)]
    pub attachment_ids: Vec<AttachmentId>,
}

/// Get links to files
///
/// For `<img>` and `<video>`, which send no credentials: each is good for five minutes, for whoever has it, even if the
/// caller loses sight of the conversation meanwhile. Files that the caller may not see, or that are not here yet, are
/// left out.
#[utoipa::path(tag = "attachments", request_body = WantedUrls,
    extensions(("x-action" = json!(Action::ReadAttachment))),
    responses((status = 200, description = "The links", body = SignedUrls), Writing))]
#[post("/v1/attachments/signed-urls")]
pub async fn create_signed_urls(
    app: web::Data<App>,
    caller: Auth<ReadAttachment>,
    body: Body<WantedUrls>,
) -> Result<HttpResponse, Problem> {
    let (caller, wanted) = (caller.into_caller(), body.value.attachment_ids);
    input::distinct("/attachment_ids", &wanted, MOST)?;
    let workspace = caller.actor().workspace_id;
    let found = app.db.read(move |conn| Ok(attachments::find_many(conn, workspace, wanted)?)).await?;
    let seen = found.into_iter().filter_map(|found| readable(&caller, Some(found)).ok());
    let here = seen.filter(|file| file.state == AttachmentState::Stored);
    let items = here.map(|file| link::sign(&app, workspace, file.id)).collect();
    Ok(HttpResponse::Ok().json(SignedUrls { items }))
}
