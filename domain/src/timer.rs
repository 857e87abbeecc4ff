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
        /// The time to answer the customer freely is about to end: that is told. Runs from the customer's last message.
        ReplyWindowWarning = "reply_window_warning",
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
        /// The customer writes again.
        CustomerMessage = "customer_message",
        /// The setting is switched off.
        SettingOff = "setting_off",
    }
}

impl TimerKind {
    /// What ends it before it acts.
    #[must_use]
    pub fn cancelled_by(self) -> &'static [TimerCancel] {
        use TimerCancel::{AgentReply, CustomerMessage, HolderBack, Reassign, Resolve, SettingOff, Unassign};
        match self {
            Self::UnansweredTransfer => &[AgentReply, Resolve, Reassign, Unassign, SettingOff],
            Self::SupervisorNotice => &[AgentReply, Resolve, SettingOff],
            Self::Handover => &[HolderBack, Resolve, Reassign, Unassign, SettingOff],
            Self::ReplyWindowWarning => &[CustomerMessage, Resolve, SettingOff],
        }
    }
}

/// When something is to happen to conversations of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerRules {
    /// Nobody answers for so long: another agent gets the conversation. `None`: never.
    pub unanswered_transfer: Option<TimeDelta>,
    /// Nobody answers for so long: somebody above is notified. `None`: never.
    pub supervisor_notice: Option<TimeDelta>,
    /// The customer last wrote so long ago: the reply window is about to close. `None`: nobody is told, or there is none.
    pub reply_window_warning: Option<TimeDelta>,
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
    let mut timers = Vec::new();
    if let (Some(_), Some(wrote), Some(after)) =
        (conversation.session(), conversation.last_inbound_at, rules.reply_window_warning)
    {
        timers.push(Running { kind: TimerKind::ReplyWindowWarning, since: wrote, due_at: wrote.plus(after) });
    }
    let Some(unanswered) = conversation.unanswered_since else { return timers };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Session;
    use crate::id::{AgentId, ChannelId, ContactId, ConversationId, SessionId, TicketId};
    use crate::routing::Trigger;
    use uuid::Uuid;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_795_160_000 + seconds).unwrap()
    }

    fn rules(transfer: Option<i64>, notice: Option<i64>) -> TimerRules {
        TimerRules {
            unanswered_transfer: transfer.map(TimeDelta::seconds),
            supervisor_notice: notice.map(TimeDelta::seconds),
            reply_window_warning: None,
        }
    }

    /// A conversation in this state whose customer waits for an answer since then.
    fn conversation(state: State, unanswered_since: Option<i64>) -> Conversation {
        let (id, channel) = (ConversationId(Uuid::from_u128(1)), ChannelId(Uuid::from_u128(2)));
        let mut conversation = Conversation::begin(id, channel, ContactId(Uuid::from_u128(3)), at(0));
        conversation.state = state;
        conversation.unanswered_since = unanswered_since.map(at);
        conversation
    }

    fn session() -> Session {
        Session { id: SessionId(Uuid::from_u128(4)), started_at: at(0) }
    }

    fn held(since: i64) -> State {
        let (assignee, ticket) = (AgentId(Uuid::from_u128(5)), TicketId(Uuid::from_u128(6)));
        State::Held { session: session(), assignee, since: at(since), over_limit: false, ticket }
    }

    fn waiting() -> State {
        let cause = Trigger::SessionStarted;
        State::Waiting { session: session(), since: at(0), cause, decided: true, ticket: None }
    }

    fn told(
        state: State,
        unanswered: Option<i64>,
        rules: TimerRules,
    ) -> Vec<(TimerKind, Timestamp, Timestamp)> {
        let timers = running(&conversation(state, unanswered), rules);
        timers.into_iter().map(|one| (one.kind, one.since, one.due_at)).collect()
    }

    #[test]
    fn a_transfer_runs_from_the_later_of_assignment_and_first_message_and_a_notice_from_the_message() {
        use TimerKind::{SupervisorNotice, UnansweredTransfer};
        let both = rules(Some(60), Some(90));
        assert_eq!(
            told(held(10), Some(4), both),
            [(UnansweredTransfer, at(10), at(70)), (SupervisorNotice, at(4), at(94))]
        );
        assert_eq!(
            told(held(10), Some(25), both),
            [(UnansweredTransfer, at(25), at(85)), (SupervisorNotice, at(25), at(115))]
        );
    }

    #[test]
    fn what_waits_is_not_transferred_but_noticed() {
        let expected = [(TimerKind::SupervisorNotice, at(0), at(90))];
        assert_eq!(told(waiting(), Some(0), rules(Some(60), Some(90))), expected);
    }

    #[test]
    fn nothing_runs_for_who_has_an_answer_or_is_done_or_where_it_is_off() {
        let both = rules(Some(60), Some(90));
        assert_eq!(told(held(10), None, both), []);
        assert_eq!(told(waiting(), None, both), []);
        assert_eq!(told(State::Resolved, Some(0), both), []);
        assert_eq!(told(held(10), Some(4), rules(None, None)), []);
        assert_eq!(told(held(10), Some(4), rules(Some(60), None)).len(), 1);
        assert_eq!(told(held(10), Some(4), rules(None, Some(90))).len(), 1);
    }

    #[test]
    fn another_holder_makes_another_transfer_and_the_same_notice() {
        let both = rules(Some(60), Some(90));
        let (before, after) = (told(held(10), Some(4), both), told(held(40), Some(4), both));
        assert_ne!(before[0], after[0]);
        assert_eq!(before[1], after[1]);
    }
}
