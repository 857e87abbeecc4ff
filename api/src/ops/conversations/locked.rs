//! A conversation that is locked, and what every change of one does.

use domain::access::{Act, Caller, Permit};
use domain::channel::ChannelKind;
use domain::conversation::{Conversation, TicketChange};
use domain::event::{Audience, EventType, Sight};
use domain::id::{AgentId, ConversationId, SessionId, WorkspaceId};
use domain::message::{AuthorType, Direction, MessageKind, MessageStatus};
use domain::refusal::Code;
use domain::resource::{self, EventActor, MessageContent, SystemEvent};
use persistence::agents::CountsChange;
use persistence::error::{Failure, StoreError};
use persistence::messages::NewMessage;
use persistence::{agents, channels, conversations, messages};
use serde_json::{Value, json};

use super::Which;
use crate::ops::transaction::{Change, Tx};
use crate::ops::{notifications, routing, tickets};

/// A conversation that is locked and may be changed by this caller.
pub(in crate::ops) struct Locked<A> {
    pub permit: Permit<A>,
    pub workspace: WorkspaceId,
    pub conversation: Conversation,
    before: Conversation,
    actor: EventActor,
    is_new: bool,
}

impl<A: Act> Locked<A> {
    /// Locks the conversation and asks whether the caller may do this to it.
    pub(in crate::ops) fn lock(tx: &mut Tx<'_>, caller: &Caller<A>, which: Which) -> Result<Self, Failure> {
        let workspace = caller.actor().workspace_id;
        tx.configuration(workspace)?;
        let conversation = conversations::lock(tx.conn, workspace, which.id)?.ok_or(Code::NotFound)?;
        let permit = caller.on(conversation.facts())?;
        conversation.expect_version(which.expected_version)?;
        let actor = EventActor::from(caller.actor());
        Ok(Self { permit, workspace, before: conversation.clone(), conversation, actor, is_new: false })
    }

    /// Says that it was made in this transaction: nobody has seen it before.
    pub(in crate::ops) fn begun_now(mut self) -> Self {
        self.is_new = true;
        self
    }

    /// Stores the conversation and tells of it.
    pub(in crate::ops) fn save(
        &mut self,
        tx: &mut Tx<'_>,
        event_type: EventType,
    ) -> Result<resource::Conversation, Failure> {
        let previous = changed(&self.before, &self.conversation);
        self.save_telling(tx, event_type, previous)
    }

    /// The same where something else changed than the conversation's own row, as it was before.
    pub(in crate::ops) fn save_telling(
        &mut self,
        tx: &mut Tx<'_>,
        event_type: EventType,
        previous: Value,
    ) -> Result<resource::Conversation, Failure> {
        let now = tx.now;
        self.change_hands(tx)?;
        routing::follow(tx, self.workspace, &self.before, &self.conversation)?;
        conversations::save(tx.conn, self.workspace, &mut self.conversation)?;
        let shape = conversations::shape(tx.conn, self.workspace, self.conversation.id, now)?
            .ok_or_else(|| gone(self.conversation.id))?;
        let seen_before = (!self.is_new).then(|| self.before.facts());
        let sight = Sight { before: seen_before, after: Some(self.conversation.facts()) };
        tx.tell(Change {
            workspace_id: self.workspace,
            event_type,
            audience: Audience::Conversation(sight),
            conversation_id: Some(self.conversation.id),
            actor: &self.actor,
            data: &shape,
            previous: seen_before.map(|_| previous),
        });
        Ok(shape)
    }

    /// Counts what the old and the new holder have to do, and says if that is more than the new one would be given by
    /// itself. Who takes a conversation itself must not have left in the moment for which it is believed, nor leave before
    /// this is committed.
    fn change_hands(&mut self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let (from, to) = (self.before.assignee(), self.conversation.assignee());
        if from == to {
            return Ok(());
        }
        let me = self.permit.actor().agent_id;
        if to == Some(me)
            && !agents::lock_candidate(tx.conn, self.workspace, me)?.is_some_and(|candidate| candidate.active)
        {
            return Err(Code::InvalidToken.into());
        }
        if let Some(from) = from {
            tx.count(self.workspace, from, CountsChange { assigned: -1, ..CountsChange::default() });
        }
        if let Some(to) = to {
            let of_workspace = tx.configuration(self.workspace)?.settings.max_conversations_per_agent;
            let room = agents::lock_room(tx.conn, self.workspace, to, from, of_workspace)?;
            self.conversation.mark_over_limit(!room);
            let assigned_at = Some(tx.now);
            tx.count(
                self.workspace,
                to,
                CountsChange { assigned: 1, assigned_at, ..CountsChange::default() },
            );
        }
        Ok(())
    }

    /// The kind of its channel.
    pub(in crate::ops) fn channel_kind(&self, tx: &mut Tx<'_>) -> Result<ChannelKind, Failure> {
        let channel = channels::get(tx.conn, self.workspace, self.conversation.channel_id)?;
        channel.map(|channel| channel.kind).ok_or_else(|| Code::NotFound.into())
    }

    /// The conversation as it is, when nothing changed.
    pub(in crate::ops) fn unchanged(&self, tx: &mut Tx<'_>) -> Result<resource::Conversation, Failure> {
        let now = tx.now;
        let shape = conversations::shape(tx.conn, self.workspace, self.conversation.id, now)?;
        shape.ok_or_else(|| gone(self.conversation.id).into())
    }

    /// Moves the ticket along.
    pub(in crate::ops) fn follow(&self, tx: &mut Tx<'_>, change: TicketChange) -> Result<(), Failure> {
        tickets::follow(tx, self.workspace, &self.conversation, change, &self.actor)
    }

    /// The caller sees what the customer wrote, so it need not be notified of it any more.
    pub(in crate::ops) fn messages_seen(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let member = (self.workspace, self.permit.actor().agent_id);
        notifications::messages_seen(tx, member, self.conversation.id, &self.actor)
    }

    /// Notes in the thread what happened.
    pub(in crate::ops) fn note(
        &self,
        tx: &mut Tx<'_>,
        session: Option<SessionId>,
        text: String,
        event: SystemEvent,
    ) -> Result<(), Failure> {
        let message = system_message(tx, self.workspace, &self.conversation, session, text, event);
        let id = message.id;
        messages::insert_new(tx.conn, vec![message])?;
        let shape =
            messages::shape(tx.conn, self.workspace, id)?.ok_or_else(|| gone(self.conversation.id))?;
        self.tell_message(tx, EventType::MessageCreated, &shape);
        Ok(())
    }

    /// Tells of a message of the conversation.
    pub(in crate::ops) fn tell_message(
        &self,
        tx: &mut Tx<'_>,
        event_type: EventType,
        message: &resource::Message,
    ) {
        tx.tell(Change {
            workspace_id: self.workspace,
            event_type,
            audience: Audience::Conversation(Sight::unchanged(self.conversation.facts())),
            conversation_id: Some(self.conversation.id),
            actor: &self.actor,
            data: message,
            previous: None,
        });
    }

    pub(in crate::ops) fn actor(&self) -> &EventActor {
        &self.actor
    }

    /// Who held it when it was locked.
    pub(super) fn holder_before(&self) -> Option<AgentId> {
        self.before.assignee()
    }

    pub(super) fn session(&self) -> Option<SessionId> {
        self.conversation.session().map(|session| session.id)
    }
}

/// A line in the thread that says what happened.
pub(in crate::ops) fn system_message(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    conversation: &Conversation,
    session: Option<SessionId>,
    text: String,
    event: SystemEvent,
) -> NewMessage {
    NewMessage {
        workspace_id: workspace,
        id: tx.id(),
        conversation_id: conversation.id,
        channel_id: conversation.channel_id,
        session_id: session,
        direction: Direction::System,
        author_type: AuthorType::System,
        author_id: None,
        kind: MessageKind::System,
        text: Some(text),
        content: MessageContent::from(event).to_stored(),
        attachment_id: None,
        raw: None,
        reply_to_provider_id: None,
        reply_to_id: None,
        status: MessageStatus::Received,
        client_message_id: None,
        provider_message_id: None,
        at: tx.now,
        edited_at: None,
        created_at: tx.now,
    }
}

/// What changed of a conversation, as it was before.
pub(in crate::ops) fn changed(before: &Conversation, after: &Conversation) -> Value {
    let mut previous = serde_json::Map::new();
    if before.status() != after.status() {
        previous.insert("status".to_owned(), json!(before.status()));
    }
    if before.assignee() != after.assignee() {
        previous.insert("assignee_id".to_owned(), json!(before.assignee()));
    }
    if before.division_id != after.division_id {
        previous.insert("division_id".to_owned(), json!(before.division_id));
    }
    Value::Object(previous)
}

fn gone(id: ConversationId) -> StoreError {
    StoreError::Unreadable { table: "conversations", column: "id", id: id.to_string() }
}
