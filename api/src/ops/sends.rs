//! What came of handing a message to its provider.

use std::time::Duration;

use chrono::TimeDelta;
use domain::channel::{ChannelKind, ChannelState};
use domain::event::{Audience, EventType, Sight};
use domain::id::{ChannelId, WorkspaceId};
use domain::message::MessageStatus;
use domain::notification::NotificationKind;
use domain::resource::MessageError;
use domain::time::Timestamp;
use domain::webhook;
use persistence::error::Failure;
use persistence::jobs::{self, SendJob};
use persistence::messages::{self, Progress};
use persistence::{agents, channels, conversations};

use super::channels::tell_channel;
use super::notifications::{About, Notice, notify};
use super::templates;
use super::transaction::{Change, Tx};
use crate::channels::{FailureClass, SendFailure, SendOutcome};
use crate::state::App;
use domain::resource::EventActor;

/// After this many attempts a message that a provider keeps refusing for the moment is failed:
/// with the delays below, after about an hour.
const ATTEMPTS_MAX: i32 = 8;

/// One attempt to hand a message over.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The job.
    pub job: SendJob,
    /// When the call began: what the provider tells of earlier moments is not about it.
    pub began_at: Timestamp,
    /// The kind of the channel.
    pub channel_kind: ChannelKind,
    /// The version of the channel whose credentials were used.
    pub channel_version: i64,
    /// What came of it.
    pub outcome: SendOutcome,
}

/// Writes down what came of one attempt and decides what comes next.
///
/// # Errors
/// Only those of the database.
pub fn settle(app: &App, tx: &mut Tx<'_>, attempt: &Attempt) -> Result<(), Failure> {
    let Attempt { job, outcome, .. } = attempt;
    let job = *job;
    if let SendOutcome::Refused(failure) = outcome
        && failure.class == FailureClass::ChannelStopped
    {
        let now = tx.now;
        jobs::postpone(tx.conn, job.workspace_id, job.id, now)?;
        let channel = (job.workspace_id, job.channel_id, attempt.channel_version);
        return stop_channel(app, tx, channel, failure);
    }
    // Before the conversation in the order of locks.
    stop_template(tx, attempt)?;
    let conversation = conversations::lock(tx.conn, job.workspace_id, job.conversation_id)?;
    let progress = messages::progress(tx.conn, vec![(job.workspace_id, job.message_id)])?.pop();
    let (Some(conversation), Some(mut progress)) = (conversation, progress) else {
        return Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?);
    };
    if let SendOutcome::Refused(failure) = outcome
        && failure.class == FailureClass::Retry
    {
        // A status has told its fate meanwhile.
        if progress.status != MessageStatus::Queued {
            return Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?);
        }
        if let Some(wait) = wait(app, attempt.channel_kind, job.attempts, failure.retry_after) {
            let due_at = tx.now.plus(wait);
            return Ok(jobs::postpone(tx.conn, job.workspace_id, job.id, due_at)?);
        }
    }
    jobs::finish(tx.conn, job.workspace_id, job.id)?;
    let outcome = &named(tx, attempt, outcome)?;
    let applied = apply(&mut progress, outcome, tx.now);
    let overtaken = matches!(outcome, SendOutcome::Accepted { .. }) && overtake(tx, &mut progress, attempt)?;
    if !applied && !overtaken {
        return Ok(());
    }
    messages::save_progress(tx.conn, &[progress])?;
    let Some(message) = messages::shape(tx.conn, job.workspace_id, job.message_id)? else { return Ok(()) };
    tx.tell(Change {
        workspace_id: job.workspace_id,
        event_type: EventType::MessageUpdated,
        audience: Audience::Conversation(Sight::unchanged(conversation.facts())),
        conversation_id: Some(job.conversation_id),
        actor: &EventActor::system(),
        data: &message,
        previous: None,
    });
    Ok(())
}

/// Two messages of a channel cannot have one name: a second one that an integrator calls like the first goes by our own id.
fn named(tx: &mut Tx<'_>, attempt: &Attempt, outcome: &SendOutcome) -> Result<SendOutcome, Failure> {
    let job = attempt.job;
    let SendOutcome::Accepted { provider_message_id } = outcome else { return Ok(outcome.clone()) };
    if attempt.channel_kind != ChannelKind::Api {
        return Ok(outcome.clone());
    }
    let key = (job.workspace_id, job.channel_id, provider_message_id.clone());
    let taken = messages::by_provider_ids(tx.conn, vec![key])?.iter().any(|found| found.id != job.message_id);
    let id = if taken { job.message_id.to_string() } else { provider_message_id.clone() };
    Ok(SendOutcome::Accepted { provider_message_id: id })
}

/// True if the outcome changes the message. A status that the provider sent before its answer came
/// has been written already and is not undone.
fn apply(progress: &mut Progress, outcome: &SendOutcome, now: Timestamp) -> bool {
    let (status, error) = match outcome {
        SendOutcome::Accepted { provider_message_id } => {
            let new_id = progress.name(provider_message_id);
            if progress.status.advance(MessageStatus::Sent).is_none() {
                return new_id;
            }
            (MessageStatus::Sent, None)
        }
        SendOutcome::Refused(failure) => (MessageStatus::Failed, Some(error_of(failure))),
        SendOutcome::Ambiguous { .. } => (MessageStatus::Unknown, Some(unknown())),
    };
    let Some(status) = progress.status.advance(status) else { return false };
    progress.status = status;
    progress.times.note(status, now);
    progress.error = error;
    true
}

/// A watermark that came before the answer to our call counts for the message too. True if it does.
fn overtake(tx: &mut Tx<'_>, progress: &mut Progress, attempt: &Attempt) -> Result<bool, Failure> {
    let (workspace, conversation) = (attempt.job.workspace_id, attempt.job.conversation_id);
    let (delivered, read) = messages::watermarks(tx.conn, workspace, conversation)?;
    let mut changed = false;
    for (status, up_to) in [(MessageStatus::Delivered, delivered), (MessageStatus::Read, read)] {
        let Some(up_to) = up_to.filter(|up_to| *up_to >= attempt.began_at) else { continue };
        if let Some(status) = progress.status.advance(status) {
            progress.status = status;
            progress.times.note(status, up_to);
            changed = true;
        }
    }
    Ok(changed)
}

fn error_of(failure: &SendFailure) -> MessageError {
    MessageError {
        code: failure.code.to_owned(),
        provider_code: Some(failure.provider.code.clone()),
        detail: failure.detail.to_owned(),
    }
}

fn unknown() -> MessageError {
    MessageError {
        code: "outcome_unknown".to_owned(),
        provider_code: None,
        detail:
            "The provider did not answer, so nobody knows whether the customer got this message. Ask the \
                 customer, or send it again; it might arrive twice."
                .to_owned(),
    }
}

/// Nothing more can be sent on the channel until an admin acts, and all of them are notified; what waits stays queued.
/// Credentials that were replaced meanwhile do not stop it.
pub(super) fn stop_channel(
    app: &App,
    tx: &mut Tx<'_>,
    (workspace, id, version): (WorkspaceId, ChannelId, i64),
    failure: &SendFailure,
) -> Result<(), Failure> {
    let Some(mut channel) = channels::lock(tx.conn, workspace, id)? else { return Ok(()) };
    if channel.state == ChannelState::NeedsAttention || channel.version != version {
        return Ok(());
    }
    channel.state = ChannelState::NeedsAttention;
    channel.state_detail = Some(format!("{} (provider code {})", failure.detail, failure.provider.code));
    channels::update(tx.conn, &mut channel)?;
    tell_channel(app, tx, &channel, EventType::ChannelUpdated, &EventActor::system());
    let admins = agents::admins(tx.conn, workspace)?;
    let notices = admins.into_iter().map(|agent_id| Notice {
        agent_id,
        kind: NotificationKind::ChannelAttention,
        about: About::Channel(channel.id),
        text: format!("{} sends nothing until somebody sees to it: {}", channel.name, failure.detail),
    });
    notify(tx, workspace, &EventActor::system(), notices.collect())
}

/// The provider has stopped the template that was sent: it is not offered any longer.
fn stop_template(tx: &mut Tx<'_>, attempt: &Attempt) -> Result<(), Failure> {
    let SendOutcome::Refused(failure) = &attempt.outcome else { return Ok(()) };
    let word = match failure.code {
        "template_paused" => "PAUSED",
        "template_disabled" => "DISABLED",
        _ => return Ok(()),
    };
    let workspace = attempt.job.workspace_id;
    let message = messages::shape(tx.conn, workspace, attempt.job.message_id)?;
    match message.and_then(|message| message.content?.template) {
        Some(template) => templates::provider::stopped_by_send(tx, workspace, template.id, word),
        None => Ok(()),
    }
}

/// How long to wait before the next attempt; `None`: there is none. Servers of integrators are down for longer than those of
/// providers, and their channels have the patience of other calls to them.
fn wait(app: &App, kind: ChannelKind, attempts: i32, asked: Option<Duration>) -> Option<TimeDelta> {
    let exact = |duration: Duration| TimeDelta::from_std(duration).ok();
    match kind {
        ChannelKind::Api => {
            let delays = &app.settings.times.webhook_retries;
            let schedule: Vec<TimeDelta> = delays.iter().copied().filter_map(exact).collect();
            let asked = asked.and_then(exact).unwrap_or_default();
            let jitter = rand::random_range(-1.0..=1.0);
            webhook::wait(&schedule, u32::try_from(attempts).unwrap_or(u32::MAX), asked, jitter)
        }
        ChannelKind::WhatsApp | ChannelKind::Messenger | ChannelKind::Telegram => {
            (attempts < ATTEMPTS_MAX).then(|| delay(attempts, asked))
        }
    }
}

/// How long to wait before the next attempt: what the provider asks for, else 1, 4, 16, ... seconds,
/// at most 15 minutes (Meta's advice for the pair limit, CHANNELS 2.9).
pub(super) fn delay(attempts: i32, asked: Option<Duration>) -> TimeDelta {
    const LONGEST_SECONDS: i64 = 15 * 60;
    let exponent = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    let own = 4_i64.saturating_pow(exponent).min(LONGEST_SECONDS);
    let asked = asked.and_then(|asked| i64::try_from(asked.as_secs()).ok()).unwrap_or(0);
    TimeDelta::seconds(own.max(asked.saturating_add(i64::from(asked > 0))))
}

#[cfg(test)]
mod tests {
    use super::delay;
    use chrono::TimeDelta;
    use std::time::Duration;

    #[test]
    fn waits_longer_each_time_and_never_less_than_asked() {
        let own: Vec<i64> = (1..=7).map(|attempt| delay(attempt, None).num_seconds()).collect();
        assert_eq!(own, [1, 4, 16, 64, 256, 900, 900]);
        assert!(delay(1, Some(Duration::from_secs(30))) >= TimeDelta::seconds(30));
    }
}
