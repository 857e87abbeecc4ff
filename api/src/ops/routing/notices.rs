//! Customers who have been waiting for too long: somebody above is told.

use std::collections::BTreeMap;

use domain::conversation::Conversation;
use domain::id::{AgentId, ConversationId, WorkspaceId};
use domain::notification::NotificationKind;
use domain::resource::EventActor;
use domain::routing::Configuration;
use domain::timer::{TimerKind, TimerState};
use persistence::agents;
use persistence::error::Failure;
use persistence::timers::{self, Due};

use crate::ops::notifications::{Notice, notify};
use crate::ops::transaction::Tx;

/// Notifies the supervisors of those who hold conversations that wait too long for an answer, or, without one, every admin;
/// once for each stretch without an answer.
pub(super) fn unanswered(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    configuration: &Configuration,
    due: &[Due],
    locked: &BTreeMap<ConversationId, Conversation>,
) -> Result<(), Failure> {
    let now_due: Vec<(&Due, &Conversation)> = due
        .iter()
        .filter(|timer| timer.kind == TimerKind::SupervisorNotice)
        .filter_map(|timer| Some((timer, locked.get(&timer.conversation_id?)?)))
        .filter(|(timer, conversation)| {
            let rules = configuration.timer_rules(conversation.channel_id);
            timer.runs(conversation, rules)
        })
        .collect();
    if now_due.is_empty() {
        return Ok(());
    }
    let holders = now_due.iter().filter_map(|(_, one)| one.assignee()).collect();
    let above: BTreeMap<AgentId, AgentId> =
        agents::supervisors_of(tx.conn, workspace, holders)?.into_iter().collect();
    let admins = agents::admins(tx.conn, workspace)?;
    let mut notices = Vec::new();
    for (timer, conversation) in &now_due {
        let minutes = timer.due_at.since(timer.since).num_minutes();
        let supervisor = conversation.assignee().and_then(|holder| above.get(&holder).copied());
        let told = supervisor.map_or_else(|| admins.clone(), |one| vec![one]);
        notices.extend(told.into_iter().map(|agent_id| Notice {
            agent_id,
            kind: NotificationKind::Unanswered,
            conversation_id: conversation.id,
            ticket_id: conversation.ticket(),
            text: format!("A customer has been waiting for an answer for {minutes} minutes"),
        }));
    }
    let fired = now_due.iter().map(|(timer, _)| timer.id).collect();
    timers::set_state(tx.conn, workspace, fired, TimerState::Fired)?;
    notify(tx, workspace, &EventActor::system(), notices)
}
