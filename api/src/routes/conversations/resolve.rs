use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, ResolveConversation};
use domain::id::ConversationId;
use domain::resource::Conversation;

use super::act;
use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::conversations;
use crate::state::App;

/// Resolve a conversation
///
/// Ends the session and closes its ticket. The customer's next message begins a new session.
#[utoipa::path(tag = "conversations",
    params(("conversation_id" = ConversationId, Path, description = "The conversation"), WriteHeaders),
    extensions(("x-action" = json!(Action::ResolveConversation))),
    responses((status = 200, description = "It is resolved", body = Conversation), Writing))]
#[post("/v1/conversations/{conversation_id}/resolve")]
pub async fn resolve_conversation(
    app: web::Data<App>,
    caller: Auth<ResolveConversation>,
    id: web::Path<ConversationId>,
    request: HttpRequest,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    act(&app, caller, (&request, id.into_inner()), repeat, conversations::resolve).await
}
