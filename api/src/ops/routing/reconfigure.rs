//! What a change of settings or policies means for what waits and what runs.

use chrono::TimeDelta;
use domain::id::{ChannelId, WorkspaceId};
use domain::refusal::Code;
use domain::routing::{Configuration, Trigger};
use domain::timer;
use persistence::error::Failure;
use persistence::{conversations, settings};
use uuid::Uuid;

use crate::ops::transaction::{Look, Tx};

/// The longest reply window of any channel: of older messages nobody is to be warned.
const LONGEST_WINDOW: TimeDelta = TimeDelta::hours(24);

/// The settings or policies of a workspace were changed from `before` to what is stored now; their lock is held. Timers run
/// by the new ones, and the whole queue is looked through.
///
/// # Errors
/// Only those of the database.
pub fn reconfigure(tx: &mut Tx<'_>, workspace: WorkspaceId, before: &Configuration) -> Result<(), Failure> {
    tx.reconfigured(workspace);
    let after = settings::configuration(tx.conn, workspace)?.ok_or(Code::NotFound)?;
    tx.look_at(workspace, Look::Queue, Trigger::SettingsChanged);
    if timers_stay(before, &after) {
        return Ok(());
    }
    // Whoever changes a conversation holds the configuration, so none comes to wait for an answer meanwhile.
    let windows_since = tx.now.plus(-LONGEST_WINDOW);
    for conversation in conversations::awaiting(tx.conn, workspace, windows_since)? {
        let channel = conversation.channel_id;
        let (old, new) = (before.timer_rules(channel), after.timer_rules(channel));
        if old != new {
            tx.run_timers(workspace, conversation.id, timer::running(&conversation, new));
        }
    }
    Ok(())
}

/// Whether nothing changes for any channel in when something is to happen to what nobody answers.
fn timers_stay(before: &Configuration, after: &Configuration) -> bool {
    let named =
        before.policies.iter().chain(&after.policies).flat_map(|policy| policy.channels.iter().copied());
    let windows = before.reply_window_warnings.keys().chain(after.reply_window_warnings.keys()).copied();
    // And for a channel that neither a policy nor a warning names.
    let nowhere = ChannelId::from(Uuid::nil());
    named
        .chain(windows)
        .chain([nowhere])
        .all(|channel| before.timer_rules(channel) == after.timer_rules(channel))
}
