//! Files: uploads on their way to a message, and customers' files on their way here.

use std::time::Duration;

use chrono::TimeDelta;
use domain::access::{Caller, ReadAttachment, UploadAttachment};
use domain::attachment::{AttachmentFailure, AttachmentKind, AttachmentState};
use domain::event::{Audience, EventType, Sight};
use domain::id::{AgentId, AttachmentId, ConversationId, MessageId, WorkspaceId};
use domain::refusal::{Code, Refusal};
use domain::resource::{Attachment, AttachmentLimits, EventActor, MessageAttachment};
use persistence::attachments::{self, Content, Found, Unsent};
use persistence::error::{Failure, StoreError};
use persistence::jobs::{self, ChannelJob};
use persistence::{agents, conversations, messages, messaging_settings};

use super::transaction::{Change, Tx};

/// How long all the bytes of an upload may take to come: far less than uploads are kept.
pub const UPLOAD_LONGEST: Duration = Duration::from_secs(3600);

/// Where a request names the file that is to be sent.
const POINTER: &str = "/attachment_id";

/// What an upload turned out to be.
#[derive(Debug, Clone)]
pub struct Upload {
    /// As what it is to be sent.
    pub kind: AttachmentKind,
    /// Its name, made safe.
    pub filename: Option<String>,
    /// What its bytes are.
    pub content: Content,
}

/// An upload begins: nobody sees it yet. Answers its id, and how large it may be. `most` uploads of a member may wait to
/// be sent, and one more may come in: a repeat of the last one has to get its answer.
///
/// # Errors
/// `too_many_uploads`.
pub fn begin_upload(
    tx: &mut Tx<'_>,
    caller: &Caller<UploadAttachment>,
    most: u32,
) -> Result<(AttachmentId, AttachmentLimits), Failure> {
    let (workspace, owner) = (caller.actor().workspace_id, caller.actor().agent_id);
    if unsent(tx, workspace, owner)?.begun > i64::from(most) {
        return Err(too_many_uploads(most));
    }
    let settings = messaging_settings::get(tx.conn, workspace)?.ok_or(Code::NotFound)?;
    let (id, now) = (tx.id(), tx.now);
    attachments::insert_upload(tx.conn, workspace, id, owner, now)?;
    Ok((id, settings.attachment_limits))
}

/// All bytes of an upload are in the store: its owner can send it, unless `most` of its uploads wait for that already.
///
/// # Errors
/// `too_many_uploads`.
pub fn complete_upload(
    tx: &mut Tx<'_>,
    caller: &Caller<UploadAttachment>,
    id: AttachmentId,
    upload: &Upload,
    most: u32,
) -> Result<Attachment, Failure> {
    let (workspace, owner) = (caller.actor().workspace_id, caller.actor().agent_id);
    // Of several at once each counts those before it.
    agents::lock_active(tx.conn, workspace, vec![owner])?;
    if unsent(tx, workspace, owner)?.stored >= i64::from(most) {
        return Err(too_many_uploads(most));
    }
    attachments::describe_upload(tx.conn, workspace, id, upload.kind, upload.filename.clone())?;
    attachments::store(tx.conn, workspace, id, &upload.content)?;
    let found = attachments::find(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    Ok(found.attachment)
}

fn unsent(tx: &mut Tx<'_>, workspace: WorkspaceId, owner: AgentId) -> Result<Unsent, StoreError> {
    let alive = tx.now.plus(-TimeDelta::from_std(UPLOAD_LONGEST).unwrap_or_default());
    attachments::unsent(tx.conn, workspace, owner, alive)
}

fn too_many_uploads(most: u32) -> Failure {
    Refusal::new(Code::TooManyUploads).with("most", most).into()
}

/// The owner takes an upload back that was not sent. Its bytes go after the commit.
///
/// # Errors
/// `not_found` unless it is the caller's own; `attachment_sent`.
pub fn discard_upload(
    tx: &mut Tx<'_>,
    caller: &Caller<UploadAttachment>,
    id: AttachmentId,
) -> Result<(), Failure> {
    let actor = caller.actor();
    let found = attachments::lock(tx.conn, actor.workspace_id, id)?.ok_or(Code::NotFound)?.attachment;
    if found.uploaded_by != Some(actor.agent_id) || found.state != AttachmentState::Stored {
        return Err(Code::NotFound.into());
    }
    if found.message_id.is_some() {
        return Err(Code::AttachmentSent.into());
    }
    attachments::discard(tx.conn, actor.workspace_id, id)?;
    Ok(())
}

/// Checks that the caller sees a file now: that of a message with its conversation, an upload that was not sent only if
/// it is its own.
///
/// # Errors
/// `not_found`.
pub fn readable(caller: &Caller<ReadAttachment>, found: Option<Found>) -> Result<Attachment, Refusal> {
    let Found { attachment, facts } = found.ok_or(Code::NotFound)?;
    match facts {
        Some(facts) => {
            caller.on(facts)?;
        }
        None => {
            let own = attachment.uploaded_by == Some(caller.actor().agent_id);
            if !own || attachment.state != AttachmentState::Stored {
                return Err(Code::NotFound.into());
            }
        }
    }
    Ok(attachment)
}

/// Makes an upload the file of a message. The conversation is locked, and the message is stored in this transaction,
/// with the file's id, before this is called.
///
/// # Errors
/// `validation_failed` at `/attachment_id`: `unknown` unless it is an upload of `owner`; `already_sent`; `wrong_kind`.
pub fn take_for_message(
    tx: &mut Tx<'_>,
    owner: AgentId,
    workspace: WorkspaceId,
    id: AttachmentId,
    kind: AttachmentKind,
    link: (ConversationId, MessageId),
) -> Result<MessageAttachment, Failure> {
    let found = attachments::lock(tx.conn, workspace, id)?.map(|found| found.attachment);
    let upload =
        found.filter(|file| file.uploaded_by == Some(owner) && file.state == AttachmentState::Stored);
    let Some(upload) = upload else {
        return Err(Refusal::invalid(POINTER, "unknown", "must be a file that you have uploaded").into());
    };
    if upload.message_id.is_some() {
        let detail = "was sent already; upload it again";
        return Err(Refusal::invalid(POINTER, "already_sent", detail).into());
    }
    if upload.kind != kind {
        let detail = format!("was uploaded as {}", upload.kind);
        return Err(Refusal::invalid(POINTER, "wrong_kind", detail).into());
    }
    attachments::link(tx.conn, workspace, id, link)?;
    Ok(of_message(upload))
}

/// The bytes of a customer's file are here. The job is done.
///
/// # Errors
/// Only those of the database.
pub fn media_stored(tx: &mut Tx<'_>, job: ChannelJob, content: &Content) -> Result<(), Failure> {
    let change = |tx: &mut Tx<'_>, id| attachments::store(tx.conn, job.workspace_id, id, content);
    settle_media(tx, job, change)
}

/// The bytes of a customer's file cannot be had. The job is done.
///
/// # Errors
/// Only those of the database.
pub fn media_failed(tx: &mut Tx<'_>, job: ChannelJob, failure: AttachmentFailure) -> Result<(), Failure> {
    let change = |tx: &mut Tx<'_>, id| attachments::fail(tx.conn, job.workspace_id, id, failure);
    settle_media(tx, job, change)
}

/// Changes a file that waited for its bytes, and tells of its message if that is new.
fn settle_media(
    tx: &mut Tx<'_>,
    job: ChannelJob,
    change: impl FnOnce(&mut Tx<'_>, AttachmentId) -> Result<bool, StoreError>,
) -> Result<(), Failure> {
    let (workspace, id) = (job.workspace_id, AttachmentId(job.subject_id));
    let found = attachments::find(tx.conn, workspace, id)?.map(|found| found.attachment);
    let of = found.and_then(|file| file.conversation_id.zip(file.message_id));
    jobs::finish(tx.conn, workspace, job.id)?;
    let Some((conversation, message)) = of else { return Ok(()) };
    let Some(conversation) = conversations::lock(tx.conn, workspace, conversation)? else { return Ok(()) };
    if !change(tx, id)? {
        return Ok(());
    }
    messages::raise_version(tx.conn, workspace, message)?;
    let shape = messages::shape(tx.conn, workspace, message)?.ok_or(Code::NotFound)?;
    tx.tell(Change {
        workspace_id: workspace,
        event_type: EventType::MessageUpdated,
        audience: Audience::Conversation(Sight::unchanged(conversation.facts())),
        conversation_id: Some(conversation.id),
        actor: &EventActor::system(),
        data: &shape,
        previous: None,
    });
    Ok(())
}

/// As messages show it.
fn of_message(file: Attachment) -> MessageAttachment {
    MessageAttachment {
        id: file.id,
        kind: file.kind,
        filename: file.filename,
        content_type: file.content_type,
        size_bytes: file.size_bytes,
        state: file.state,
        url: file.url,
    }
}
