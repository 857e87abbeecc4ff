//! Distribution policies: routing options of channels.

use std::collections::BTreeSet;

use domain::access::{Caller, ManageWorkspace};
use domain::actor::Actor;
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::id::{ChannelId, DistributionPolicyId, WorkspaceId};
use domain::refusal::{Code, Refusal};
use domain::resource::{Channel, DistributionPolicy, EventActor};
use domain::routing::{Configuration, Strategy};
use persistence::error::{Failure, StoreError};
use persistence::policies::{self, PolicyTerms};
use persistence::{agents, channels, settings};

use super::agents::check_channels;
use super::channels::shape;
use super::precondition::expect_version;
use super::transaction::{Administration, Tx};
use super::{routing, team_rights};
use crate::state::App;

/// What is to be changed of a policy; `None` stays. Its words have been checked.
#[derive(Debug, Clone, Default)]
pub struct PolicyPatch {
    /// Its name.
    pub name: Option<String>,
    /// The channels that it is for: these and no others. One that comes twice counts once.
    pub channels: Option<Vec<ChannelId>>,
    /// Whether a returning customer goes to the agent who resolved the last ticket.
    pub sticky_agent: Option<bool>,
    /// Takes the place of the workspace's `unanswered_transfer_minutes`; within: it does not.
    pub idle_transfer_minutes: Option<Option<u32>>,
    /// Takes the place of the workspace's strategy; within: it does not.
    pub strategy: Option<Option<Strategy>>,
}

/// Makes a policy. A channel that comes twice counts once.
///
/// # Errors
/// `forbidden`, `name_taken`, `channel_has_policy`; `validation_failed` for channels that do not exist.
pub fn create(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWorkspace>,
    terms: &PolicyTerms,
) -> Result<DistributionPolicy, Failure> {
    let scene = Scene::lock(tx, caller)?;
    scene.check(tx, caller.actor(), None, &terms.channels)?;
    let terms = PolicyTerms { channels: once(&terms.channels), ..terms.clone() };
    let channels = scene.lock_channels(app, tx, terms.channels.clone())?;
    team_rights::confirm(tx, caller)?;
    let (id, now) = (tx.id(), tx.now);
    policies::insert(tx.conn, scene.workspace, id, &terms, now)
        .map_err(|error| name_taken(error, &terms.name))?;
    scene.follow(tx, &channels)?;
    let after = policies::get(tx.conn, scene.workspace, id)?.ok_or(Code::NotFound)?;
    scene.tell(tx, (EventType::PolicyCreated, AuditAction::Created), None, Some(&after));
    scene.tell_channels(app, tx, &channels)?;
    Ok(after)
}

/// Changes a policy.
///
/// # Errors
/// `not_found`, `version_mismatch`; as [`create`].
pub fn update(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWorkspace>,
    id: DistributionPolicyId,
    expected_version: Option<i64>,
    patch: &PolicyPatch,
) -> Result<DistributionPolicy, Failure> {
    let scene = Scene::lock(tx, caller)?;
    let before = policies::get(tx.conn, scene.workspace, id)?.ok_or(Code::NotFound)?;
    let old = terms_of(&before);
    if let Some(wanted) = &patch.channels {
        scene.check(tx, caller.actor(), Some(id), wanted)?;
    }
    let new = PolicyTerms {
        name: patch.name.clone().unwrap_or_else(|| old.name.clone()),
        channels: patch.channels.as_deref().map_or_else(|| old.channels.clone(), once),
        sticky_agent: patch.sticky_agent.unwrap_or(old.sticky_agent),
        idle_transfer_minutes: patch.idle_transfer_minutes.unwrap_or(old.idle_transfer_minutes),
        strategy: patch.strategy.unwrap_or(old.strategy),
    };
    let channels = scene.lock_channels(app, tx, shown_by(&old, &new))?;
    team_rights::confirm(tx, caller)?;
    expect_version(expected_version, before.version)?;
    if new == old {
        return Ok(before);
    }
    policies::update(tx.conn, scene.workspace, id, &new).map_err(|error| name_taken(error, &new.name))?;
    scene.follow(tx, &channels)?;
    let after = policies::get(tx.conn, scene.workspace, id)?.ok_or(Code::NotFound)?;
    scene.tell(tx, (EventType::PolicyUpdated, AuditAction::Updated), Some(&before), Some(&after));
    scene.tell_channels(app, tx, &channels)?;
    Ok(after)
}

/// Deletes a policy: its channels go by the workspace's settings alone. Answers how it was last.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`.
pub fn delete(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWorkspace>,
    id: DistributionPolicyId,
    expected_version: Option<i64>,
) -> Result<DistributionPolicy, Failure> {
    let scene = Scene::lock(tx, caller)?;
    let mut before = policies::get(tx.conn, scene.workspace, id)?.ok_or(Code::NotFound)?;
    let channels = scene.lock_channels(app, tx, terms_of(&before).channels)?;
    team_rights::confirm(tx, caller)?;
    expect_version(expected_version, before.version)?;
    policies::delete(tx.conn, scene.workspace, id)?;
    scene.follow(tx, &channels)?;
    before.version += 1;
    scene.tell(tx, (EventType::PolicyDeleted, AuditAction::Deleted), Some(&before), None);
    scene.tell_channels(app, tx, &channels)?;
    Ok(before)
}

/// The routing configuration of a workspace, locked to be changed.
struct Scene {
    workspace: WorkspaceId,
    actor: EventActor,
    before: Configuration,
}

impl Scene {
    /// Locks it. Policies are of every channel, so nothing for a program that is limited to some.
    fn lock(tx: &mut Tx<'_>, caller: &Caller<ManageWorkspace>) -> Result<Self, Failure> {
        caller.on_workspace()?;
        let workspace = caller.actor().workspace_id;
        let before = settings::lock_configuration(tx.conn, workspace)?.ok_or(Code::NotFound)?;
        Ok(Self { workspace, actor: EventActor::from(caller.actor()), before })
    }

    /// Refuses channels that do not exist, or that have another policy than `own`.
    fn check(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        own: Option<DistributionPolicyId>,
        wanted: &[ChannelId],
    ) -> Result<(), Failure> {
        check_channels(tx, actor, wanted)?;
        for (at, id) in wanted.iter().enumerate() {
            let Some(other) = self.before.policy(*id).filter(|policy| own != Some(policy.id)) else {
                continue;
            };
            let policy = policies::get(tx.conn, self.workspace, other.id)?.ok_or(Code::NotFound)?;
            let channel = channels::get(tx.conn, self.workspace, *id)?.ok_or(Code::NotFound)?;
            let detail = format!("has the distribution policy {} already", policy.name);
            return Err(Refusal::new(Code::ChannelHasPolicy)
                .with("channel", channel.name)
                .with("policy", policy.name)
                .at(format!("/channel_ids/{at}"), "channel_has_policy", detail)
                .into());
        }
        Ok(())
    }

    /// Locks, in the order of ids, the channels that will show something else. Answers how they are before.
    fn lock_channels(
        &self,
        app: &App,
        tx: &mut Tx<'_>,
        ids: Vec<ChannelId>,
    ) -> Result<Vec<Channel>, Failure> {
        let mut locked = Vec::with_capacity(ids.len());
        for id in ids.into_iter().collect::<BTreeSet<_>>() {
            let channel = channels::lock(tx.conn, self.workspace, id)?.ok_or_else(StoreError::overtaken)?;
            locked.push(shape(app, channel));
        }
        Ok(locked)
    }

    /// A policy was stored: routing goes by it, and what its channels show has another version.
    fn follow(&self, tx: &mut Tx<'_>, channels: &[Channel]) -> Result<(), Failure> {
        settings::raise_routing_version(tx.conn, self.workspace)?;
        let ids = channels.iter().map(|channel| channel.id).collect();
        agents::raise_channels(tx.conn, self.workspace, ids)?;
        routing::reconfigure(tx, self.workspace, &self.before)
    }

    fn tell(
        &self,
        tx: &mut Tx<'_>,
        (event_type, action): (EventType, AuditAction),
        before: Option<&DistributionPolicy>,
        after: Option<&DistributionPolicy>,
    ) {
        tx.administer(Administration {
            workspace_id: self.workspace,
            event_type,
            audience: Audience::Admins,
            actor: &self.actor,
            action,
            before,
            after,
        });
    }

    /// Tells of each channel that shows something else than before.
    fn tell_channels(&self, app: &App, tx: &mut Tx<'_>, before: &[Channel]) -> Result<(), Failure> {
        for before in before {
            let after = channels::get(tx.conn, self.workspace, before.id)?.ok_or(Code::NotFound)?;
            let what = (EventType::ChannelUpdated, Audience::Channel(before.id));
            tx.tell_consequence(self.workspace, what, &self.actor, before, &shape(app, after));
        }
        Ok(())
    }
}

/// How a policy looks to a reader, who may be kept from channels.
#[must_use]
pub fn shape_for(mut policy: DistributionPolicy, reader: &Actor) -> DistributionPolicy {
    policy.channels.retain(|channel| !reader.is_kept_from(channel.id));
    policy
}

/// What is set of a policy, its channels in the order of ids.
fn terms_of(policy: &DistributionPolicy) -> PolicyTerms {
    let channels: Vec<ChannelId> = policy.channels.iter().map(|channel| channel.id).collect();
    PolicyTerms {
        name: policy.name.clone(),
        channels: once(&channels),
        sticky_agent: policy.sticky_agent,
        idle_transfer_minutes: policy.idle_transfer_minutes,
        strategy: policy.strategy,
    }
}

/// Each once, in order.
fn once(ids: &[ChannelId]) -> Vec<ChannelId> {
    ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The channels that show something else after the change: those that come or go, and all if the name is another.
fn shown_by(old: &PolicyTerms, new: &PolicyTerms) -> Vec<ChannelId> {
    let in_one = |id: &&ChannelId| old.channels.contains(id) != new.channels.contains(id);
    old.channels
        .iter()
        .chain(&new.channels)
        .filter(|id| old.name != new.name || in_one(id))
        .copied()
        .collect()
}

fn name_taken(error: StoreError, name: &str) -> Failure {
    match error {
        StoreError::Taken(_) => Refusal::new(Code::NameTaken).with("name", name).into(),
        other => other.into(),
    }
}
