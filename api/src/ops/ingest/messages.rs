//! Messages of customers, and what they do to their conversations.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::attachment::{AttachmentKind, safe_name};
use domain::channel::ChannelKind;
use domain::conversation::Conversation;
use domain::event::{Audience, EventType, Sight};
use domain::id::{AttachmentId, ChannelId, ContactId, ConversationId, MessageId, SessionId, WorkspaceId};
use domain::inbound::{InboundKind, InboundMedia, InboundMessage};
use domain::job::ChannelJobKind;
use domain::message::{AuthorType, Direction, MessageStatus};
use domain::notification::NotificationKind;
use domain::resource::{self, SystemEventType};
use domain::time::Timestamp;
use persistence::attachments::{self, ReceivedAttachment};
use persistence::conversations;
use persistence::error::{Failure, StoreError};
use persistence::jobs::{self, ChannelJob};
use persistence::messages::{self, NewMessage};

use super::Delivery;
use super::news::News;
use super::people::{People, Person};
use crate::ops::conversations::system_message;
use crate::ops::notifications::{About, Notice, notify_many};
use crate::ops::routing;
use crate::ops::transaction::{Change, Tx};
use domain::resource::EventActor;

type Thread = (WorkspaceId, ConversationId);

/// The locked conversations of a batch.
pub(super) struct Threads {
    locked: BTreeMap<Thread, Conversation>,
}

impl Threads {
    /// Locks every conversation that the batch touches, in one order.
    pub(super) fn lock(tx: &mut Tx<'_>, people: &People, news: &News) -> Result<Self, Failure> {
        let mut wanted: BTreeSet<Thread> = people.conversations();
        wanted.extend(news.conversations());
        if wanted.is_empty() {
            return Ok(Self { locked: BTreeMap::new() });
        }
        tx.hold_configurations(wanted.iter().map(|(workspace, _)| *workspace))?;
        let locked = conversations::lock_many(tx.conn, wanted.into_iter().collect())?;
        let locked = locked.into_iter().map(|(workspace, one)| ((workspace, one.id), one)).collect();
        Ok(Self { locked })
    }

    /// A locked conversation.
    pub(super) fn get(&self, workspace: WorkspaceId, id: ConversationId) -> Option<&Conversation> {
        self.locked.get(&(workspace, id))
    }

    /// Tells how the conversations look that show one of these messages as their newest.
    pub(super) fn tell_rewritten(
        &self,
        tx: &mut Tx<'_>,
        messages: &BTreeSet<(WorkspaceId, MessageId)>,
    ) -> Result<(), Failure> {
        let shows = |(workspace, _): &Thread, conversation: &Conversation| {
            conversation.last_message_id.is_some_and(|last| messages.contains(&(*workspace, last)))
        };
        let mut shown: Vec<(WorkspaceId, Conversation)> = self
            .locked
            .iter()
            .filter(|(thread, conversation)| shows(thread, conversation))
            .map(|((workspace, _), conversation)| (*workspace, conversation.clone()))
            .collect();
        if shown.is_empty() {
            return Ok(());
        }
        conversations::save_many(tx.conn, &mut shown)?;
        let now = tx.now;
        let keys = shown.iter().map(|(workspace, one)| (*workspace, one.id)).collect();
        for (workspace, shape) in conversations::shapes(tx.conn, keys, now)? {
            let thread = (workspace, shape.id);
            let actor = EventActor::system();
            tell_conversation(tx, &thread, &shape, EventType::ConversationUpdated, self, &actor);
        }
        Ok(())
    }
}

/// One message on its way in.
struct Incoming {
    thread: Thread,
    id: MessageId,
    channel: ChannelId,
    attachment: Option<ReceivedAttachment>,
    upload: Option<AttachmentId>,
    at: Timestamp,
    new_session: SessionId,
    author: EventActor,
}

/// Stores the messages of the batch that are not here yet, and moves their conversations along. Answers those messages.
pub(super) fn store(
    tx: &mut Tx<'_>,
    deliveries: &[Delivery],
    people: &People,
    threads: &mut Threads,
) -> Result<BTreeSet<MessageId>, Failure> {
    let (rows, incoming) = collect(tx, deliveries, people, threads);
    if rows.is_empty() {
        return Ok(BTreeSet::new());
    }
    let stored: BTreeSet<MessageId> = messages::insert_new(tx.conn, rows)?.into_iter().collect();
    let incoming: Vec<Incoming> = incoming.into_iter().filter(|one| stored.contains(&one.id)).collect();
    if incoming.is_empty() {
        return Ok(stored);
    }
    store_attachments(tx, &incoming)?;
    link_uploads(tx, &incoming)?;
    let now = tx.now;
    let mut changed: BTreeMap<Thread, Conversation> = BTreeMap::new();
    for one in &incoming {
        let Some(before) = threads.locked.get(&one.thread) else { continue };
        let conversation = changed.entry(one.thread).or_insert_with(|| before.clone());
        conversation.receive(one.id, one.at, one.new_session, now);
    }
    for (thread, after) in &changed {
        if let Some(before) = threads.locked.get(thread) {
            routing::follow(tx, thread.0, before, after)?;
        }
    }
    let mut saved: Vec<(WorkspaceId, Conversation)> =
        changed.into_iter().map(|((workspace, _), conversation)| (workspace, conversation)).collect();
    conversations::save_many(tx.conn, &mut saved)?;
    tell(tx, people, &incoming, threads, &saved)?;
    threads.locked.extend(saved.into_iter().map(|(workspace, one)| ((workspace, one.id), one)));
    Ok(stored)
}

/// Notes in the threads of customers that they have another number or id.
pub(super) fn note_changes(tx: &mut Tx<'_>, people: &People, threads: &Threads) -> Result<(), Failure> {
    for one in people.changed() {
        let Some(conversation) = threads.get(one.workspace_id, one.conversation_id) else { continue };
        let text = match one.event.event {
            SystemEventType::NumberChanged => "The customer's number changed",
            _ => "The provider knows the customer by another id now",
        };
        let session = conversation.session().map(|session| session.id);
        let text = text.to_owned();
        let note = system_message(tx, one.workspace_id, conversation, session, text, one.event.clone());
        let key = (one.workspace_id, note.id);
        messages::insert_new(tx.conn, vec![note])?;
        for (workspace_id, message) in messages::shapes(tx.conn, vec![key])? {
            tx.tell(Change {
                workspace_id,
                event_type: EventType::MessageCreated,
                audience: Audience::Conversation(Sight::unchanged(conversation.facts())),
                conversation_id: Some(message.conversation_id),
                actor: &EventActor::system(),
                data: &message,
                previous: None,
            });
        }
    }
    Ok(())
}

fn collect(
    tx: &Tx<'_>,
    deliveries: &[Delivery],
    people: &People,
    threads: &Threads,
) -> (Vec<NewMessage>, Vec<Incoming>) {
    let mut sessions: HashMap<Thread, SessionId> = HashMap::new();
    let (mut rows, mut incoming) = (Vec::new(), Vec::new());
    for delivery in deliveries {
        for event in &delivery.events {
            let (message, edited_at) = match &event.what {
                InboundKind::Message(message) => (&**message, None),
                // An edit of a message that is not here is stored as that message; one of a message
                // that is here is passed over by the insert, and applied afterwards.
                InboundKind::Edit(edit) => (&edit.message, Some(edit.edited_at)),
                _ => continue,
            };
            let Some(person) = people.get(delivery, &message.sender) else { continue };
            let thread = (person.workspace_id, person.conversation_id);
            let new_session = *sessions.entry(thread).or_insert_with(|| tx.id());
            let conversation = threads.locked.get(&thread);
            let current = conversation.and_then(Conversation::session).map(|session| session.id);
            // One who is shut out begins no session.
            let shut_out = conversation.is_some_and(|conversation| conversation.blocked);
            let session = current.or((!shut_out).then_some(new_session));
            // It may have been merged since it was found; now that the conversation is locked it cannot be.
            let contact = conversation.map_or(person.contact_id, |conversation| conversation.contact_id);
            let id = tx.id();
            let attachment = attachment(tx, message);
            let attachment_id = attachment.as_ref().map(|attachment| attachment.id).or(message.upload);
            rows.push(row(tx, delivery, (person, contact), message, edited_at, (id, attachment_id), session));
            incoming.push(Incoming {
                thread,
                id,
                channel: delivery.channel_id,
                attachment,
                upload: message.upload,
                at: message.at,
                new_session,
                author: EventActor::contact(contact.0, person.name.clone()),
            });
        }
    }
    (rows, incoming)
}

/// The file that a message comes with.
fn attachment(tx: &Tx<'_>, message: &InboundMessage) -> Option<ReceivedAttachment> {
    let (kind, media) = (AttachmentKind::of(message.kind)?, message.media.as_ref()?);
    let filename = media.filename.as_deref().and_then(safe_name);
    Some(ReceivedAttachment { id: tx.id(), kind, source: InboundMedia { filename, ..media.clone() } })
}

/// Notes the files of the messages that were stored; their bytes are fetched after the commit.
fn store_attachments(tx: &mut Tx<'_>, incoming: &[Incoming]) -> Result<(), Failure> {
    let received: Vec<_> = incoming
        .iter()
        .filter_map(|one| Some((one.thread.0, one.thread.1, one.id, one.attachment.clone()?)))
        .collect();
    if received.is_empty() {
        return Ok(());
    }
    let fetch = |one: &Incoming| {
        let subject = one.attachment.as_ref()?.id.0;
        Some(ChannelJob {
            workspace_id: one.thread.0,
            id: tx.id(),
            kind: ChannelJobKind::FetchMedia,
            lane: subject,
            channel_id: one.channel,
            subject_id: subject,
            attempts: 0,
        })
    };
    let fetches: Vec<ChannelJob> = incoming.iter().filter_map(fetch).collect();
    let now = tx.now;
    attachments::insert_received(tx.conn, received, now)?;
    jobs::enqueue_channel_jobs(tx.conn, &fetches, now)?;
    tx.has_jobs();
    Ok(())
}

/// Makes uploads the files of the messages that were stored. Who delivers has checked them; one that was sent or taken back
/// since then makes the delivery be looked at anew.
fn link_uploads(tx: &mut Tx<'_>, incoming: &[Incoming]) -> Result<(), Failure> {
    for one in incoming {
        let Some(upload) = one.upload else { continue };
        match attachments::link(tx.conn, one.thread.0, upload, (one.thread.1, one.id)) {
            Err(StoreError::RowCount { .. }) => return Err(StoreError::overtaken().into()),
            linked => linked?,
        }
    }
    Ok(())
}

fn row(
    tx: &Tx<'_>,
    delivery: &Delivery,
    (person, contact): (&Person, ContactId),
    message: &InboundMessage,
    edited_at: Option<Timestamp>,
    (id, attachment_id): (MessageId, Option<AttachmentId>),
    session: Option<SessionId>,
) -> NewMessage {
    // Integrators may know a message of the team by our id alone.
    let ours = message.reply_to.as_ref().filter(|_| delivery.kind == ChannelKind::Api);
    NewMessage {
        workspace_id: delivery.workspace_id,
        id,
        conversation_id: person.conversation_id,
        channel_id: delivery.channel_id,
        session_id: session,
        direction: Direction::Inbound,
        author_type: AuthorType::Contact,
        author_id: Some(contact.0),
        kind: message.kind,
        text: message.text.clone(),
        content: message.content.to_stored(),
        attachment_id,
        raw: Some(message.raw.clone()),
        reply_to_provider_id: message.reply_to.clone(),
        reply_to_id: ours.and_then(|id| id.parse().ok()),
        status: MessageStatus::Received,
        client_message_id: None,
        provider_message_id: Some(message.provider_message_id.clone()),
        at: message.at,
        edited_at,
        created_at: tx.now,
    }
}

/// Tells of new conversations, then of their messages, then how the other conversations stand now.
fn tell(
    tx: &mut Tx<'_>,
    people: &People,
    incoming: &[Incoming],
    threads: &Threads,
    saved: &[(WorkspaceId, Conversation)],
) -> Result<(), Failure> {
    let keys = saved.iter().map(|(workspace, one)| (*workspace, one.id)).collect();
    let now = tx.now;
    let shapes: BTreeMap<Thread, resource::Conversation> = conversations::shapes(tx.conn, keys, now)?
        .into_iter()
        .map(|(workspace, shape)| ((workspace, shape.id), shape))
        .collect();
    let new = people.new_conversations();
    let authors: BTreeMap<Thread, &EventActor> =
        incoming.iter().map(|one| (one.thread, &one.author)).collect();
    for (thread, shape) in shapes.iter().filter(|(thread, _)| new.contains(thread)) {
        tell_conversation(tx, thread, shape, EventType::ConversationCreated, threads, authors[thread]);
    }
    let keys = incoming.iter().map(|one| (one.thread.0, one.id)).collect();
    let by_id: HashMap<MessageId, &Incoming> = incoming.iter().map(|one| (one.id, one)).collect();
    for (workspace_id, message) in messages::shapes(tx.conn, keys)? {
        let Some(one) = by_id.get(&message.id) else { continue };
        let Some(conversation) = threads.locked.get(&one.thread) else { continue };
        tx.tell(Change {
            workspace_id,
            event_type: EventType::MessageCreated,
            audience: Audience::Conversation(Sight::unchanged(conversation.facts())),
            conversation_id: Some(message.conversation_id),
            actor: &one.author,
            data: &message,
            previous: None,
        });
    }
    for (thread, shape) in shapes.iter().filter(|(thread, _)| !new.contains(thread)) {
        tell_conversation(tx, thread, shape, EventType::ConversationUpdated, threads, authors[thread]);
    }
    notify_holders(tx, &shapes, &authors)
}

/// Notifies those who hold the conversations. A blocked customer's messages are stored quietly, and what is archived
/// nevertheless is nobody's everyday work.
fn notify_holders(
    tx: &mut Tx<'_>,
    shapes: &BTreeMap<Thread, resource::Conversation>,
    authors: &BTreeMap<Thread, &EventActor>,
) -> Result<(), Failure> {
    let notices = shapes.iter().filter_map(|(thread, shape)| {
        let is_quiet = shape.contact.blocked || shape.archived_at.is_some();
        let holder = shape.assignee.as_ref().filter(|_| !is_quiet)?;
        let notice = Notice {
            agent_id: holder.id,
            kind: NotificationKind::NewMessage,
            about: About::Conversation(shape.id, shape.ticket_id),
            text: format!("{} wrote", shape.contact.name),
        };
        Some((thread.0, authors[thread].clone(), notice))
    });
    notify_many(tx, notices.collect())
}

fn tell_conversation(
    tx: &mut Tx<'_>,
    thread: &Thread,
    shape: &resource::Conversation,
    event_type: EventType,
    threads: &Threads,
    actor: &EventActor,
) {
    // A customer's message never changes who holds a conversation.
    let Some(conversation) = threads.locked.get(thread) else { return };
    let held = conversation.facts();
    let before = (event_type != EventType::ConversationCreated).then_some(held);
    tx.tell(Change {
        workspace_id: thread.0,
        event_type,
        audience: Audience::Conversation(Sight { before, after: Some(held) }),
        conversation_id: Some(thread.1),
        actor,
        data: shape,
        previous: None,
    });
}
