//! What can happen in a workspace.

use domain::agent::Availability;
use domain::id::{ChannelId, DivisionId};
use domain::resource::AssignmentSettings;
use domain::routing::{Configuration, Member, Policy, Strategy as Choice};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::random::{id, member, members, presence};
use crate::timers::settings;

/// How many conversations there are; each has a channel of three.
pub const CONVERSATIONS: u128 = 7;
/// How many members there are at first.
pub const MEMBERS: u128 = 5;

/// How a workspace begins.
#[derive(Debug, Clone)]
pub struct Setup {
    pub members: Vec<Member>,
    pub configuration: Configuration,
}

/// One thing that happens. Conversations and members are named by their numbers.
#[derive(Debug, Clone)]
pub enum Operation {
    CustomerWrites(u128),
    Reply(u128, u128),
    Claim(u128, u128),
    Assign(u128, u128),
    Unassign(u128),
    Resolve(u128),
    Archive(u128, bool),
    GiveToDivision(u128, u128),
    DeleteDivision(u128),
    Says(u128, Availability, bool),
    Limit(u128, Option<u32>),
    Allocate(u128, Vec<ChannelId>, Vec<DivisionId>),
    Leave(u128),
    Join(u128, Member),
    Configure(Configuration),
    /// The clock moves by so many seconds, also back.
    Clock(i64),
    /// The router works until there is nothing to do.
    Route,
}

prop_compose! {
    fn policy(channel: u128)(
        sticky_agent: bool, idle_transfer_minutes in option::of(5..8_u32), strategy in option::of(select(Choice::ALL)),
    ) -> Policy {
        Policy { id: id(channel), channels: vec![id(channel)], sticky_agent, idle_transfer_minutes, strategy }
    }
}

prop_compose! {
    fn configuration()(
        assignment_enabled in prop::bool::weighted(0.9), auto_assign in prop::bool::weighted(0.85), strategy in select(Choice::ALL),
        limit in option::weighted(0.6, 1..4_u32), transfer in option::of(1..8_u32), notice in option::of(1..8_u32),
        auto_handover: bool, grace in select(vec![0, 60, 300_u32]), one in option::of(policy(1)), two in option::of(policy(2)),
    ) -> Configuration {
        Configuration {
            settings: AssignmentSettings {
                assignment_enabled, auto_assign, strategy, max_conversations_per_agent: limit,
                unanswered_transfer_minutes: transfer, notify_supervisor_minutes: notice, auto_handover,
                handover_grace_seconds: grace, ..settings()
            },
            policies: one.into_iter().chain(two).collect(),
            version: 1,
            reply_window_warnings: Default::default(),
        }
    }
}

prop_compose! {
    /// A workspace at its beginning.
    pub fn setup()(members in members(5), configuration in configuration()) -> Setup {
        Setup { members, configuration }
    }
}

/// Anything that can happen.
pub fn operation() -> impl Strategy<Value = Operation> {
    let which = || 1..=CONVERSATIONS;
    let who = || 1..=MEMBERS;
    prop_oneof![
        8 => which().prop_map(Operation::CustomerWrites),
        2 => (which(), who()).prop_map(|(which, who)| Operation::Reply(which, who)),
        1 => (which(), who()).prop_map(|(which, who)| Operation::Claim(which, who)),
        2 => (which(), who()).prop_map(|(which, who)| Operation::Assign(which, who)),
        2 => which().prop_map(Operation::Unassign),
        3 => which().prop_map(Operation::Resolve),
        1 => (which(), any::<bool>()).prop_map(|(which, archived)| Operation::Archive(which, archived)),
        1 => (which(), 1..=3_u128).prop_map(|(which, division)| Operation::GiveToDivision(which, division)),
        1 => (1..=3_u128).prop_map(Operation::DeleteDivision),
        5 => (who(), presence()).prop_map(|(who, (says, online))| Operation::Says(who, says, online)),
        1 => (who(), option::of(1..4_u32)).prop_map(|(who, limit)| Operation::Limit(who, limit)),
        1 => (who(), member()).prop_map(|(who, like)| Operation::Allocate(who, like.channels, like.divisions)),
        1 => who().prop_map(Operation::Leave),
        2 => (who(), member()).prop_map(|(who, like)| Operation::Join(who, like)),
        1 => configuration().prop_map(Operation::Configure),
        4 => (1..600_i64).prop_map(Operation::Clock),
        1 => (-300..0_i64).prop_map(Operation::Clock),
        10 => Just(Operation::Route),
    ]
}
