use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, UnassignConversation};
use domain::id::ConversationId;
use domain::resource::Conversation;

use super::act;
use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::conversations;
use crate::state::App;

/// Put a conversation back into the queue
///
/// The ticket keeps its id and waits with the conversation.
#[utoipa::path(tag = "conversations",
    params(("conversation_id" = ConversationId, Path, description = "The conversation"), WriteHeaders),
    extensions(("x-action" = json!(Action::UnassignConversation))),
    responses((status = 200, description = "Nobody holds it", body = Conversation), Writing))]
#[post("/v1/conversations/{conversation_id}/unassign")]
pub async fn unassign_conversation(
    app: web::Data<App>,
    caller: Auth<UnassignConversation>,
    id: web::Path<ConversationId>,
    request: HttpRequest,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    act(&app, caller, (&request, id.into_inner()), repeat, conversations::unassign).await
}
