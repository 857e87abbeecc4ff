//! What happens later, unless something happens before.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::access::{Act, Caller, Permit};
use domain::actor::{Actor, Via};
use domain::agent::Role;
use domain::conversation::{Conversation, FreshIds};
use domain::id::AgentId;
use domain::resource::AssignmentSettings;
use domain::routing::{Configuration, Policy, Strategy as Choice};
use domain::time::Timestamp;
use domain::timer::{Running, TimerCancel, TimerKind, TimerRules, running};
use proptest::option;
use proptest::prelude::*;

use crate::random::{at, id};

/// The right of a member to do something to a conversation; everybody here may do everything.
pub fn permit<A: Act>(agent: AgentId, conversation: &Conversation) -> Permit<A> {
    let actor = Actor {
        workspace_id: id(1),
        agent_id: agent,
        via: Via::SignIn(id(1)),
        name: String::new(),
        role: Role::Admin,
        view_all: true,
        supervises: Vec::new(),
        restricted_to: None,
        agents_may_claim: true,
        agents_may_transfer: true,
    };
    Caller::new(actor).unwrap().on(conversation.facts()).unwrap()
}

/// Something that happens to a conversation.
#[derive(Debug, Clone, Copy)]
enum Step {
    Receive,
    Reply(u128),
    Assign(u128),
    Unassign,
    Resolve,
    Archive,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Receive),
        1 => (1..4_u128).prop_map(Step::Reply),
        2 => (1..4_u128).prop_map(Step::Assign),
        1 => Just(Step::Unassign),
        1 => Just(Step::Resolve),
        1 => Just(Step::Archive),
    ]
}

fn happen(conversation: &mut Conversation, step: Step, now: Timestamp) {
    let fresh = FreshIds { session: id(1), ticket: id(1) };
    match step {
        Step::Receive => conversation.receive(id(1), now, id(1), now),
        Step::Reply(by) => {
            conversation.reply(&permit(id(by), conversation), fresh, now);
        }
        Step::Assign(to) => {
            conversation.assign(&permit(id(9), conversation), id(to), fresh, now);
        }
        Step::Unassign => {
            let _ = conversation.unassign(&permit(id(9), conversation), now);
        }
        Step::Resolve => {
            let _ = conversation.resolve(&permit(id(9), conversation));
        }
        Step::Archive => {
            conversation.archive(&permit(id(9), conversation), true, now);
        }
    }
}

fn rules() -> impl Strategy<Value = TimerRules> {
    let minutes = || option::of((1..=1440_i64).prop_map(TimeDelta::minutes));
    (minutes(), minutes(), minutes()).prop_map(
        |(unanswered_transfer, supervisor_notice, reply_window_warning)| TimerRules {
            unanswered_transfer,
            supervisor_notice,
            reply_window_warning,
        },
    )
}

fn find(timers: &[Running], kind: TimerKind) -> Option<Running> {
    timers.iter().find(|timer| timer.kind == kind).copied()
}

/// What was seen of a conversation, apart from itself.
#[derive(Debug, Default)]
struct Seen {
    holder: Option<(AgentId, Timestamp)>,
    session: bool,
    unanswered: Option<Timestamp>,
    wrote: Option<Timestamp>,
}

impl Seen {
    fn happen(&mut self, step: Step, now: Timestamp) {
        match step {
            Step::Receive => {
                self.session = true;
                self.unanswered = self.unanswered.or(Some(now));
                self.wrote = self.wrote.max(Some(now));
            }
            Step::Reply(by) => {
                self.session = true;
                self.unanswered = None;
                self.holder = self.holder.or(Some((id(by), now)));
            }
            Step::Assign(to) => {
                self.session = true;
                self.holder = self.holder.filter(|(holder, _)| *holder == id(to)).or(Some((id(to), now)));
            }
            Step::Unassign => self.holder = None,
            Step::Resolve => *self = Self { wrote: self.wrote, ..Self::default() },
            Step::Archive => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// A transfer runs while somebody holds it without having answered, from the later of both; a notice runs while
    /// nobody has answered, whoever holds it; a warning runs from the last message as long as there is a session. The clock
    /// may go back.
    #[test]
    fn run_from_what_happened(steps in proptest::collection::vec((step(), 0..100_i64), 1..20), rules in rules()) {
        let mut conversation = Conversation::begin(id(1), id(1), id(1), at(0));
        let mut seen = Seen::default();
        for (step, clock) in steps {
            happen(&mut conversation, step, at(clock));
            seen.happen(step, at(clock));
            let timers = running(&conversation, rules);
            let expected = |since: Timestamp, after: TimeDelta, kind| Running { kind, since, due_at: since.plus(after) };
            let transfer = seen.holder.zip(seen.unanswered).zip(rules.unanswered_transfer).map(|(((_, held), unanswered), after)| {
                expected(if held > unanswered { held } else { unanswered }, after, TimerKind::UnansweredTransfer)
            });
            let notice = seen.unanswered.zip(rules.supervisor_notice)
                .map(|(unanswered, after)| expected(unanswered, after, TimerKind::SupervisorNotice));
            prop_assert_eq!(find(&timers, TimerKind::UnansweredTransfer), transfer);
            prop_assert_eq!(find(&timers, TimerKind::SupervisorNotice), notice);
            let wrote = seen.wrote.filter(|_| seen.session);
            let warning = wrote.zip(rules.reply_window_warning)
                .map(|(wrote, after)| expected(wrote, after, TimerKind::ReplyWindowWarning));
            prop_assert_eq!(find(&timers, TimerKind::ReplyWindowWarning), warning);
            prop_assert_eq!(timers.len(), [transfer, notice, warning].iter().flatten().count());
        }
    }

    /// What is said to end a timer ends it, and what is not said does not.
    #[test]
    fn end_by_what_is_said_to_end_them(transfer in 1..=1440_i64, notice in 1..=1440_i64, waits in 1..100_i64) {
        let rules = TimerRules {
            unanswered_transfer: Some(TimeDelta::minutes(transfer)), supervisor_notice: Some(TimeDelta::minutes(notice)),
            reply_window_warning: Some(TimeDelta::minutes(transfer)),
        };
        let none = TimerRules { unanswered_transfer: None, supervisor_notice: None, reply_window_warning: None };
        let mut held = Conversation::begin(id(1), id(1), id(1), at(0));
        happen(&mut held, Step::Receive, at(0));
        happen(&mut held, Step::Assign(1), at(waits));
        for before in running(&held, rules) {
            for cancel in TimerCancel::ALL {
                let (mut after, mut then) = (held.clone(), rules);
                match cancel {
                    TimerCancel::AgentReply => happen(&mut after, Step::Reply(1), at(2 * waits)),
                    TimerCancel::Resolve => happen(&mut after, Step::Resolve, at(2 * waits)),
                    TimerCancel::Reassign => happen(&mut after, Step::Assign(2), at(2 * waits)),
                    TimerCancel::Unassign => happen(&mut after, Step::Unassign, at(2 * waits)),
                    TimerCancel::SettingOff => then = none,
                    TimerCancel::CustomerMessage => happen(&mut after, Step::Receive, at(2 * waits)),
                    // Not of conversations.
                    TimerCancel::HolderBack => {}
                }
                let goes_on = find(&running(&after, then), before.kind).is_some_and(|now| now.since == before.since);
                prop_assert_eq!(!goes_on, before.kind.cancelled_by().contains(cancel), "{}: {}", before.kind, cancel);
            }
        }
    }

    /// The policy's minutes take the place of the workspace's; nothing is moved while assigning is switched off.
    #[test]
    fn follow_the_settings(
        enabled: bool, workspace in option::of(1..=1440_u32), notice in option::of(1..=1440_u32),
        policy in option::of(option::of(5..=1440_u32)), elsewhere in option::of(5..=1440_u32),
    ) {
        let of = |number: u128, channel: u128, idle| Policy {
            id: id(number), channels: vec![id(channel)], sticky_agent: false, idle_transfer_minutes: idle, strategy: None,
        };
        let configuration = Configuration {
            settings: AssignmentSettings {
                assignment_enabled: enabled, unanswered_transfer_minutes: workspace, notify_supervisor_minutes: notice,
                ..settings()
            },
            policies: [of(2, 2, elsewhere)].into_iter().chain(policy.map(|idle| of(1, 1, idle))).collect(),
            version: 1,
            reply_window_warnings: BTreeMap::from([(id(1), TimeDelta::minutes(7))]),
        };
        prop_assert_eq!(configuration.timer_rules(id(2)).reply_window_warning, None);
        prop_assert_eq!(configuration.timer_rules(id(1)).reply_window_warning, Some(TimeDelta::minutes(7)));
        let rules = configuration.timer_rules(id(1));
        let minutes = |minutes: u32| TimeDelta::minutes(i64::from(minutes));
        let transfer = match (enabled, policy, workspace) {
            (false, ..) => None,
            (true, Some(Some(idle)), _) => Some(idle),
            (true, _, general) => general,
        };
        prop_assert_eq!(rules.unanswered_transfer, transfer.map(minutes));
        prop_assert_eq!(rules.supervisor_notice, notice.map(minutes));
    }
}

/// The settings of a new workspace.
pub fn settings() -> AssignmentSettings {
    AssignmentSettings {
        assignment_enabled: true,
        agents_may_claim: true,
        agents_may_transfer: true,
        auto_assign: false,
        strategy: Choice::LeastBusy,
        max_conversations_per_agent: None,
        unanswered_transfer_minutes: None,
        notify_supervisor_minutes: None,
        auto_handover: false,
        handover_grace_seconds: 60,
        restrict_to_allocation: false,
        version: 1,
    }
}
