use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, MarkConversationRead};
use domain::id::ConversationId;
use domain::resource::Conversation;

use super::act;
use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::conversations;
use crate::state::App;

/// Mark a conversation as read
///
/// For its holder, and for anybody while nobody holds it. Where the channel has receipts, the customer is told, once for
/// its newest message; one that is blocked is not.
#[utoipa::path(tag = "conversations",
    params(("conversation_id" = ConversationId, Path, description = "The conversation"), WriteHeaders),
    extensions(("x-action" = json!(Action::MarkConversationRead))),
    responses((status = 200, description = "Nothing is unread", body = Conversation), Writing))]
#[post("/v1/conversations/{conversation_id}/read")]
pub async fn read_conversation(
    app: web::Data<App>,
    caller: Auth<MarkConversationRead>,
    id: web::Path<ConversationId>,
    request: HttpRequest,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    act(&app, caller, (&request, id.into_inner()), repeat, conversations::mark_read).await
}
