//! The settings and policies that are tried out.

use std::collections::BTreeSet;

use diesel::PgConnection;
use domain::actor::Actor;
use domain::id::{ChannelId, DistributionPolicyId};
use domain::input;
use domain::refusal::{Code, Refusal};
use domain::resource::AssignmentSettings;
use domain::routing::{Configuration, Policy, Strategy};
use persistence::error::Failure;
use persistence::{agents, settings};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The most policies of a draft, and channels of a policy.
const MOST: usize = 1000;

/// A distribution policy to be tried out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftPolicy {
    /// The channels it is for, none twice; a channel is in at most one policy.
    #[schema(value_type = BTreeSet<ChannelId>, max_items = 1000)]
    pub channel_ids: Vec<ChannelId>,
    /// Whether a returning customer goes to the agent who resolved the last ticket, if available.
    #[schema(example = true)]
    pub sticky_agent: bool,
    /// Takes the place of the workspace's `unanswered_transfer_minutes`; null: it does not.
    #[schema(example = 10, minimum = 5, maximum = 1440)]
    pub idle_transfer_minutes: Option<u32>,
    /// Takes the place of the workspace's strategy; null: it does not.
    pub strategy: Option<Strategy>,
}

/// What is tried out, as far as it is right in itself. What is not given is as it is now.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    settings: Option<AssignmentSettings>,
    policies: Option<Vec<Policy>>,
}

impl Draft {
    pub(super) fn checked(
        settings: Option<AssignmentSettings>,
        policies: Option<Vec<DraftPolicy>>,
    ) -> Result<Self, Refusal> {
        let Some(policies) = policies else { return Ok(Self { settings, policies: None }) };
        if policies.len() > MOST {
            return Err(Refusal::invalid("/policies", "too_many", format!("must be at most {MOST}")));
        }
        let mut taken = BTreeSet::new();
        let mut checked = Vec::with_capacity(policies.len());
        for (at, policy) in policies.into_iter().enumerate() {
            let pointer = |name: &str| format!("/policies/{at}/{name}");
            input::distinct(&pointer("channel_ids"), &policy.channel_ids, MOST)?;
            if let Some(place) = policy.channel_ids.iter().position(|channel| !taken.insert(*channel)) {
                let pointer = format!("{}/{place}", pointer("channel_ids"));
                return Err(Refusal::invalid(pointer, "taken", "another policy has this channel"));
            }
            if let Some(minutes) = policy.idle_transfer_minutes {
                input::number(&pointer("idle_transfer_minutes"), minutes, 5..=1440)?;
            }
            checked.push(Policy {
                id: DistributionPolicyId(Uuid::nil()),
                channels: policy.channel_ids,
                sticky_agent: policy.sticky_agent,
                idle_transfer_minutes: policy.idle_transfer_minutes,
                strategy: policy.strategy,
            });
        }
        Ok(Self { settings, policies: Some(checked) })
    }

    /// What is in force, and what is tried out.
    pub(super) fn read(
        &self,
        conn: &mut PgConnection,
        actor: &Actor,
    ) -> Result<(Configuration, Configuration), Failure> {
        let live = settings::configuration(conn, actor.workspace_id)?.ok_or(Code::NotFound)?;
        let policies = self.policies.iter().flatten().map(|policy| &policy.channels);
        let asked: Vec<ChannelId> = policies.clone().flatten().copied().collect();
        let known: BTreeSet<ChannelId> =
            agents::known_channels(conn, actor.workspace_id, asked)?.into_iter().collect();
        for (at, channels) in policies.enumerate() {
            let exists = |channel: &ChannelId| known.contains(channel) && !actor.is_kept_from(*channel);
            if let Some(place) = channels.iter().position(|channel| !exists(channel)) {
                let pointer = format!("/policies/{at}/channel_ids/{place}");
                return Err(Refusal::invalid(pointer, "unknown", "there is no such channel").into());
            }
        }
        let draft = Configuration {
            settings: self.settings.clone().unwrap_or_else(|| live.settings.clone()),
            policies: self.policies.clone().unwrap_or_else(|| live.policies.clone()),
            version: live.version,
            reply_window_warnings: live.reply_window_warnings.clone(),
        };
        Ok((live, draft))
    }
}
