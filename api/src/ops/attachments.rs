//! Files: uploads on their way to a message, and customers' files on their way here.

use domain::attachment::{AttachmentKind, AttachmentState};
use domain::id::{AgentId, AttachmentId, ConversationId, MessageId, WorkspaceId};
use domain::refusal::Refusal;
use domain::resource::{Attachment, MessageAttachment};
use persistence::attachments;
use persistence::error::Failure;

use super::transaction::Tx;

/// Where a request names the file that is to be sent.
const POINTER: &str = "/attachment_id";

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
