//! What is written to a customer: stored with its file and its job, and told with what it means for the conversation.

use domain::access::Act;
use domain::channel::ChannelKind;
use domain::conversation::TicketChange;
use domain::event::EventType;
use domain::id::{AttachmentId, JobId, MessageId};
use domain::message::{AuthorType, Direction, MessageStatus};
use domain::outbound::OutboundContent;
use domain::refusal::{Code, Refusal};
use domain::resource::{self, Message, SystemEvent, SystemEventType};
use persistence::error::{Failure, StoreError};
use persistence::jobs::{self, SendJob};
use persistence::messages::{self, NewMessage};

use super::attachments::take_for_message;
use super::channels::is_called;
use super::conversations::Locked;
use super::tickets;
use super::transaction::Tx;

/// A message that may be sent.
pub(super) struct Letter<'a> {
    /// The id that the sender gives it.
    pub client_message_id: Option<&'a str>,
    /// What it says.
    pub content: &'a OutboundContent,
    /// The file that belongs to it.
    pub attachment_id: Option<AttachmentId>,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// The kind of its channel.
    pub channel: ChannelKind,
}

/// How the conversation came to be the writer's, if it was not.
pub(super) struct Taken {
    /// What of its ticket changed.
    pub change: TicketChange,
    /// What the thread says about it: a word for programs, and one for people.
    pub noted: (SystemEventType, &'static str),
}

/// Stores a message of the caller, after the conversation's transition, and tells of both.
pub(super) fn hand_in<A: Act>(
    tx: &mut Tx<'_>,
    locked: &mut Locked<A>,
    letter: &Letter<'_>,
    event_type: EventType,
    taken: Option<Taken>,
) -> Result<(resource::Conversation, Message), Failure> {
    let (id, now): (MessageId, _) = (tx.id(), tx.now);
    let stored = messages::insert_new(tx.conn, vec![new_message(tx, locked, letter, id)])?;
    if stored.is_empty() {
        let id = locked.conversation.id.to_string();
        return Err(StoreError::Unreadable { table: "messages", column: "client_message_id", id }.into());
    }
    take_file(tx, locked, letter, id)?;
    locked.conversation.note(id, now);
    locked.messages_seen(tx)?;
    enqueue(tx, locked, letter.channel, id)?;
    let shape = locked.save(tx, event_type)?;
    if let Some(Taken { change, noted }) = taken {
        note_taken(tx, locked, noted)?;
        locked.follow(tx, change)?;
    }
    let message = messages::shape(tx.conn, locked.workspace, id)?.ok_or(Code::NotFound)?;
    locked.tell_message(tx, EventType::MessageCreated, &message);
    if let Some(ticket) = locked.conversation.ticket() {
        tickets::answered(tx, locked.workspace, ticket, locked.actor())?;
    }
    Ok((shape, message))
}

/// Has a stored message handed to its provider, or to the callback of its channel. Where there is neither, it stays queued until
/// the integrator tells what became of it.
pub(super) fn enqueue<A: Act>(
    tx: &mut Tx<'_>,
    locked: &Locked<A>,
    channel: ChannelKind,
    message: MessageId,
) -> Result<(), Failure> {
    if !is_called(tx, (locked.workspace, locked.conversation.channel_id, channel))? {
        return Ok(());
    }
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

/// Makes the upload that the letter names the file of the message that is stored.
fn take_file<A: Act>(
    tx: &mut Tx<'_>,
    locked: &Locked<A>,
    letter: &Letter<'_>,
    message: MessageId,
) -> Result<(), Failure> {
    let (Some(kind), Some(id)) = (letter.content.file_kind(), letter.attachment_id) else { return Ok(()) };
    let owner = locked.permit.actor().agent_id;
    let link = (locked.conversation.id, message);
    let taken = take_for_message(tx, owner, locked.workspace, id, kind, link).and_then(|file| {
        let content_type = file.content_type.unwrap_or_default();
        Ok(letter.channel.check_file(kind, &content_type, file.size_bytes.unwrap_or_default())?)
    });
    taken.map_err(|failure| match (failure, letter.content) {
        (Failure::Refused(refusal), OutboundContent::Template { .. }) => in_header(refusal).into(),
        (failure, _) => failure,
    })
}

/// The file of a template is named elsewhere.
fn in_header(mut refusal: Refusal) -> Refusal {
    for error in &mut refusal.errors {
        error.pointer = format!("/template/parameters/header{}", error.pointer);
    }
    refusal
}

fn new_message<A: Act>(tx: &Tx<'_>, locked: &Locked<A>, letter: &Letter<'_>, id: MessageId) -> NewMessage {
    NewMessage {
        workspace_id: locked.workspace,
        id,
        conversation_id: locked.conversation.id,
        channel_id: locked.conversation.channel_id,
        session_id: locked.conversation.session().map(|session| session.id),
        direction: Direction::Outbound,
        author_type: AuthorType::Agent,
        author_id: Some(locked.permit.actor().agent_id.0),
        kind: letter.content.kind(),
        text: letter.content.text().map(ToOwned::to_owned),
        content: letter.content.content(),
        attachment_id: letter.attachment_id,
        raw: None,
        reply_to_provider_id: None,
        reply_to_id: letter.reply_to,
        status: MessageStatus::Queued,
        client_message_id: letter.client_message_id.map(ToOwned::to_owned),
        provider_message_id: None,
        at: tx.now,
        edited_at: None,
        created_at: tx.now,
    }
}

fn note_taken<A: Act>(
    tx: &mut Tx<'_>,
    locked: &Locked<A>,
    (event, words): (SystemEventType, &str),
) -> Result<(), Failure> {
    let me = locked.permit.actor();
    let event = SystemEvent::new(event).about(me.into()).by(me.into());
    let session = locked.conversation.session().map(|session| session.id);
    locked.note(tx, session, format!("{} {words}", me.name), event)
}
