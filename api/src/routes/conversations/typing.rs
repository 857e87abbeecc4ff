use actix_web::{HttpResponse, post, web};
use domain::access::{Action, Facts, SendMessage};
use domain::id::ConversationId;
use domain::refusal::Code;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::responses::Writing;
use crate::ops::read::readable_conversation;
use crate::state::App;

/// Say that one is writing
///
/// The others of the team who may see the conversation are sent the signal `typing`, as by the frame `typing` of the
/// stream, and the customer is shown it where the channel can. Call it every few seconds while somebody types: the
/// customer is shown it every 5 seconds at most, and it fades by itself. On WhatsApp it also says that the customer's
/// messages were read. Nothing is stored and nothing is waited for. That the customer is writing is told by no provider.
#[utoipa::path(tag = "conversations",
    params(("conversation_id" = ConversationId, Path, description = "The conversation")),
    extensions(("x-action" = json!(Action::SendMessage))),
    responses((status = 204, description = "It is being told"), Writing))]
#[post("/v1/conversations/{conversation_id}/typing")]
pub async fn signal_typing(
    app: web::Data<App>,
    caller: Auth<SendMessage>,
    id: web::Path<ConversationId>,
) -> Result<HttpResponse, Problem> {
    let (id, now, caller) = (id.into_inner(), app.clock.now(), caller.into_caller());
    let (workspace, agent) = (caller.actor().workspace_id, caller.actor().agent_id);
    let conversation = app.db.read(move |conn| readable_conversation(conn, &caller, id, now)).await?;
    if conversation.contact.blocked {
        return Err(Code::ContactBlocked.into());
    }
    conversation.reply_window.check_open()?;
    app.hub.typing(workspace, id, Facts::from(&conversation), agent, None);
    app.show_typing(workspace, id);
    Ok(HttpResponse::NoContent().finish())
}
