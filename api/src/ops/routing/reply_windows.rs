//! Reply windows that are about to close: whoever sees the conversation is told, once for each message of the customer.

use std::collections::{BTreeMap, HashMap};

use domain::conversation::Conversation;
use domain::event::{Audience, EventType, Sight};
use domain::id::{ConversationId, WorkspaceId};
use domain::reply_window::ReplyWindowState;
use domain::resource::{self, EventActor};
use domain::routing::Configuration;
use domain::timer::{TimerKind, TimerState};
use persistence::conversations;
use persistence::error::Failure;
use persistence::timers::{self, Due};

use crate::ops::transaction::{Change, Tx};

/// Tells of the windows whose warnings are due. Nothing is told of a customer who is shut out, nor of a window that has
/// closed while nobody looked.
pub(super) fn closing(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    configuration: &Configuration,
    due: &[Due],
    locked: &BTreeMap<ConversationId, Conversation>,
) -> Result<(), Failure> {
    let now_due: Vec<(&Due, &Conversation)> = due
        .iter()
        .filter(|timer| timer.kind == TimerKind::ReplyWindowWarning)
        .filter_map(|timer| Some((timer, locked.get(&timer.conversation_id?)?)))
        .filter(|(timer, one)| timer.runs(one, configuration.timer_rules(one.channel_id)))
        .collect();
    if now_due.is_empty() {
        return Ok(());
    }
    let fired = now_due.iter().map(|(timer, _)| timer.id).collect();
    timers::set_state(tx.conn, workspace, fired, TimerState::Fired)?;
    let (keys, now) = (now_due.iter().map(|(_, one)| (workspace, one.id)).collect(), tx.now);
    let mut shapes: HashMap<ConversationId, resource::Conversation> =
        conversations::shapes(tx.conn, keys, now)?.into_iter().map(|(_, shape)| (shape.id, shape)).collect();
    for (_, conversation) in now_due {
        let Some(shape) = shapes.remove(&conversation.id) else { continue };
        if shape.contact.blocked || shape.reply_window.state != ReplyWindowState::Open {
            continue;
        }
        tx.tell(Change {
            workspace_id: workspace,
            event_type: EventType::ConversationReplyWindowClosing,
            audience: Audience::Conversation(Sight::unchanged(conversation.facts())),
            conversation_id: Some(conversation.id),
            actor: &EventActor::system(),
            data: &shape,
            previous: None,
        });
    }
    Ok(())
}
