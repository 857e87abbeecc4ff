//! What a workspace has set, put together for one channel.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::{Inquiry, Strategy};
use crate::conversation::Conversation;
use crate::id::{AgentId, ChannelId, DistributionPolicyId};
use crate::resource::AssignmentSettings;
use crate::timer::TimerRules;

/// Routing options of some channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its id.
    pub id: DistributionPolicyId,
    /// The channels that it is for.
    pub channels: Vec<ChannelId>,
    /// Whether a returning customer goes to the agent who resolved the last ticket.
    pub sticky_agent: bool,
    /// Takes the place of the workspace's `unanswered_transfer_minutes`.
    pub idle_transfer_minutes: Option<u32>,
    /// Takes the place of the workspace's strategy.
    pub strategy: Option<Strategy>,
}

/// The settings of a workspace, with its distribution policies.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// The settings.
    pub settings: AssignmentSettings,
    /// The policies; no channel is in two of them.
    pub policies: Vec<Policy>,
    /// Rises with every change of either.
    pub version: i64,
    /// On which channels somebody is told that the reply window is about to close, and how long after the customer's last
    /// message.
    pub reply_window_warnings: BTreeMap<ChannelId, TimeDelta>,
}

impl Configuration {
    /// The policy of a channel.
    #[must_use]
    pub fn policy(&self, channel: ChannelId) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.channels.contains(&channel))
    }

    /// Whether waiting conversations are given to agents by themselves.
    #[must_use]
    pub fn assigns(&self) -> bool {
        self.settings.assignment_enabled && self.settings.auto_assign
    }

    /// Whether conversations are taken from members who went offline.
    #[must_use]
    pub fn hands_over(&self) -> bool {
        self.settings.assignment_enabled && self.settings.auto_handover
    }

    /// Whether anything is ever assigned by itself: only then does routing need to know the team.
    #[must_use]
    pub fn is_active(&self) -> bool {
        let transfers = self.settings.unanswered_transfer_minutes.is_some()
            || self.policies.iter().any(|policy| policy.idle_transfer_minutes.is_some());
        self.settings.assignment_enabled
            && (self.settings.auto_assign || self.settings.auto_handover || transfers)
    }

    /// Whether a customer who returns on this channel goes to who resolved the last ticket.
    #[must_use]
    pub fn is_sticky(&self, channel: ChannelId) -> bool {
        self.policy(channel).is_some_and(|policy| policy.sticky_agent)
    }

    /// What routing is asked for a conversation. `last_resolver` is who resolved the customer's last ticket.
    #[must_use]
    pub fn inquiry(&self, conversation: &Conversation, last_resolver: Option<AgentId>) -> Inquiry {
        let channel = conversation.channel_id;
        let policy = self.policy(channel);
        Inquiry {
            channel_id: channel,
            division_id: conversation.division_id,
            holder_id: conversation.assignee(),
            previous_holder_ids: conversation.previous_holders.clone(),
            sticky_agent_id: last_resolver.filter(|_| self.is_sticky(channel)),
            strategy: policy.and_then(|policy| policy.strategy).unwrap_or(self.settings.strategy),
            max_conversations: self.settings.max_conversations_per_agent,
        }
    }

    /// When something is to happen to a conversation on this channel that nobody answers.
    #[must_use]
    pub fn timer_rules(&self, channel: ChannelId) -> TimerRules {
        let minutes = |minutes: u32| TimeDelta::minutes(i64::from(minutes));
        let idle = self.policy(channel).and_then(|policy| policy.idle_transfer_minutes);
        let transfer = idle.or(self.settings.unanswered_transfer_minutes);
        TimerRules {
            unanswered_transfer: transfer.filter(|_| self.settings.assignment_enabled).map(minutes),
            supervisor_notice: self.settings.notify_supervisor_minutes.map(minutes),
            reply_window_warning: self.reply_window_warnings.get(&channel).copied(),
        }
    }

    /// How long after a member went offline its conversations are handed over; `None`: they are not.
    #[must_use]
    pub fn handover_after(&self) -> Option<TimeDelta> {
        self.hands_over().then(|| TimeDelta::seconds(i64::from(self.settings.handover_grace_seconds)))
    }
}
