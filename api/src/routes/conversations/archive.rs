use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, ArchiveConversation};
use domain::id::ConversationId;
use domain::resource::Conversation;

use super::act;
use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::conversations;
use crate::state::App;

/// Archive a conversation
///
/// It leaves every tab but `archived` until it is brought back or the customer writes.
#[utoipa::path(tag = "conversations",
    params(("conversation_id" = ConversationId, Path, description = "The conversation"), WriteHeaders),
    extensions(("x-action" = json!(Action::ArchiveConversation))),
    responses((status = 200, description = "It is archived", body = Conversation), Writing))]
#[post("/v1/conversations/{conversation_id}/archive")]
pub async fn archive_conversation(
    app: web::Data<App>,
    caller: Auth<ArchiveConversation>,
    id: web::Path<ConversationId>,
    request: HttpRequest,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    act(&app, caller, (&request, id.into_inner()), repeat, |tx, caller, which| {
        conversations::archive(tx, caller, which, true)
    })
    .await
}
