use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, SendMessage};
use domain::attachment::AttachmentKind;
use domain::id::{AttachmentId, ConversationId, MessageId, TemplateId};
use domain::interactive::Interactive;
use domain::location::Location;
use domain::message::MessageKind;
use domain::outbound::OutboundContent;
use domain::refusal::Refusal;
use domain::resource::Message;
use domain::template::TemplateParameters;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::messages::{self, DraftContent, MessageDraft};
use crate::ops::templates::usage::TemplateUse;
use crate::routes::conversations::which;
use crate::state::App;

/// A message to be sent. Beside `kind`, it has the fields of its kind and no others.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "client_message_id": "7f1c-42", "kind": "text", "text": "Siap kak, paketnya kami cek dulu ya." }))]
pub struct NewMessage {
    /// An id of the sender's choice, at most 128 visible ASCII characters: the same one twice in a conversation is
    /// one message.
    #[schema(example = "7f1c-42", max_length = 128, format = "token")]
    pub client_message_id: Option<String>,
    /// What it is. The channel's `capabilities.kinds` says what can be sent, the conversation's `reply_window.allowed`
    /// what can be sent now.
    #[schema(example = "text")]
    pub kind: MessageKind,
    /// The words: of a `text`, and those above what can be tapped of an `interactive`.
    #[schema(example = "Siap kak, paketnya kami cek dulu ya.", max_length = 4096, format = "words")]
    pub text: Option<String>,
    /// The file of an `image`, `video`, `document` or `audio`: an upload of the caller's that was not sent before.
    pub attachment_id: Option<AttachmentId>,
    /// Words beneath the file, where the channel has them.
    #[schema(max_length = 4096, format = "words")]
    pub caption: Option<String>,
    /// The place of a `location`.
    pub location: Option<Location>,
    /// What the customer can tap of an `interactive`.
    pub interactive: Option<Interactive>,
    /// The template of a `template`.
    pub template: Option<NewTemplateMessage>,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
}

/// Which template, and what it leaves open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTemplateMessage {
    /// The template, one of this channel.
    pub template_id: TemplateId,
    /// What it leaves open.
    #[serde(default)]
    pub parameters: TemplateParameters,
}

impl From<NewTemplateMessage> for TemplateUse {
    fn from(new: NewTemplateMessage) -> Self {
        Self { template_id: new.template_id, parameters: new.parameters }
    }
}

impl NewMessage {
    fn into_draft(self) -> Result<MessageDraft, Refusal> {
        self.check_fields()?;
        let content = match self.kind {
            MessageKind::Template => {
                let content = DraftContent::Template(required("/template", self.template)?.into());
                return Ok(MessageDraft {
                    client_message_id: self.client_message_id,
                    content,
                    reply_to: self.reply_to,
                });
            }
            MessageKind::Text => OutboundContent::Text { text: required("/text", self.text)? },
            MessageKind::Location => {
                OutboundContent::Location(required("/location", self.location)?.rounded())
            }
            MessageKind::Interactive => OutboundContent::Interactive {
                text: required("/text", self.text)?,
                interactive: required("/interactive", self.interactive)?,
            },
            other => match AttachmentKind::of(other).filter(|kind| *kind != AttachmentKind::Sticker) {
                Some(kind) => {
                    required("/attachment_id", self.attachment_id)?;
                    OutboundContent::File { kind, caption: self.caption }
                }
                None => {
                    let detail = format!("messages of kind {other} cannot be sent on this channel");
                    return Err(Refusal::invalid("/kind", "not_supported", detail));
                }
            },
        };
        Ok(MessageDraft {
            client_message_id: self.client_message_id,
            content: DraftContent::Free { content, attachment_id: self.attachment_id },
            reply_to: self.reply_to,
        })
    }

    /// Refuses what the kind has no place for: it would be lost.
    fn check_fields(&self) -> Result<(), Refusal> {
        use MessageKind::{Interactive, Location, Template, Text};
        let file = AttachmentKind::of(self.kind).is_some();
        let fields = [
            ("/text", self.text.is_some(), matches!(self.kind, Text | Interactive)),
            ("/attachment_id", self.attachment_id.is_some(), file),
            ("/caption", self.caption.is_some(), file),
            ("/location", self.location.is_some(), self.kind == Location),
            ("/interactive", self.interactive.is_some(), self.kind == Interactive),
            ("/template", self.template.is_some(), self.kind == Template),
        ];
        match fields.into_iter().find(|(_, given, fits)| *given && !*fits) {
            Some((pointer, ..)) => {
                let detail = format!("messages of kind {} have none", self.kind);
                Err(Refusal::invalid(pointer, "unexpected", detail))
            }
            None => Ok(()),
        }
    }
}

fn required<T>(pointer: &str, value: Option<T>) -> Result<T, Refusal> {
    value.ok_or_else(|| Refusal::invalid(pointer, "required", "must not be empty"))
}

/// Send a message
///
/// It is stored and answered as `queued`; how it goes on is told on the stream (`message.updated`). A
/// conversation that nobody holds becomes the caller's first. To a contact that is blocked nothing is sent.
///
/// When the reply window is closed only templates can be sent: anything else is refused with `reply_window_closed`, which
/// names those that can. A template that opens a resolved conversation, or is sent outside the window, must have
/// `initiate`; one for marketing is not for customers who opted out. What is wrong with its parameters is said for each.
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
