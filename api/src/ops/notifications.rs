//! What members are to know of.

use std::collections::BTreeSet;

use domain::access::{Caller, MarkNotificationsRead};
use domain::event::{Audience, EventType};
use domain::id::{AgentId, ConversationId, NotificationId, TicketId, WorkspaceId};
use domain::notification::NotificationKind;
use domain::refusal::Refusal;
use domain::resource::{EventActor, Notification, NotificationsRead};
use persistence::error::Failure;
use persistence::notifications;
use serde_json::{Value, json};

use super::transaction::{Change, Tx};

/// Something that a member is to know of.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The member.
    pub agent_id: AgentId,
    /// What happened.
    pub kind: NotificationKind,
    /// To which conversation.
    pub conversation_id: ConversationId,
    /// Its ticket, if it has one.
    pub ticket_id: Option<TicketId>,
    /// One sentence for people.
    pub text: String,
}

/// Stores notifications and tells each to its member.
///
/// # Errors
/// Only those of the database.
pub fn notify(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    actor: &EventActor,
    notices: Vec<Notice>,
) -> Result<(), Failure> {
    let made: Vec<(AgentId, Notification)> = notices
        .into_iter()
        .map(|notice| {
            let notification = Notification {
                id: tx.id(),
                kind: notice.kind,
                conversation_id: Some(notice.conversation_id),
                ticket_id: notice.ticket_id,
                text: notice.text,
                read_at: None,
                created_at: tx.now,
            };
            (notice.agent_id, notification)
        })
        .collect();
    notifications::insert(tx.conn, workspace, &made)?;
    for (agent, notification) in &made {
        tell(tx, (workspace, *agent), EventType::NotificationCreated, actor, notification, None);
    }
    Ok(())
}

/// The most notifications that are marked in one transaction: each is told.
pub const AT_ONCE: usize = 1000;

/// Which notifications have been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// These.
    These(Vec<NotificationId>),
    /// All of one's own, oldest first, as far as [`AT_ONCE`] goes.
    All,
}

/// The caller has read notifications of its own.
///
/// # Errors
/// `validation_failed` for one that is unknown or somebody else's.
pub fn mark_read(
    tx: &mut Tx<'_>,
    caller: &Caller<MarkNotificationsRead>,
    which: &Which,
) -> Result<NotificationsRead, Failure> {
    let member = (caller.actor().workspace_id, caller.actor().agent_id);
    let ids = match which {
        Which::All => None,
        Which::These(ids) => Some(own(tx, member, ids)?),
    };
    let (now, actor) = (tx.now, EventActor::from(caller.actor()));
    let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    let read = notifications::mark_read(tx.conn, member, ids, now, limit)?;
    for notification in &read {
        let unread = json!({ "read_at": null });
        tell(tx, member, EventType::NotificationRead, &actor, notification, Some(unread));
    }
    let read = i64::try_from(read.len()).unwrap_or(i64::MAX);
    Ok(NotificationsRead { read, unread: notifications::unread(tx.conn, member.0, member.1)? })
}

/// These ids, if all are the member's.
fn own(
    tx: &mut Tx<'_>,
    member: (WorkspaceId, AgentId),
    ids: &[NotificationId],
) -> Result<Vec<NotificationId>, Failure> {
    let known: BTreeSet<_> = notifications::own(tx.conn, member, ids.to_vec())?.into_iter().collect();
    match ids.iter().position(|id| !known.contains(id)) {
        None => Ok(known.into_iter().collect()),
        Some(at) => {
            let detail = "there is no such notification of yours";
            Err(Refusal::invalid(format!("/ids/{at}"), "unknown", detail).into())
        }
    }
}

fn tell(
    tx: &mut Tx<'_>,
    (workspace_id, agent): (WorkspaceId, AgentId),
    event_type: EventType,
    actor: &EventActor,
    data: &Notification,
    previous: Option<Value>,
) {
    tx.tell(Change {
        workspace_id,
        event_type,
        audience: Audience::Agent(agent),
        conversation_id: data.conversation_id,
        actor,
        data,
        previous,
    });
}
