//! What members are to know of.

use std::collections::BTreeSet;

use domain::access::{Caller, MarkNotificationsRead};
use domain::event::{Audience, EventType};
use domain::id::{AgentId, ChannelId, ConversationId, NotificationId, TicketId, WorkspaceId};
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
    /// To what.
    pub about: About,
    /// One sentence for people.
    pub text: String,
}

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A conversation, and its ticket, if it has one.
    Conversation(ConversationId, Option<TicketId>),
    /// A channel as such.
    Channel(ChannelId),
    /// Something of the workspace that the text names.
    Workspace,
}

/// Stores notifications and tells each to its member. Kinds that a member has muted are passed over, and so is a new message
/// where the member has not read the notification of one before it.
///
/// # Errors
/// Only those of the database.
pub fn notify(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    actor: &EventActor,
    notices: Vec<Notice>,
) -> Result<(), Failure> {
    notify_many(tx, notices.into_iter().map(|notice| (workspace, actor.clone(), notice)).collect())
}

/// The same for several workspaces and actors.
///
/// # Errors
/// Only those of the database.
pub fn notify_many(tx: &mut Tx<'_>, notices: Vec<(WorkspaceId, EventActor, Notice)>) -> Result<(), Failure> {
    let (mut new, mut actors) = (Vec::new(), Vec::new());
    for (workspace, actor, notice) in notices {
        let (conversation_id, ticket_id, channel_id) = match notice.about {
            About::Conversation(conversation, ticket) => (Some(conversation), ticket, None),
            About::Channel(channel) => (None, None, Some(channel)),
            About::Workspace => (None, None, None),
        };
        let notification = Notification {
            id: tx.id(),
            kind: notice.kind,
            conversation_id,
            ticket_id,
            channel_id,
            text: notice.text,
            read_at: None,
            created_at: tx.now,
        };
        new.push((workspace, notice.agent_id, notification));
        actors.push(actor);
    }
    let stored: BTreeSet<NotificationId> = notifications::insert(tx.conn, &new)?.into_iter().collect();
    for ((workspace, agent, notification), actor) in new.iter().zip(&actors) {
        if stored.contains(&notification.id) {
            tell(tx, (*workspace, *agent), EventType::NotificationCreated, actor, notification, None);
        }
    }
    Ok(())
}

/// A member has seen the messages of a conversation, so it need not be told of them any more.
///
/// # Errors
/// Only those of the database.
pub(super) fn messages_seen(
    tx: &mut Tx<'_>,
    member: (WorkspaceId, AgentId),
    conversation: ConversationId,
    actor: &EventActor,
) -> Result<(), Failure> {
    let now = tx.now;
    if let Some(read) = notifications::mark_messages_read(tx.conn, member, conversation, now)? {
        tell(tx, member, EventType::NotificationRead, actor, &read, Some(json!({ "read_at": null })));
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
