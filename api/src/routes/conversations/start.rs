use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, StartConversation};
use domain::contact;
use domain::id::{ChannelId, ContactId};
use domain::refusal::Refusal;
use domain::resource::Conversation;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::conversations::{self, StartDraft, Whom};
use crate::routes::messages::NewTemplateMessage;
use crate::state::App;

/// A conversation to be started: exactly one of `contact_id` and `phone` says with whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConversation {
    /// The channel; one that has templates.
    channel_id: ChannelId,
    /// The contact.
    #[schema(example = json!(null))]
    contact_id: Option<ContactId>,
    /// The phone number with its country code. Nobody here need know it yet.
    #[schema(max_length = 40, example = "+6281234567890", format = "phone")]
    phone: Option<String>,
    /// What is written.
    template: NewTemplateMessage,
    /// An id of the sender's choice for the message, at most 128 visible ASCII characters: the same one twice in a
    /// conversation is one message.
    #[schema(example = "7f1c-42", max_length = 128, format = "token")]
    client_message_id: Option<String>,
}

impl NewConversation {
    fn into_draft(self) -> Result<StartDraft, Refusal> {
        let whom = match (self.contact_id, self.phone) {
            (Some(contact), None) => Whom::Contact(contact),
            (None, Some(phone)) => Whom::Phone(contact::phone("/phone", &phone)?),
            (Some(_), Some(_)) => {
                let detail = "must be absent where the contact is named";
                return Err(Refusal::invalid("/phone", "unexpected", detail));
            }
            (None, None) => {
                return Err(Refusal::invalid("/phone", "required", "must say with whom, or contact_id must"));
            }
        };
        Ok(StartDraft {
            channel_id: self.channel_id,
            whom,
            template: self.template.into(),
            client_message_id: self.client_message_id,
        })
    }
}

/// Start a conversation
///
/// Writes first, with a template that is `accepted` and may `initiate`. The conversation is the caller's at once. There is
/// one conversation for each customer on a channel: if the number is known it is opened again, unless somebody else holds it
/// (409 `already_held`, with whom). To a number that nobody knows a contact is made; its answer comes to this conversation.
#[utoipa::path(tag = "conversations", request_body = NewConversation, params(RepeatHeader),
    extensions(("x-action" = json!(Action::StartConversation))),
    responses((status = 201, description = "Started", body = Conversation), Writing))]
#[post("/v1/conversations")]
pub async fn start_conversation(
    app: web::Data<App>,
    caller: Auth<StartConversation>,
    repeat: Repeat,
    body: Body<NewConversation>,
) -> Result<HttpResponse, Problem> {
    let draft = body.value.into_draft()?;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::CREATED, move |tx| conversations::start(tx, &caller, &draft))
        .await
}
