use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, put, web};
use domain::access::{Action, SendMessage};
use domain::id::{ConversationId, MessageId};
use domain::resource::Message;
use serde::Deserialize;
use utoipa::ToSchema;

use super::which;
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::gestures;
use crate::state::App;

/// An emoji for a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReaction {
    /// Exactly one emoji. The channel's `capabilities.limits.reaction_emojis` says which, if not any.
    #[schema(max_length = 20, example = "👍", format = "emoji")]
    pub emoji: String,
}

/// React to a message
///
/// The team has one reaction on a message, as the business has at the provider: another emoji replaces it, and whoever
/// put it there last is its author. It needs the right to write, and does not take the conversation. If the provider
/// refuses it, it disappears again (`message.updated`).
#[utoipa::path(tag = "messages", request_body = NewReaction,
    params(("conversation_id" = ConversationId, Path, description = "The conversation"),
        ("message_id" = MessageId, Path, description = "The message"), WriteHeaders),
    extensions(("x-action" = json!(Action::SendMessage))),
    responses((status = 200, description = "The message with its reactions", body = Message), Writing))]
#[put("/v1/conversations/{conversation_id}/messages/{message_id}/reaction")]
pub async fn set_reaction(
    app: web::Data<App>,
    caller: Auth<SendMessage>,
    path: web::Path<(ConversationId, MessageId)>,
    request: HttpRequest,
    repeat: Repeat,
    body: Body<NewReaction>,
) -> Result<HttpResponse, Problem> {
    let (which, emoji) = (which(&request, path.into_inner())?, body.value.emoji);
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::OK, move |tx| gestures::react(tx, &caller, which, Some(&emoji)))
        .await
}
