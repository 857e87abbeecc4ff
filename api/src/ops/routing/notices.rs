//! Customers who have been waiting for too long: somebody above is told.

use std::collections::{BTreeMap, HashMap};

use domain::conversation::Conversation;
use domain::id::{AgentId, ConversationId, WorkspaceId};
use domain::notification::NotificationKind;
use domain::resource::EventActor;
use domain::routing::Configuration;
use domain::timer::{TimerKind, TimerState};
use persistence::error::Failure;
use persistence::timers::{self, Due};
use persistence::{agents, conversations};

use crate::ops::notifications::{About, Notice, notify};
use crate::ops::transaction::Tx;

/// The most notices of one run.
const NOTICES: usize = 1000;

/// Notifies the supervisors of those who hold conversations that wait too long for an answer, or, without one that may see
/// the conversation, every admin;
/// once for each stretch without an answer.
pub(super) fn unanswered(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    configuration: &Configuration,
    due: &[Due],
    locked: &BTreeMap<ConversationId, Conversation>,
) -> Result<(), Failure> {
    let mut now_due: Vec<(&Due, &Conversation)> = due
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
    let admins = agents::admins(tx.conn, workspace)?;
    // What is left stays due: the next run goes on.
    now_due.truncate((NOTICES / admins.len().max(1)).max(1));
    let above = supervisors(tx, workspace, configuration, now_due.iter().map(|(_, one)| *one))?;
    let keys = now_due.iter().map(|(_, one)| (workspace, one.id)).collect();
    let now = tx.now;
    let names: HashMap<ConversationId, String> = conversations::shapes(tx.conn, keys, now)?
        .into_iter()
        .map(|(_, shape)| (shape.id, shape.contact.name))
        .collect();
    let mut notices = Vec::new();
    // What is archived is not everyday work: its time runs out quietly.
    for (timer, conversation) in now_due.iter().filter(|(_, one)| one.archived_at.is_none()) {
        let name = names.get(&conversation.id).map_or("A customer", String::as_str);
        let waited = match timer.due_at.since(timer.since).num_minutes() {
            1 => "a minute".to_owned(),
            minutes => format!("{minutes} minutes"),
        };
        let told = above.get(&conversation.id).map_or_else(|| admins.clone(), |one| vec![*one]);
        notices.extend(told.into_iter().map(|agent_id| Notice {
            agent_id,
            kind: NotificationKind::Unanswered,
            about: About::Conversation(conversation.id, conversation.ticket()),
            text: format!("{name} has been waiting for an answer for {waited}"),
        }));
    }
    let fired = now_due.iter().map(|(timer, _)| timer.id).collect();
    timers::set_state(tx.conn, workspace, fired, TimerState::Fired)?;
    notify(tx, workspace, &EventActor::system(), notices)
}

/// Who looks after the holders of these conversations, where it may see the conversation.
fn supervisors<'a>(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    configuration: &Configuration,
    held: impl Iterator<Item = &'a Conversation> + Clone,
) -> Result<HashMap<ConversationId, AgentId>, Failure> {
    let holders = held.clone().filter_map(Conversation::assignee).collect();
    let above: BTreeMap<AgentId, AgentId> =
        agents::supervisors_of(tx.conn, workspace, holders)?.into_iter().collect();
    let mut allocations = BTreeMap::new();
    if configuration.settings.restrict_to_allocation {
        for supervisor in above.values() {
            if !allocations.contains_key(supervisor) {
                allocations.insert(*supervisor, agents::allocation(tx.conn, workspace, *supervisor)?);
            }
        }
    }
    let sees = |supervisor: &AgentId, one: &Conversation| {
        allocations.get(supervisor).is_none_or(|allocation| allocation.covers(one.facts()))
    };
    Ok(held
        .filter_map(|one| Some((one, *above.get(&one.assignee()?)?)))
        .filter(|(one, supervisor)| sees(supervisor, one))
        .map(|(one, supervisor)| (one.id, supervisor))
        .collect())
}
