use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, web};
use domain::access::{Action, SendMessage};
use domain::id::{ConversationId, MessageId};
use domain::resource::Message;

use super::which;
use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::gestures;
use crate::state::App;

/// Take the team's reaction off a message
///
/// Whoever put it there. Where there is none, nothing changes.
#[utoipa::path(tag = "messages",
    params(("conversation_id" = ConversationId, Path, description = "The conversation"),
        ("message_id" = MessageId, Path, description = "The message"), WriteHeaders),
    extensions(("x-action" = json!(Action::SendMessage))),
    responses((status = 200, description = "The message with its reactions", body = Message), Writing))]
#[delete("/v1/conversations/{conversation_id}/messages/{message_id}/reaction")]
pub async fn delete_reaction(
    app: web::Data<App>,
    caller: Auth<SendMessage>,
    path: web::Path<(ConversationId, MessageId)>,
    request: HttpRequest,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    let which = which(&request, path.into_inner())?;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat.write(&app, &actor, StatusCode::OK, move |tx| gestures::react(tx, &caller, which, None)).await
}
