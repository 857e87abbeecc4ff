//! The frame of every write.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::PgConnection;
use domain::audit::{AuditAction, differences};
use domain::event::{Audience, EventType};
use domain::id::{AgentId, ChannelId, ConversationId, WorkspaceId};
use domain::refusal::Code;
use domain::resource::EventActor;
use domain::routing::{Configuration, Trigger};
use domain::time::Timestamp;
use domain::timer::Running;
use persistence::agents::CountsChange;
use persistence::audit::NewAuditEntry;
use persistence::error::Failure;
use persistence::events::NewEvent;
use persistence::routing::Request;
use persistence::timers::Wanted;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::event::{Administered, Body, Subject};
use crate::ids::Ids;

mod running;

/// A transaction under way: its connection, its time, and what it has to tell.
pub struct Tx<'a> {
    /// The connection.
    pub conn: &'a mut PgConnection,
    /// The time at which everything in it happens.
    pub now: Timestamp,
    ids: &'a Ids,
    events: Vec<NewEvent>,
    audit: Vec<NewAuditEntry>,
    counts: BTreeMap<(WorkspaceId, AgentId), CountsChange>,
    configurations: BTreeMap<WorkspaceId, Arc<Configuration>>,
    timers: BTreeMap<(WorkspaceId, ConversationId), Vec<Running>>,
    requests: BTreeMap<(WorkspaceId, Look), Trigger>,
    hands: BTreeMap<(WorkspaceId, ConversationId), Hands>,
    jobs: bool,
}

/// From whose hands into whose a conversation went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hands {
    /// Its channel.
    pub channel: ChannelId,
    /// Who held it.
    pub from: Option<AgentId>,
    /// Who holds it.
    pub to: Option<AgentId>,
}

/// What routing is to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// The whole queue, or the rest of it.
    Queue,
    /// A member: what it is or holds has changed.
    Agent(AgentId),
    /// A conversation that waits, and may not have been decided as it is now.
    Conversation(ConversationId),
}

/// One change to be told.
pub struct Change<'a, T> {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// What happened.
    pub event_type: EventType,
    /// Who may be told.
    pub audience: Audience,
    /// The conversation it is about.
    pub conversation_id: Option<ConversationId>,
    /// Who did it.
    pub actor: &'a EventActor,
    /// The resource as `GET` returns it now.
    pub data: &'a T,
    /// What changed of it, as it was before.
    pub previous: Option<Value>,
}

/// One administrative change: told to readers and kept in the audit trail.
pub struct Administration<'a, T> {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// What readers are told.
    pub event_type: EventType,
    /// Who may be told.
    pub audience: Audience,
    /// Who did it.
    pub actor: &'a EventActor,
    /// What was done.
    pub action: AuditAction,
    /// The thing before; none for a new one.
    pub before: Option<&'a T>,
    /// The thing after; none for one that is gone.
    pub after: Option<&'a T>,
}

impl<'a> Tx<'a> {
    fn begin(conn: &'a mut PgConnection, now: Timestamp, ids: &'a Ids) -> Self {
        Self {
            conn,
            now,
            ids,
            events: Vec::new(),
            audit: Vec::new(),
            counts: BTreeMap::new(),
            configurations: BTreeMap::new(),
            timers: BTreeMap::new(),
            requests: BTreeMap::new(),
            hands: BTreeMap::new(),
            jobs: false,
        }
    }

    /// A new id.
    pub fn id<Id: From<Uuid>>(&self) -> Id {
        self.ids.make(self.now)
    }

    /// Notes an event; it is written at the end of the transaction, in the order of the calls.
    pub fn tell<T: Serialize + Subject>(&mut self, change: Change<'_, T>) {
        let id = self.id();
        let body = Body {
            id,
            event_type: change.event_type,
            at: self.now,
            actor: change.actor,
            conversation_id: change.conversation_id,
            version: change.data.version(),
            data: change.data,
            previous: change.previous.unwrap_or(Value::Null),
        };
        self.events.push(NewEvent {
            workspace_id: change.workspace_id,
            id,
            event_type: change.event_type,
            at: self.now,
            audience: change.audience,
            conversation_id: change.conversation_id,
            body: body.write(),
        });
    }

    /// Notes an administrative change: an event, and an entry of the audit trail with what differs. A
    /// thing whose version is what it was has not changed, and nothing is noted.
    pub fn administer<T: Administered>(&mut self, change: Administration<'_, T>) {
        let Some(subject) = change.after.or(change.before) else { return };
        let (was, is, previous) = match (change.before, change.after) {
            (Some(before), Some(after)) if before.version() == after.version() => return,
            (Some(before), Some(after)) => {
                let (was, is) = differences(&json!(before), &json!(after));
                let (previous, _) = differences(&json!(before.told()), &json!(after.told()));
                (Some(Value::Object(was)), Some(Value::Object(is)), Some(Value::Object(previous)))
            }
            (before, after) => (before.map(|it| json!(it)), after.map(|it| json!(it)), None),
        };
        self.tell(Change {
            workspace_id: change.workspace_id,
            event_type: change.event_type,
            audience: change.audience,
            conversation_id: None,
            actor: change.actor,
            data: &subject.told(),
            previous,
        });
        self.audit.push(NewAuditEntry {
            workspace_id: change.workspace_id,
            id: self.id(),
            at: self.now,
            actor: change.actor.clone(),
            action: change.action,
            subject: T::SUBJECT,
            subject_id: subject.subject_id(change.workspace_id),
            subject_name: subject.subject_name(),
            before: was,
            after: is,
        });
    }

    /// Notes an administrative act that is no change of one thing: only the audit trail has it.
    pub fn audit(&mut self, entry: NewAuditEntry) {
        self.audit.push(entry);
    }

    /// Notes what a member has to do or has done more or less than before. It is written at the end of the transaction,
    /// in the order of ids: whoever changes the counts of the same members waits briefly, and never in a circle.
    pub fn count(&mut self, workspace: WorkspaceId, agent: AgentId, change: CountsChange) {
        let sum = self.counts.entry((workspace, agent)).or_default();
        sum.assigned += change.assigned;
        sum.handled += change.handled;
        sum.resolved += change.resolved;
        sum.assigned_at = sum.assigned_at.max(change.assigned_at);
        sum.at_most = match (sum.at_most, change.at_most) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// The settings and policies by which what happens in this transaction has its consequences. They do not change
    /// until it ends. Ask before locking conversations.
    ///
    /// # Errors
    /// `not_found` for an unknown workspace; those of the database.
    pub fn configuration(&mut self, workspace: WorkspaceId) -> Result<Arc<Configuration>, Failure> {
        self.hold_configurations([workspace])?;
        Ok(self.configurations.get(&workspace).ok_or(Code::NotFound)?.clone())
    }

    /// The same for several workspaces, in one statement.
    ///
    /// # Errors
    /// Those of the database.
    pub fn hold_configurations(
        &mut self,
        workspaces: impl IntoIterator<Item = WorkspaceId>,
    ) -> Result<(), Failure> {
        let wanted = workspaces.into_iter().filter(|one| !self.configurations.contains_key(one));
        let mut missing: Vec<_> = wanted.collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let held = persistence::settings::hold_configurations(self.conn, missing)?;
            self.configurations.extend(held.into_iter().map(|(id, one)| (id, Arc::new(one))));
        }
        Ok(())
    }

    /// Says that the configuration was changed in this transaction.
    pub fn reconfigured(&mut self, workspace: WorkspaceId) {
        self.configurations.remove(&workspace);
    }

    /// From now on a conversation has these timers and no others. Written at the end of the transaction.
    pub fn run_timers(&mut self, workspace: WorkspaceId, conversation: ConversationId, timers: Vec<Running>) {
        self.timers.insert((workspace, conversation), timers);
    }

    /// Has routing look at something, right after the commit. Of several causes the first is kept.
    pub fn look_at(&mut self, workspace: WorkspaceId, what: Look, cause: Trigger) {
        self.requests.entry((workspace, what)).or_insert(cause);
    }

    /// Notes that a conversation has another holder, where who holds it decides who sees its customer.
    pub fn changed_hands(&mut self, workspace: WorkspaceId, conversation: ConversationId, hands: Hands) {
        self.hands.entry((workspace, conversation)).and_modify(|first| first.to = hands.to).or_insert(hands);
    }

    /// The conversations that have another holder than before.
    pub(super) fn take_hands(&mut self) -> Vec<((WorkspaceId, ConversationId), Hands)> {
        std::mem::take(&mut self.hands).into_iter().filter(|(_, hands)| hands.from != hands.to).collect()
    }

    fn wanted_timers(&mut self) -> Vec<Wanted> {
        let timers = std::mem::take(&mut self.timers);
        let wanted = timers.into_iter().map(|((workspace_id, conversation_id), running)| Wanted {
            workspace_id,
            conversation_id,
            running: running.into_iter().map(|one| (self.id(), one)).collect(),
        });
        wanted.collect()
    }

    fn routing_requests(&mut self) -> Vec<(WorkspaceId, Request)> {
        let requests = std::mem::take(&mut self.requests);
        let request = |((workspace, what), cause)| {
            let (agent_id, conversation_id) = match what {
                Look::Queue => (None, None),
                Look::Agent(id) => (Some(id), None),
                Look::Conversation(id) => (None, Some(id)),
            };
            let id = self.id();
            (workspace, Request { id, cause, agent_id, conversation_id, created_at: self.now })
        };
        requests.into_iter().map(request).collect()
    }

    /// Tells that something changed because something else was administered, which the audit trail has: a
    /// division because of its members, a member because of its division.
    pub fn tell_consequence<T: Administered>(
        &mut self,
        workspace_id: WorkspaceId,
        (event_type, audience): (EventType, Audience),
        actor: &EventActor,
        before: &T,
        after: &T,
    ) {
        let told = after.told();
        let (previous, _) = differences(&json!(before.told()), &json!(told));
        self.tell(Change {
            workspace_id,
            event_type,
            audience,
            conversation_id: None,
            actor,
            data: &told,
            previous: Some(Value::Object(previous)),
        });
    }

    /// Says that a job was enqueued: the worker is woken after the commit.
    pub fn has_jobs(&mut self) {
        self.jobs = true;
    }
}
