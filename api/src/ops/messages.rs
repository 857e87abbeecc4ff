//! Writing to a customer.

use domain::access::{Caller, SendMessage};
use domain::channel::ChannelKind;
use domain::event::EventType;
use domain::id::{JobId, MessageId};
use domain::input;
use domain::message::{AuthorType, Direction, MessageStatus, StatusTimes};
use domain::outbound::OutboundContent;
use domain::refusal::{Code, Refusal};
use domain::reply_window::reply_window;
use domain::resource::{Message, MessageContent, SystemEvent, SystemEventType};
use persistence::channels;
use persistence::error::{Failure, StoreError};
use persistence::jobs::{self, SendJob};
use persistence::messages::{self, NewMessage, Progress};

use super::conversations::{Locked, Which, fresh};
use super::tickets;
use super::transaction::Tx;

/// The longest id that a sender may give a message, in bytes.
const CLIENT_ID_MAX: usize = 128;

/// A message to be sent.
#[derive(Clone)]
pub struct MessageDraft {
    /// The id that the sender gives it; the same one twice is one message.
    pub client_message_id: Option<String>,
    /// What it says.
    pub content: OutboundContent,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
}

/// Takes a message for sending: it is stored, its job is enqueued, and the conversation becomes the
/// sender's if nobody held it.
///
/// # Errors
/// `not_found`, `forbidden`, `reply_window_closed`, `validation_failed`.
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
    locked.conversation.expect_open_to_customer()?;
    let kind = channel_kind(tx, &locked)?;
    draft.content.check(kind)?;
    reply_window(kind, locked.conversation.last_inbound_at, tx.now).check(draft.content.kind())?;
    check_reply_to(tx, &locked, draft.reply_to)?;

    let (fresh, now) = (fresh(tx), tx.now);
    let change = locked.conversation.reply(&locked.permit, fresh, now);
    let id: MessageId = tx.id();
    let stored = messages::insert_new(tx.conn, vec![new_message(tx, &locked, draft, id)])?;
    if stored.is_empty() {
        let id = locked.conversation.id.to_string();
        return Err(StoreError::Unreadable { table: "messages", column: "client_message_id", id }.into());
    }
    locked.conversation.note(id, now);
    enqueue(tx, &locked, id)?;

    let assigned = change.is_some();
    locked
        .save(tx, if assigned { EventType::ConversationAssigned } else { EventType::ConversationUpdated })?;
    if let Some(change) = change {
        note_taken(tx, &locked)?;
        locked.follow(tx, change)?;
    }
    let message = messages::shape(tx.conn, locked.workspace, id)?.ok_or(Code::NotFound)?;
    locked.tell_message(tx, EventType::MessageCreated, &message);
    if let Some(ticket) = locked.conversation.ticket() {
        tickets::answered(tx, locked.workspace, ticket, locked.actor())?;
    }
    Ok(message)
}

/// Sends a failed message again, or one whose fate is unknown: a person has decided that a second
/// copy is better than none.
///
/// # Errors
/// `not_found`, `forbidden`, `not_retryable`, `reply_window_closed`.
pub fn retry(
    tx: &mut Tx<'_>,
    caller: &Caller<SendMessage>,
    which: Which,
    id: MessageId,
) -> Result<Message, Failure> {
    let locked = Locked::lock(tx, caller, which)?;
    let mut progress = messages::progress(tx.conn, vec![(locked.workspace, id)])?
        .pop()
        .filter(|progress| progress.conversation_id == locked.conversation.id)
        .ok_or(Code::NotFound)?;
    if !progress.status.may_retry() {
        return Err(Refusal::new(Code::NotRetryable).with("status", progress.status).into());
    }
    locked.conversation.expect_open_to_customer()?;
    let kind = channel_kind(tx, &locked)?;
    let what = messages::shape(tx.conn, locked.workspace, id)?.ok_or(Code::NotFound)?.kind;
    reply_window(kind, locked.conversation.last_inbound_at, tx.now).check(what)?;
    requeue(&mut progress, tx);
    messages::save_progress(tx.conn, &[progress])?;
    enqueue(tx, &locked, id)?;
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
    let same = message.kind == draft.content.kind()
        && message.text.as_deref() == draft.content.text()
        && message.content.as_ref().and_then(MessageContent::to_stored) == draft.content.content();
    if same {
        Ok(Some(message))
    } else {
        let detail = "another message of this conversation has this id";
        Err(Refusal::invalid("/client_message_id", "taken", detail).into())
    }
}

fn channel_kind(tx: &mut Tx<'_>, locked: &Locked<SendMessage>) -> Result<ChannelKind, Failure> {
    let channel = channels::get(tx.conn, locked.workspace, locked.conversation.channel_id)?;
    channel.map(|channel| channel.kind).ok_or_else(|| Code::NotFound.into())
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

fn new_message(tx: &Tx<'_>, locked: &Locked<SendMessage>, draft: &MessageDraft, id: MessageId) -> NewMessage {
    NewMessage {
        workspace_id: locked.workspace,
        id,
        conversation_id: locked.conversation.id,
        channel_id: locked.conversation.channel_id,
        session_id: locked.conversation.session().map(|session| session.id),
        direction: Direction::Outbound,
        author_type: AuthorType::Agent,
        author_id: Some(locked.permit.actor().agent_id.0),
        kind: draft.content.kind(),
        text: draft.content.text().map(ToOwned::to_owned),
        content: draft.content.content(),
        attachment_id: None,
        raw: None,
        reply_to_provider_id: None,
        reply_to_id: draft.reply_to,
        status: MessageStatus::Queued,
        client_message_id: draft.client_message_id.clone(),
        provider_message_id: None,
        at: tx.now,
        edited_at: None,
        created_at: tx.now,
    }
}

fn enqueue(tx: &mut Tx<'_>, locked: &Locked<SendMessage>, message: MessageId) -> Result<(), Failure> {
    let id: JobId = tx.id();
    let job = SendJob {
        workspace_id: locked.workspace,
        id,
        conversation_id: locked.conversation.id,
        channel_id: locked.conversation.channel_id,
        message_id: message,
        attempts: 0,
        abandoned: false,
    };
    let now = tx.now;
    jobs::enqueue_send(tx.conn, job, now)?;
    tx.has_jobs();
    Ok(())
}

fn note_taken(tx: &mut Tx<'_>, locked: &Locked<SendMessage>) -> Result<(), Failure> {
    let me = locked.permit.actor();
    let event = SystemEvent::new(SystemEventType::Claimed).about(me.into()).by(me.into());
    let session = locked.conversation.session().map(|session| session.id);
    locked.note(tx, session, format!("{} took the conversation", me.name), event)
}
