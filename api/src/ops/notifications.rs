//! What members are to know of.

use domain::event::{Audience, EventType};
use domain::id::{AgentId, ConversationId, TicketId, WorkspaceId};
use domain::notification::NotificationKind;
use domain::resource::{EventActor, Notification};
use persistence::error::Failure;
use persistence::notifications;

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
        tx.tell(Change {
            workspace_id: workspace,
            event_type: EventType::NotificationCreated,
            audience: Audience::Agent(*agent),
            conversation_id: notification.conversation_id,
            actor,
            data: notification,
            previous: None,
        });
    }
    Ok(())
}
