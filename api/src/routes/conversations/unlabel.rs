use actix_web::{HttpRequest, HttpResponse, delete, web};
use domain::access::{Action, LabelConversation};
use domain::id::{ConversationId, LabelId};
use domain::resource::Conversation;

use super::which;
use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::labels;
use crate::state::App;

/// Take a label off a conversation
///
/// One that it has not got changes nothing.
#[utoipa::path(tag = "conversations",
    params(("conversation_id" = ConversationId, Path, description = "The conversation"),
        ("label_id" = LabelId, Path, description = "The label"), VersionHeader),
    extensions(("x-action" = json!(Action::LabelConversation))),
    responses((status = 200, description = "It has not got the label", body = Conversation), Writing))]
#[delete("/v1/conversations/{conversation_id}/labels/{label_id}")]
pub async fn unlabel_conversation(
    app: web::Data<App>,
    caller: Auth<LabelConversation>,
    path: web::Path<(ConversationId, LabelId)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, label) = path.into_inner();
    let which = which(&request, id)?;
    let caller = caller.into_caller();
    let conversation = app.write(move |tx| labels::detach(tx, &caller, which, label)).await?;
    Ok(HttpResponse::Ok().json(conversation))
}
