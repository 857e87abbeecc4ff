//! Writing to a customer.

use domain::access::{Caller, SendMessage};
use domain::channel::ChannelKind;
use domain::event::EventType;
use domain::id::{AttachmentId, ConversationId, MessageId};
use domain::input;
use domain::message::{MessageKind, MessageStatus, StatusTimes};
use domain::outbound::OutboundContent;
use domain::refusal::{Code, Refusal};
use domain::reply_window::reply_window;
use domain::resource::{Message, MessageContent, SystemEventType};
use persistence::attachments;
use persistence::error::Failure;
use persistence::messages::{self, Progress};

use super::conversations::{Locked, Which, fresh};
use super::precondition::expect_version;
use super::templates::usage::{Occasion, TemplateUse, filled, naming_templates};
use super::transaction::Tx;
use super::writing::{Letter, Taken, enqueue, hand_in};

/// The longest id that a sender may give a message, in bytes.
pub(super) const CLIENT_ID_MAX: usize = 128;

/// What a message to be sent says.
#[derive(Clone)]
pub enum DraftContent {
    /// Anything that may be said while the reply window is open.
    Free {
        /// What it says.
        content: OutboundContent,
        /// The file that belongs to it, where the content has one.
        attachment_id: Option<AttachmentId>,
    },
    /// What a template says.
    Template(TemplateUse),
}

impl DraftContent {
    fn attachment_id(&self) -> Option<AttachmentId> {
        match self {
            Self::Free { attachment_id, .. } => *attachment_id,
            Self::Template(wanted) => wanted.parameters.header.as_ref()?.attachment_id,
        }
    }

    /// Whether it is what a stored message says.
    fn is_of(&self, message: &Message) -> bool {
        match self {
            Self::Free { content, .. } => {
                message.kind == content.kind()
                    && message.text.as_deref() == content.text()
                    && message.content == content.content().map(MessageContent::stored)
            }
            Self::Template(wanted) => wanted.is_of(message),
        }
    }
}

/// A message to be sent.
#[derive(Clone)]
pub struct MessageDraft {
    /// The id that the sender gives it; the same one twice is one message.
    pub client_message_id: Option<String>,
    /// What it says.
    pub content: DraftContent,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
}

/// A message that is to be changed.
#[derive(Debug, Clone, Copy)]
pub struct WhichMessage {
    /// Its conversation.
    pub conversation: ConversationId,
    /// The message.
    pub id: MessageId,
    /// The version that the caller has seen, if it demands one.
    pub expected_version: Option<i64>,
}

/// Takes a message for sending: it is stored, its job is enqueued, and the conversation becomes the
/// sender's if nobody held it.
///
/// # Errors
/// `not_found`, `forbidden`, `contact_blocked`, `reply_window_closed`, `validation_failed`.
pub fn create(
    tx: &mut Tx<'_>,
    caller: &Caller<SendMessage>,
    which: Which,
    draft: &MessageDraft,
) -> Result<Message, Failure> {
    let mut locked = Locked::lock(tx, caller, which)?;
    if let Some(earlier) = earlier(tx, &locked, draft)? {
        return Ok(earlier);
    }
    let kind = locked.channel_kind(tx)?;
    let content = content_of(tx, &locked, kind, &draft.content)?;
    check_window(tx, &locked, kind, content.kind())?;
    check_reply_to(tx, &locked, draft.reply_to)?;

    let (fresh, now) = (fresh(tx), tx.now);
    let change = locked.conversation.reply(&locked.permit, fresh, now);
    let event_type =
        if change.is_some() { EventType::ConversationAssigned } else { EventType::ConversationUpdated };
    let taken =
        change.map(|change| Taken { change, noted: (SystemEventType::Claimed, "took the conversation") });
    let letter = Letter {
        client_message_id: draft.client_message_id.as_deref(),
        content: &content,
        attachment_id: draft.content.attachment_id(),
        reply_to: draft.reply_to,
        channel: kind,
    };
    Ok(hand_in(tx, &mut locked, &letter, event_type, taken)?.1)
}

/// What a message says: as it was given, or as a template says it.
fn content_of(
    tx: &mut Tx<'_>,
    locked: &Locked<SendMessage>,
    kind: ChannelKind,
    draft: &DraftContent,
) -> Result<OutboundContent, Failure> {
    match draft {
        DraftContent::Free { content, .. } => {
            content.check(kind)?;
            locked.conversation.expect_open_to_customer()?;
            Ok(content.clone())
        }
        DraftContent::Template(wanted) => {
            if !kind.has_templates() {
                let detail = format!("a {kind} channel has no templates");
                return Err(Refusal::invalid("/kind", "not_supported", detail).into());
            }
            locked.conversation.expect_open_to_customer()?;
            let one = &locked.conversation;
            let window = reply_window(kind, one.last_inbound_at, tx.now);
            let opens = one.session().is_none() || window.check_open().is_err();
            let occasion = Occasion {
                workspace: locked.workspace,
                channel: one.channel_id,
                contact: Some(one.contact_id),
                opens,
            };
            filled(tx, occasion, wanted)
        }
    }
}

/// Refuses what may not be sent now, and names the templates that may.
fn check_window(
    tx: &mut Tx<'_>,
    locked: &Locked<SendMessage>,
    channel: ChannelKind,
    what: MessageKind,
) -> Result<(), Failure> {
    let one = &locked.conversation;
    match reply_window(channel, one.last_inbound_at, tx.now).check(what) {
        Ok(()) => Ok(()),
        Err(refusal) => Err(naming_templates(tx, locked.workspace, one.channel_id, refusal)?.into()),
    }
}

/// Sends a failed message again, or one whose fate is unknown: a person has decided that a second
/// copy is better than none.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`, `not_retryable`, `contact_blocked`, `reply_window_closed`.
pub fn retry(tx: &mut Tx<'_>, caller: &Caller<SendMessage>, which: WhichMessage) -> Result<Message, Failure> {
    let WhichMessage { conversation, id, expected_version } = which;
    let locked = Locked::lock(tx, caller, Which { id: conversation, expected_version: None })?;
    let mut progress = messages::progress(tx.conn, vec![(locked.workspace, id)])?
        .pop()
        .filter(|progress| progress.conversation_id == locked.conversation.id)
        .ok_or(Code::NotFound)?;
    let before = messages::shape(tx.conn, locked.workspace, id)?.ok_or(Code::NotFound)?;
    expect_version(expected_version, before.version)?;
    if !progress.status.may_retry() {
        return Err(Refusal::new(Code::NotRetryable).with("status", progress.status).into());
    }
    locked.conversation.expect_open_to_customer()?;
    let kind = locked.channel_kind(tx)?;
    check_window(tx, &locked, kind, before.kind)?;
    requeue(&mut progress, tx);
    messages::save_progress(tx.conn, &[progress])?;
    // What the provider has of it may be the very thing that went wrong.
    attachments::forget_provider_media(tx.conn, locked.workspace, id)?;
    enqueue(tx, &locked, kind, id)?;
    let message = messages::shape(tx.conn, locked.workspace, id)?.ok_or(Code::NotFound)?;
    locked.tell_message(tx, EventType::MessageUpdated, &message);
    Ok(message)
}

fn requeue(progress: &mut Progress, tx: &Tx<'_>) {
    progress.status = MessageStatus::Queued;
    progress.times = StatusTimes { queued: Some(tx.now), ..StatusTimes::default() };
    progress.error = None;
    // A later status for the first attempt must not be taken for one of the second.
    progress.provider_message_id = None;
}

/// The message that an earlier call with the same client id made.
fn earlier(
    tx: &mut Tx<'_>,
    locked: &Locked<SendMessage>,
    draft: &MessageDraft,
) -> Result<Option<Message>, Failure> {
    let Some(client_id) = &draft.client_message_id else { return Ok(None) };
    let client_id = input::token("/client_message_id", client_id, CLIENT_ID_MAX)?;
    let Some(id) = messages::by_client_id(tx.conn, locked.workspace, locked.conversation.id, client_id)?
    else {
        return Ok(None);
    };
    let message = messages::shape(tx.conn, locked.workspace, id)?.ok_or(Code::NotFound)?;
    let same = draft.content.is_of(&message)
        && message.attachment.as_ref().map(|file| file.id) == draft.content.attachment_id()
        && message.reply_to.as_ref().and_then(|answered| answered.message_id) == draft.reply_to;
    if same {
        Ok(Some(message))
    } else {
        let detail = "another message of this conversation has this id";
        Err(Refusal::invalid("/client_message_id", "taken", detail).into())
    }
}

fn check_reply_to(
    tx: &mut Tx<'_>,
    locked: &Locked<SendMessage>,
    reply_to: Option<MessageId>,
) -> Result<(), Failure> {
    let Some(target) = reply_to else { return Ok(()) };
    let found = messages::progress(tx.conn, vec![(locked.workspace, target)])?.pop();
    match found {
        Some(message)
            if message.conversation_id == locked.conversation.id && message.provider_message_id.is_some() =>
        {
            Ok(())
        }
        _ => {
            let detail = "must be a message of this conversation that the provider has";
            Err(Refusal::invalid("/reply_to", "unknown", detail).into())
        }
    }
}
