//! The frame of every write.

use std::collections::BTreeMap;

use diesel::PgConnection;
use domain::audit::{AuditAction, differences};
use domain::event::{Audience, EventType};
use domain::id::{AgentId, ConversationId, WorkspaceId};
use domain::resource::EventActor;
use domain::time::Timestamp;
use persistence::agents::{self, CountsChange};
use persistence::audit::{self, NewAuditEntry};
use persistence::error::Failure;
use persistence::events::{self, NewEvent};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::event::{Administered, Body, Subject};
use crate::ids::Ids;
use crate::state::App;

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
    jobs: bool,
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
        Self { conn, now, ids, events: Vec::new(), audit: Vec::new(), counts: BTreeMap::new(), jobs: false }
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

    /// Notes what a member has to do or has done more or less than before. It is written at the end of the transaction,
    /// in the order of ids: whoever changes the counts of the same members waits briefly, and never in a circle.
    pub fn count(&mut self, workspace: WorkspaceId, agent: AgentId, change: CountsChange) {
        let sum = self.counts.entry((workspace, agent)).or_default();
        sum.assigned += change.assigned;
        sum.handled += change.handled;
        sum.resolved += change.resolved;
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

impl App {
    /// Does the work in one transaction, appends its events as the last thing before the commit, and
    /// wakes readers and workers after it. The work may run several times, see [`persistence::db::Db::write`].
    ///
    /// # Errors
    /// What the work answers; those of the database.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.write_on(&self.db, work).await
    }

    /// The same on other connections than those of requests.
    ///
    /// # Errors
    /// As [`App::write`].
    pub async fn write_on<T: Send + 'static>(
        &self,
        db: &persistence::db::Db,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (clock, ids) = (self.clock.clone(), self.ids.clone());
        let (done, heads, jobs) = db
            .write(move |conn| {
                let now = clock.now();
                let mut tx = Tx::begin(conn, now, &ids);
                let done = work(&mut tx)?;
                let Tx { conn, events, audit, counts, jobs, .. } = tx;
                for ((workspace, agent), change) in counts {
                    if change != CountsChange::default() {
                        agents::change_counts(conn, workspace, agent, change)?;
                    }
                }
                for entry in audit {
                    audit::insert(conn, entry)?;
                }
                let heads: BTreeMap<WorkspaceId, i64> = events::append(conn, events)?;
                Ok((done, heads, jobs))
            })
            .await?;
        for (workspace, seq) in heads {
            self.hub.reached(workspace, seq);
        }
        if jobs {
            self.jobs.notify_one();
        }
        Ok(done)
    }
}
