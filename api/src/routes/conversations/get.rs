use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadConversation};
use domain::id::ConversationId;
use domain::resource::Conversation;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::read::readable_conversation;
use crate::state::App;

/// Read a conversation
///
/// With its last message and its reply window as they are now; the thread itself is under `…/messages`.
#[utoipa::path(tag = "conversations",
    params(("conversation_id" = ConversationId, Path, description = "The conversation")),
    extensions(("x-action" = json!(Action::ReadConversation))),
    responses((status = 200, description = "The conversation", body = Conversation), Reading))]
#[get("/v1/conversations/{conversation_id}")]
pub async fn get_conversation(
    app: web::Data<App>,
    caller: Auth<ReadConversation>,
    id: web::Path<ConversationId>,
) -> Result<HttpResponse, Problem> {
    let (id, now, caller) = (id.into_inner(), app.clock.now(), caller.into_caller());
    let workspace = caller.actor().workspace_id;
    let read = app.read(workspace, move |conn| readable_conversation(conn, &caller, id, now)).await?;
    Ok(reply::read_versioned(&app, &read))
}
