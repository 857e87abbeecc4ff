use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, SendMessage};
use domain::id::{ConversationId, MessageId};
use domain::resource::Message;

use super::which;
use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::messages;
use crate::state::App;

/// Send a message again
///
/// For messages that failed, and for those whose fate is unknown: those may then arrive twice.
#[utoipa::path(tag = "messages",
    params(("conversation_id" = ConversationId, Path, description = "The conversation"),
        ("message_id" = MessageId, Path, description = "The message"), WriteHeaders),
    extensions(("x-action" = json!(Action::SendMessage))),
    responses((status = 200, description = "Queued again", body = Message), Writing))]
#[post("/v1/conversations/{conversation_id}/messages/{message_id}/retry")]
pub async fn retry_message(
    app: web::Data<App>,
    caller: Auth<SendMessage>,
    path: web::Path<(ConversationId, MessageId)>,
    request: HttpRequest,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    let which = which(&request, path.into_inner())?;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat.write(&app, &actor, StatusCode::OK, move |tx| messages::retry(tx, &caller, which)).await
}
