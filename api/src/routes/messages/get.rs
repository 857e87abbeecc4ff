use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadMessages};
use domain::id::{ConversationId, MessageId};
use domain::refusal::Code;
use domain::resource::Message;
use persistence::messages;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::read::readable_conversation;
use crate::state::App;

/// Read a message
///
/// Where an event is too large to be written out, its `data.ref` leads here.
#[utoipa::path(tag = "messages",
    params(("conversation_id" = ConversationId, Path, description = "The conversation"),
        ("message_id" = MessageId, Path, description = "The message")),
    extensions(("x-action" = json!(Action::ReadMessages))),
    responses((status = 200, description = "The message", body = Message), Reading))]
#[get("/v1/conversations/{conversation_id}/messages/{message_id}")]
pub async fn get_message(
    app: web::Data<App>,
    caller: Auth<ReadMessages>,
    path: web::Path<(ConversationId, MessageId)>,
) -> Result<HttpResponse, Problem> {
    let ((conversation, id), now, caller) = (path.into_inner(), app.clock.now(), caller.into_caller());
    let workspace = caller.actor().workspace_id;
    let read = app
        .read(workspace, move |conn| {
            readable_conversation(conn, &caller, conversation, now)?;
            let message = messages::shape(conn, workspace, id)?;
            message.filter(|message| message.conversation_id == conversation).ok_or(Code::NotFound.into())
        })
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
