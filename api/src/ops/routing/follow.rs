//! What a change of a conversation means for routing: timers, and what to look at.

use domain::conversation::{Conversation, State};
use domain::id::WorkspaceId;
use domain::routing::Trigger;
use domain::timer;
use persistence::error::Failure;

use crate::ops::transaction::{Hands, Look, Tx};

/// Every change of a conversation comes by here, whoever makes it, in its transaction and with the conversation locked:
/// its timers follow, routing is told of slots that are free and of conversations that wait, and who sees the customer by it is
/// told at the end.
///
/// # Errors
/// Only those of the database.
pub fn follow(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    before: &Conversation,
    after: &Conversation,
) -> Result<(), Failure> {
    let configuration = tx.configuration(workspace)?;
    let rules = configuration.timer_rules(after.channel_id);
    let timers = timer::running(after, rules);
    if timers != timer::running(before, rules) {
        tx.run_timers(workspace, after.id, timers);
    }
    let (from, to) = (before.assignee(), after.assignee());
    if from != to && configuration.settings.restrict_to_allocation {
        tx.changed_hands(workspace, after.id, Hands { channel: after.channel_id, from, to });
    }
    if !configuration.is_active() {
        return Ok(());
    }
    if from != to {
        for member in from.into_iter().chain(to) {
            tx.look_at(workspace, Look::Agent(member), Trigger::SlotFreed);
        }
    }
    let State::Waiting { cause, decided, .. } = after.state else { return Ok(()) };
    let begins = before.state != after.state && !decided;
    let others_may = before.division_id != after.division_id;
    let is_back = before.archived_at.is_some();
    if after.archived_at.is_none() && (begins || others_may || is_back) {
        tx.look_at(workspace, Look::Conversation(after.id), cause);
    }
    Ok(())
}
