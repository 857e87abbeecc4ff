//! What is done towards a customer without writing: reactions, and saying that its messages were read.

use domain::access::{Act, Caller, SendMessage};
use domain::channel::ChannelKind;
use domain::event::{Audience, EventType, Sight};
use domain::id::MessageId;
use domain::job::ChannelJobKind;
use domain::reaction;
use domain::refusal::Code;
use domain::reply_window::reply_window;
use domain::resource::{EventActor, Message};
use persistence::error::Failure;
use persistence::jobs::{self, ChannelJob};
use persistence::{conversations, messages};

use super::channels::is_called;
use super::conversations::{Locked, Which};
use super::messages::WhichMessage;
use super::precondition::expect_version;
use super::sends::{delay, stop_channel};
use super::transaction::{Change, Tx};
use crate::channels::gesture::is_message;
use crate::channels::{FailureClass, SendFailure};
use crate::state::App;

/// After this many attempts it is given up: with the delays of sends, after about a minute and a half.
const ATTEMPTS_MAX: i32 = 5;

/// Puts an emoji on a message for the team, or (without one) takes the team's off.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`, `contact_blocked`, `reply_window_closed`, `not_reactable`,
/// `validation_failed`.
pub fn react(
    tx: &mut Tx<'_>,
    caller: &Caller<SendMessage>,
    which: WhichMessage,
    emoji: Option<&str>,
) -> Result<Message, Failure> {
    let WhichMessage { conversation, id, expected_version } = which;
    let locked = Locked::lock(tx, caller, Which { id: conversation, expected_version: None })?;
    let target = messages::target(tx.conn, locked.workspace, id)?;
    let target = target.filter(|target| target.conversation_id == conversation).ok_or(Code::NotFound)?;
    expect_version(expected_version, target.version)?;
    let channel = locked.channel_kind(tx)?;
    let emoji = emoji.map(|emoji| reaction::emoji(channel, emoji)).transpose()?;
    locked.conversation.expect_open_to_customer()?;
    reply_window(channel, target.last_inbound_at, tx.now).check_open()?;
    let known = |provider_id: &String| is_message(channel, provider_id, &target.external_id);
    if !target.provider_message_id.as_ref().is_some_and(known) {
        return Err(Code::NotReactable.into());
    }
    let (me, now) = (caller.actor().agent_id, tx.now);
    let wanted = emoji.as_deref().map(|emoji| (me, emoji));
    let changed = messages::react_as_team(tx.conn, locked.workspace, id, wanted, now)?;
    let message = messages::shape(tx.conn, locked.workspace, id)?.ok_or(Code::NotFound)?;
    if changed {
        // The provider is not told who of the team it was.
        if target.reaction.map(|(_, emoji)| emoji) != emoji {
            enqueue(tx, &locked, channel, ChannelJobKind::SendReaction, id)?;
        }
        locked.tell_message(tx, EventType::MessageUpdated, &message);
    }
    Ok(message)
}

/// Tells the customer that its messages were read, where the channel can, once for the newest of them.
pub(super) fn tell_read<A: Act>(tx: &mut Tx<'_>, locked: &Locked<A>) -> Result<(), Failure> {
    let (workspace, conversation) = (locked.workspace, locked.conversation.id);
    let channel = locked.channel_kind(tx)?;
    if locked.conversation.blocked || !channel.has_receipts() {
        return Ok(());
    }
    let Some(newest) = messages::newest_inbound(tx.conn, workspace, conversation)? else { return Ok(()) };
    if messages::note_receipt(tx.conn, workspace, conversation, newest)? {
        enqueue(tx, locked, channel, ChannelJobKind::MarkRead, newest)?;
    }
    Ok(())
}

fn enqueue<A: Act>(
    tx: &mut Tx<'_>,
    locked: &Locked<A>,
    channel: ChannelKind,
    kind: ChannelJobKind,
    message: MessageId,
) -> Result<(), Failure> {
    if !is_called(tx, (locked.workspace, locked.conversation.channel_id, channel))? {
        return Ok(());
    }
    let job = ChannelJob {
        workspace_id: locked.workspace,
        id: tx.id(),
        kind,
        lane: message.0,
        channel_id: locked.conversation.channel_id,
        subject_id: message.0,
        attempts: 0,
    };
    let now = tx.now;
    jobs::enqueue_channel_job(tx.conn, job, now)?;
    tx.has_jobs();
    Ok(())
}

/// One attempt to do what a job says.
#[derive(Debug, Clone)]
pub struct GestureAttempt {
    /// The job.
    pub job: ChannelJob,
    /// The emoji that was to be put on the message.
    pub emoji: Option<String>,
    /// The version of the channel whose credentials were used.
    pub channel_version: i64,
    /// What came of it.
    pub outcome: Result<(), SendFailure>,
}

/// Writes down what came of one attempt and decides what comes next. A reaction that the provider does not take is
/// taken off the message again: the customer does not see it either.
///
/// # Errors
/// Only those of the database.
pub fn settle(app: &App, tx: &mut Tx<'_>, attempt: &GestureAttempt) -> Result<(), Failure> {
    let job = attempt.job;
    let Err(failure) = &attempt.outcome else {
        return Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?);
    };
    match failure.class {
        FailureClass::ChannelStopped => {
            let now = tx.now;
            jobs::postpone(tx.conn, job.workspace_id, job.id, now)?;
            stop_channel(app, tx, (job.workspace_id, job.channel_id, attempt.channel_version), failure)
        }
        FailureClass::Retry if job.attempts < ATTEMPTS_MAX => {
            let due_at = tx.now.plus(delay(job.attempts, failure.retry_after));
            Ok(jobs::postpone(tx.conn, job.workspace_id, job.id, due_at)?)
        }
        FailureClass::Retry | FailureClass::RetryLater | FailureClass::Final => give_up(tx, attempt),
    }
}

fn give_up(tx: &mut Tx<'_>, attempt: &GestureAttempt) -> Result<(), Failure> {
    let (workspace, id) = (attempt.job.workspace_id, MessageId(attempt.job.subject_id));
    let target = messages::target(tx.conn, workspace, id)?;
    let locked = match &target {
        Some(target) => conversations::lock(tx.conn, workspace, target.conversation_id)?,
        None => None,
    };
    jobs::finish(tx.conn, workspace, attempt.job.id)?;
    // Read again: now nobody can change it.
    let shown = messages::target(tx.conn, workspace, id)?.and_then(|target| target.reaction);
    let refused = attempt.emoji.is_some() && shown.map(|(_, emoji)| emoji) == attempt.emoji;
    let now = tx.now;
    if !refused || !messages::react_as_team(tx.conn, workspace, id, None, now)? {
        return Ok(());
    }
    let (Some(conversation), Some(message)) = (locked, messages::shape(tx.conn, workspace, id)?) else {
        return Ok(());
    };
    tx.tell(Change {
        workspace_id: workspace,
        event_type: EventType::MessageUpdated,
        audience: Audience::Conversation(Sight::unchanged(conversation.facts())),
        conversation_id: Some(conversation.id),
        actor: &EventActor::system(),
        data: &message,
        previous: None,
    });
    Ok(())
}
