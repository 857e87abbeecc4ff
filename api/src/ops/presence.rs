//! Who is there: what members say of themselves, and what is seen of them.

use std::collections::BTreeMap;

use domain::access::{Caller, ManageOwnAccount};
use domain::agent::{Availability, PresenceMode, is_online};
use domain::event::{Audience, EventType};
use domain::id::{AgentId, WorkspaceId};
use domain::refusal::Code;
use domain::resource::{Agent, EventActor};
use domain::routing::Trigger;
use domain::time::Timestamp;
use persistence::error::Failure;
use persistence::presence::{self, NewPeriod, Sighting};
use persistence::{agents, workspaces};

use super::profile;
use super::transaction::{Look, Tx};

/// The most members that leave in one transaction.
pub const LEAVE_AT_ONCE: usize = 500;

/// What a member said of itself, and whether it counted as online, before a change and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The member.
    pub agent_id: AgentId,
    /// Before; `None`: it was not in the team.
    pub before: Option<(Availability, bool)>,
    /// After; `None`: it is no longer in the team.
    pub after: Option<(Availability, bool)>,
}

impl Turn {
    /// From a member before and after a change of it.
    #[must_use]
    pub fn of(before: Option<&Agent>, after: &Agent) -> Self {
        let state = |agent: &Agent| agent.active.then_some((agent.availability, agent.online));
        Self { agent_id: after.id, before: before.and_then(state), after: state(after) }
    }
}

/// Every change of who is available comes by here, in its transaction and with the members' rows locked:
/// what members say, their coming and going, the workspace's mode, joining and leaving the team. Turns
/// that change nothing are fine. Keeps the log of availability, and has routing look.
///
/// # Errors
/// Only those of the database.
pub fn changed(tx: &mut Tx<'_>, workspace: WorkspaceId, turns: &[Turn]) -> Result<(), Failure> {
    let turns: Vec<Turn> = turns.iter().filter(|turn| turn.before != turn.after).copied().collect();
    if turns.is_empty() {
        return Ok(());
    }
    let now = tx.now;
    for turn in &turns {
        tx.look_at(workspace, Look::Agent(turn.agent_id), Trigger::AgentAvailable);
    }
    let members = turns.iter().map(|turn| turn.agent_id).collect();
    let closed: BTreeMap<AgentId, Timestamp> =
        presence::close_periods(tx.conn, workspace, members, now)?.into_iter().collect();
    let period = |turn: &Turn| {
        let (availability, online) = turn.after?;
        let from = closed.get(&turn.agent_id).copied().unwrap_or(now);
        Some(NewPeriod { id: tx.id(), agent_id: turn.agent_id, availability, online, from })
    };
    let opened: Vec<NewPeriod> = turns.iter().filter_map(period).collect();
    Ok(presence::open_periods(tx.conn, workspace, &opened)?)
}

/// A member says whether it wants to be given conversations. Saying so, it is there.
///
/// # Errors
/// `version_mismatch`; `forbidden` for one that left meanwhile.
pub fn set_availability(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageOwnAccount>,
    expected_version: Option<i64>,
    availability: Availability,
) -> Result<Agent, Failure> {
    let (workspace, id, now) = (caller.actor().workspace_id, caller.actor().agent_id, tx.now);
    let before = profile::locked(tx, workspace, id, expected_version)?;
    agents::set_availability(tx.conn, workspace, id, availability, now)?;
    let after = agents::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    let told = tell(tx, workspace, vec![(before, after.clone())], &caller.actor().into())?;
    Ok(told.into_iter().next().unwrap_or(after))
}

/// Members were seen. Those that were not present are from now on; answers whom.
///
/// # Errors
/// Only those of the database.
pub fn arrive(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    sightings: &[Sighting],
) -> Result<Vec<AgentId>, Failure> {
    let arrived = presence::arrive(tx.conn, workspace, sightings)?;
    turned(tx, workspace, arrived.clone(), false)?;
    Ok(arrived)
}

/// Members that were last seen before `before` are gone. Answers how many; [`LEAVE_AT_ONCE`] means that
/// there may be more.
///
/// # Errors
/// Only those of the database.
pub fn leave(tx: &mut Tx<'_>, workspace: WorkspaceId, before: Timestamp) -> Result<usize, Failure> {
    let limit = i64::try_from(LEAVE_AT_ONCE).unwrap_or(1);
    let gone = presence::leave(tx.conn, workspace, before, limit)?;
    let count = gone.len();
    turned(tx, workspace, gone, true)?;
    Ok(count)
}

/// These members' being present was turned; their rows are locked.
fn turned(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    members: Vec<AgentId>,
    was_present: bool,
) -> Result<(), Failure> {
    if members.is_empty() {
        return Ok(());
    }
    // Read after the rows were locked: a change of the mode locks them too.
    let mode = workspaces::get(tx.conn, workspace)?.ok_or(Code::NotFound)?.presence;
    let after = agents::some(tx.conn, workspace, members)?;
    let both = after.into_iter().map(|after| (as_before(&after, mode, was_present), after)).collect();
    tell(tx, workspace, both, &EventActor::system())?;
    Ok(())
}

/// The workspace's mode was changed from `before` to another; the workspace is stored already, and its
/// row locked. Members whose being online changes by that are told of.
///
/// # Errors
/// Only those of the database.
pub fn mode_changed(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    before: PresenceMode,
    actor: &EventActor,
) -> Result<(), Failure> {
    // All of them: who comes or goes at this moment does so before this, or by the new mode.
    let present: BTreeMap<AgentId, bool> = presence::lock_all(tx.conn, workspace)?.into_iter().collect();
    let after = agents::some(tx.conn, workspace, present.keys().copied().collect())?;
    let was_present = |agent: &Agent| present.get(&agent.id) == Some(&true);
    let both =
        after.into_iter().map(|after| (as_before(&after, before, was_present(&after)), after)).collect();
    tell(tx, workspace, both, actor)?;
    Ok(())
}

/// A member of which nothing but its being online has changed.
fn as_before(after: &Agent, mode: PresenceMode, present: bool) -> Agent {
    let online = after.active && after.joined && is_online(after.availability, mode, present);
    Agent { online, ..after.clone() }
}

/// Tells of those members whose availability or being online differs, with a version that is one higher.
/// Answers them. This is no administration: nothing is kept in the audit trail.
fn tell(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    members: Vec<(Agent, Agent)>,
    actor: &EventActor,
) -> Result<Vec<Agent>, Failure> {
    let turn = |(before, after): &(Agent, Agent)| Turn::of(Some(before), after);
    let mut members = members;
    members.retain(|one| turn(one).before != turn(one).after);
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let ids = members.iter().map(|(_, after)| after.id).collect();
    agents::raise_versions(tx.conn, workspace, ids)?;
    changed(tx, workspace, &members.iter().map(turn).collect::<Vec<_>>())?;
    let mut told = Vec::with_capacity(members.len());
    for (before, mut after) in members {
        after.version += 1;
        let what = (EventType::AgentUpdated, Audience::Everyone);
        tx.tell_consequence(workspace, what, actor, &before, &after);
        told.push(after);
    }
    Ok(told)
}
