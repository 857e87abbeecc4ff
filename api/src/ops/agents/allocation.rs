//! What a member works for. Channels and divisions name their members, so they change with it.

use std::collections::BTreeSet;
use std::hash::Hash;

use domain::access::{Caller, ManageTeam};
use domain::actor::{Actor, Allocation};
use domain::event::{Audience, EventType};
use domain::id::{AgentId, ChannelId, DivisionId, WorkspaceId};
use domain::refusal::{Code, Refusal};
use domain::resource::{Agent, Channel, Division, EventActor};
use domain::routing::Trigger;
use persistence::channels::{self, StoredChannel};
use persistence::error::{Failure, StoreError};
use persistence::{agents, divisions, workspaces};

use super::locked::{Locked, Which};
use crate::ops::channels::shape;
use crate::ops::transaction::{Look, Tx};
use crate::state::App;

/// Says which channels and divisions a member works for: these and no others. An id that comes twice counts once. A
/// program that is kept from a channel neither gives nor takes it.
///
/// # Errors
/// `not_found`, `forbidden`, `agent_left`, `version_mismatch`; `validation_failed` for channels and divisions that do not
/// exist.
pub fn allocate(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTeam>,
    which: Which,
    asked: &Allocation,
) -> Result<Agent, Failure> {
    let actor = caller.actor();
    let workspace = actor.workspace_id;
    workspaces::lock_team(tx.conn, workspace)?;
    agents::get(tx.conn, workspace, which.id)?.ok_or(Code::NotFound)?;
    check_channels(tx, actor, &asked.channels)?;
    let from = agents::allocation(tx.conn, workspace, which.id)?;
    let mut to = asked.clone();
    to.channels.extend(from.channels.iter().filter(|channel| actor.is_kept_from(**channel)));
    let channels = lock_channels(tx, workspace, &from.channels, &to.channels)?;
    let locked = Locked::lock(tx, caller, which.id, None)?;
    locked.expect(which)?;
    let moved = Move { workspace, agent: which.id, channels, from, to }.carry_out(app, tx)?;
    if moved.is_nothing() {
        return Ok(locked.before);
    }
    agents::raise_versions(tx.conn, workspace, vec![which.id])?;
    let after = locked.tell(tx)?;
    moved.tell(app, tx, &locked.actor)?;
    Ok(after)
}

/// Refuses channels that the workspace does not have, or that do not exist for the caller.
pub(in crate::ops) fn check_channels(
    tx: &mut Tx<'_>,
    actor: &Actor,
    asked: &[ChannelId],
) -> Result<(), Failure> {
    let known = agents::known_channels(tx.conn, actor.workspace_id, asked.to_vec())?;
    let exists = |id: &ChannelId| known.contains(id) && !actor.is_kept_from(*id);
    match asked.iter().position(|id| !exists(id)) {
        Some(at) => {
            Err(Refusal::invalid(format!("/channel_ids/{at}"), "unknown", "there is no such channel").into())
        }
        None => Ok(()),
    }
}

/// Locks, in the order of ids, the channels that a member leaves or joins.
pub(super) fn lock_channels(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    from: &[ChannelId],
    to: &[ChannelId],
) -> Result<Vec<StoredChannel>, Failure> {
    let mut locked = Vec::new();
    for id in difference(from, to) {
        locked.extend(channels::lock(tx.conn, workspace, id)?);
    }
    Ok(locked)
}

/// What is in one of the two only, in order.
fn difference<Id: Copy + Ord + Hash>(from: &[Id], to: &[Id]) -> Vec<Id> {
    let (from, to): (BTreeSet<_>, BTreeSet<_>) =
        (from.iter().copied().collect(), to.iter().copied().collect());
    from.symmetric_difference(&to).copied().collect()
}

/// A member that is locked goes from one allocation to another.
pub(super) struct Move {
    pub workspace: WorkspaceId,
    pub agent: AgentId,
    /// The channels that it leaves or joins, locked before the member was.
    pub channels: Vec<StoredChannel>,
    /// What it works for, as read under [`workspaces::lock_team`].
    pub from: Allocation,
    pub to: Allocation,
}

impl Move {
    /// Stores it.
    ///
    /// # Errors
    /// `validation_failed` for divisions that do not exist.
    pub(super) fn carry_out(self, app: &App, tx: &mut Tx<'_>) -> Result<Moved, Failure> {
        let Self { workspace, agent, channels, from, to } = self;
        let mut concerned = difference(&from.divisions, &to.divisions);
        concerned.extend(&to.divisions);
        let known = agents::lock_divisions(tx.conn, workspace, concerned)?;
        if let Some(at) = to.divisions.iter().position(|id| !known.contains(id)) {
            let pointer = format!("/division_ids/{at}");
            return Err(Refusal::invalid(pointer, "unknown", "there is no such division").into());
        }
        let changed = difference(&from.divisions, &to.divisions);
        let before = changed.iter().map(|id| division(tx, workspace, *id)).collect::<Result<Vec<_>, _>>()?;
        agents::raise_channels(tx.conn, workspace, channels.iter().map(|channel| channel.id).collect())?;
        agents::raise_divisions(tx.conn, workspace, changed)?;
        agents::allocate(tx.conn, workspace, agent, to)?;
        tx.look_at(workspace, Look::Agent(agent), Trigger::AllocationChanged);
        let channels = channels.into_iter().map(|channel| shape(app, channel)).collect();
        Ok(Moved { workspace, channels, divisions: before })
    }
}

/// What changed with a member's allocation, as it was before.
pub(super) struct Moved {
    workspace: WorkspaceId,
    channels: Vec<Channel>,
    divisions: Vec<Division>,
}

impl Moved {
    pub(super) fn is_nothing(&self) -> bool {
        self.channels.is_empty() && self.divisions.is_empty()
    }

    /// Tells of each channel and division that has other members now.
    pub(super) fn tell(self, app: &App, tx: &mut Tx<'_>, actor: &EventActor) -> Result<(), Failure> {
        for before in &self.channels {
            let gone =
                || StoreError::Unreadable { table: "channels", column: "id", id: before.id.to_string() };
            let after = channels::get(tx.conn, self.workspace, before.id)?.ok_or_else(gone)?;
            let what = (EventType::ChannelUpdated, Audience::Channel(before.id));
            tx.tell_consequence(self.workspace, what, actor, before, &shape(app, after));
        }
        for before in &self.divisions {
            let after = division(tx, self.workspace, before.id)?;
            let what = (EventType::DivisionUpdated, Audience::Everyone);
            tx.tell_consequence(self.workspace, what, actor, before, &after);
        }
        Ok(())
    }
}

/// A division that is locked.
fn division(tx: &mut Tx<'_>, workspace: WorkspaceId, id: DivisionId) -> Result<Division, Failure> {
    let gone = || StoreError::Unreadable { table: "divisions", column: "id", id: id.to_string() };
    Ok(divisions::get(tx.conn, workspace, id)?.ok_or_else(gone)?)
}
