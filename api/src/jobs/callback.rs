//! What the callback of an integrator's channel is handed: put together here, and called.

use domain::id::{ConversationId, MessageId, WorkspaceId};
use domain::resource::{Callback, CallbackContact, CallbackType};
use persistence::error::{Failure, StoreError};
use persistence::jobs::SendJob;
use persistence::messages::Outgoing;
use persistence::{attachments, conversations, messages};

use crate::attachments::link::with_link;
use crate::channels::callback::Line;
use crate::channels::known::KnownChannel;
use crate::channels::outbound::missing_file;
use crate::channels::{Recipient, SendFailure, SendOutcome};
use crate::state::App;

/// What is to be told.
pub(crate) struct Telling {
    /// What is to be done.
    pub callback_type: CallbackType,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The customer.
    pub customer: Recipient,
    /// The message that it is about.
    pub message_id: Option<MessageId>,
    /// The integrator's id of the message that is answered.
    pub reply_to: Option<String>,
    /// The emoji that the team put on the message.
    pub emoji: Option<String>,
}

/// Hands a message over. The receiver drops what comes twice, so what nobody knows is a reason to try again.
pub(super) async fn send(
    app: &App,
    job: SendJob,
    known: &KnownChannel,
    outgoing: Outgoing,
) -> Result<SendOutcome, Failure> {
    // The callback was taken away since the job was claimed: it waits for the next one.
    let line = Line::of(known).ok_or_else(StoreError::overtaken)?;
    let telling = Telling {
        callback_type: CallbackType::SendMessage,
        workspace_id: job.workspace_id,
        conversation_id: job.conversation_id,
        customer: Recipient { external_id: outgoing.external_id, phone: outgoing.phone },
        message_id: Some(job.message_id),
        reply_to: outgoing.reply_to_provider_id,
        emoji: None,
    };
    // Not the message's id: who sends a failed message again wants it handed over again.
    let told = tell(app, &line, &job.id.to_string(), telling).await?;
    Ok(match told {
        Ok(name) => {
            // Without a name of the integrator's the message goes by ours.
            let provider_message_id = name.unwrap_or_else(|| job.message_id.to_string());
            SendOutcome::Accepted { provider_message_id }
        }
        Err(failure) => SendOutcome::Refused(failure),
    })
}

/// Tells it, once. `id` is the same for every attempt. Where the outer result is an error, nobody was called.
pub(crate) async fn tell(
    app: &App,
    line: &Line,
    id: &str,
    telling: Telling,
) -> Result<Result<Option<String>, SendFailure>, Failure> {
    let body = match put_together(app, telling).await? {
        Ok(body) => body,
        Err(failure) => return Ok(Err(failure)),
    };
    let body = serde_json::to_string(&body)
        .map_err(|error| StoreError::internal(format!("a callback could not be written as JSON: {error}")))?;
    let timeout = app.settings.times.webhook_total;
    Ok(line.call(&app.guarded, (id, app.clock.now(), timeout), body).await)
}

async fn put_together(app: &App, telling: Telling) -> Result<Result<Callback, SendFailure>, Failure> {
    let Telling { callback_type, workspace_id, conversation_id, customer, message_id, .. } = telling;
    let now = app.clock.now();
    let (conversation, message, file) = app
        .db
        .read(move |conn| {
            let gone = || StoreError::internal("what a callback is about is gone".to_owned());
            let conversation =
                conversations::shape(conn, workspace_id, conversation_id, now)?.ok_or_else(gone)?;
            let Some(id) = message_id else { return Ok((conversation, None, None)) };
            let message = messages::shape(conn, workspace_id, id)?.ok_or_else(gone)?;
            let file =
                match message.attachment.as_ref().filter(|_| callback_type == CallbackType::SendMessage) {
                    Some(file) => attachments::find(conn, workspace_id, file.id)?,
                    None => None,
                };
            Ok((conversation, Some(message), file))
        })
        .await?;
    let attachment = file.map(|file| with_link(app, workspace_id, file.attachment));
    if attachment.as_ref().is_some_and(|file| file.signed_url.is_none()) {
        return Ok(Err(missing_file()));
    }
    Ok(Ok(Callback {
        callback_type,
        channel_id: conversation.channel.id,
        conversation_id,
        contact: CallbackContact {
            id: conversation.contact.id,
            external_id: customer.external_id,
            name: conversation.contact.name,
            phone: customer.phone,
        },
        message,
        attachment,
        reply_to_external_id: telling.reply_to,
        emoji: telling.emoji,
    }))
}
