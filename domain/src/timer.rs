//! What happens to a conversation later, unless something happens before.

use chrono::TimeDelta;

use crate::conversation::{Conversation, State};
use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// What is to happen.
    pub enum TimerKind {
        /// Its holder has not answered: another agent gets it. Runs from the later of the assignment and the customer's first
        /// message without an answer.
        UnansweredTransfer = "unanswered_transfer",
        /// Nobody has answered: the holder's supervisor is notified, or, without one, every admin. Runs from the customer's
        /// first message without an answer.
        SupervisorNotice = "supervisor_notice",
        /// Its holder is offline: all that it holds is routed anew. Runs from when it went offline.
        Handover = "handover",
    }
}

text_enum! {
    /// How a timer stands.
    pub enum TimerState {
        /// It runs.
        Armed = "armed",
        /// It was due, and nobody could take the conversation. It acts as soon as somebody can.
        Blocked = "blocked",
        /// It has acted.
        Fired = "fired",
    }
}

text_enum! {
    /// What ends a timer before it acts.
    pub enum TimerCancel {
        /// An agent answers.
        AgentReply = "agent_reply",
        /// The conversation is resolved.
        Resolve = "resolve",
        /// Another agent holds the conversation.
        Reassign = "reassign",
        /// Nobody holds the conversation any longer.
        Unassign = "unassign",
        /// The holder comes back online, or says that it is away.
        HolderBack = "holder_back",
        /// The setting is switched off.
        SettingOff = "setting_off",
    }
}

impl TimerKind {
    /// What ends it before it acts.
    #[must_use]
    pub fn cancelled_by(self) -> &'static [TimerCancel] {
        use TimerCancel::{AgentReply, HolderBack, Reassign, Resolve, SettingOff, Unassign};
        match self {
            Self::UnansweredTransfer => &[AgentReply, Resolve, Reassign, Unassign, SettingOff],
            Self::SupervisorNotice => &[AgentReply, Resolve, SettingOff],
            Self::Handover => &[HolderBack, Resolve, Reassign, Unassign, SettingOff],
        }
    }
}

/// How long nobody may answer, on one channel; `None`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerRules {
    /// Then another agent gets the conversation.
    pub unanswered_transfer: Option<TimeDelta>,
    /// Then somebody above is notified.
    pub supervisor_notice: Option<TimeDelta>,
}

/// A timer that a conversation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// What is to happen.
    pub kind: TimerKind,
    /// Since when it runs.
    pub since: Timestamp,
    /// When it acts.
    pub due_at: Timestamp,
}

/// The timers that a conversation has by these rules. A timer is the same one as before as long as `since` is the same.
#[must_use]
pub fn running(conversation: &Conversation, rules: TimerRules) -> Vec<Running> {
    let Some(unanswered) = conversation.unanswered_since else { return Vec::new() };
    let mut timers = Vec::new();
    if let (State::Held { since, .. }, Some(after)) = (conversation.state, rules.unanswered_transfer) {
        let since = since.max(unanswered);
        timers.push(Running { kind: TimerKind::UnansweredTransfer, since, due_at: since.plus(after) });
    }
    if let (Some(_), Some(after)) = (conversation.session(), rules.supervisor_notice) {
        let due_at = unanswered.plus(after);
        timers.push(Running { kind: TimerKind::SupervisorNotice, since: unanswered, due_at });
    }
    timers
}
