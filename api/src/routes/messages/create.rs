use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, SendMessage};
use domain::id::{ConversationId, MessageId};
use domain::message::MessageKind;
use domain::outbound::OutboundContent;
use domain::refusal::Refusal;
use domain::resource::Message;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::messages::{self, MessageDraft};
use crate::routes::conversations::which;
use crate::state::App;

/// A message to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// An id of the sender's choice, at most 128 visible ASCII characters: the same one twice in a conversation is
    /// one message.
    #[schema(example = "7f1c-42")]
    pub client_message_id: Option<String>,
    /// What it is. The channel's `capabilities.kinds` says what can be sent.
    #[schema(example = "text")]
    pub kind: MessageKind,
    /// The words.
    #[schema(example = "Siap kak, paketnya kami cek dulu ya.")]
    pub text: Option<String>,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
}

impl NewMessage {
    fn into_draft(self) -> Result<MessageDraft, Refusal> {
        if self.kind != MessageKind::Text {
            let detail = format!("messages of kind {} cannot be sent on this channel", self.kind);
            return Err(Refusal::invalid("/kind", "not_supported", detail));
        }
        let text = self.text.ok_or_else(|| Refusal::invalid("/text", "required", "must not be empty"))?;
        let content = OutboundContent::Text { text };
        Ok(MessageDraft { client_message_id: self.client_message_id, content, reply_to: self.reply_to })
    }
}

/// Send a message
///
/// It is stored and answered as `queued`; how it goes on is told on the stream (`message.updated`). A
/// conversation that nobody holds becomes the caller's first.
#[utoipa::path(tag = "messages", request_body = NewMessage,
    params(("conversation_id" = ConversationId, Path, description = "The conversation"), WriteHeaders),
    extensions(("x-action" = json!(Action::SendMessage))),
    responses((status = 201, description = "Queued", body = Message), Writing))]
#[post("/v1/conversations/{conversation_id}/messages")]
pub async fn create_message(
    app: web::Data<App>,
    caller: Auth<SendMessage>,
    id: web::Path<ConversationId>,
    request: HttpRequest,
    repeat: Repeat,
    body: Body<NewMessage>,
) -> Result<HttpResponse, Problem> {
    let (which, draft) = (which(&request, id.into_inner())?, body.value.into_draft()?);
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::CREATED, move |tx| messages::create(tx, &caller, which, &draft))
        .await
}
