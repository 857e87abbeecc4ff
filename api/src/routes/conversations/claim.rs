use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, ClaimConversation};
use domain::id::ConversationId;
use domain::resource::Conversation;

use super::act;
use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::conversations;
use crate::state::App;

/// Take a conversation
///
/// Of several callers at once one wins; the others get 409 `already_held` with the holder's name. Taking
/// what one holds already changes nothing.
#[utoipa::path(tag = "conversations",
    params(("conversation_id" = ConversationId, Path, description = "The conversation"), WriteHeaders),
    extensions(("x-action" = json!(Action::ClaimConversation))),
    responses((status = 200, description = "The caller holds it", body = Conversation), Writing))]
#[post("/v1/conversations/{conversation_id}/claim")]
pub async fn claim_conversation(
    app: web::Data<App>,
    caller: Auth<ClaimConversation>,
    id: web::Path<ConversationId>,
    request: HttpRequest,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    act(&app, caller, (&request, id.into_inner()), repeat, conversations::claim).await
}
