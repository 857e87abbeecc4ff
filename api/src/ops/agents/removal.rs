//! A member leaves the team; its history stays.

use domain::access::{Caller, ManageTeam};
use domain::actor::{Allocation, Credential};
use domain::audit::AuditAction;
use domain::event::EventType;
use domain::resource::{Agent, AgentRef, SystemEvent, SystemEventType};
use persistence::agents::{self, Ended};
use persistence::error::Failure;
use persistence::{conversations, workspaces};

use super::allocation::{Move, lock_channels};
use super::locked::{Locked, Which, tell_change};
use crate::ops::conversations as held;
use crate::ops::presence::{self, Turn};
use crate::ops::transaction::Tx;
use crate::state::App;

/// How many conversations go back into the queue in one transaction: all that happens in it is told at once, and
/// everybody else waits for it.
const ROUND: i64 = 200;

/// What came of a round.
enum Round {
    /// The member holds more than one round can give back.
    More,
    /// It has left.
    Left(Ended),
}

/// Takes a member out of the team. A member with many conversations gives them back in rounds, each complete in itself;
/// the last one takes the member away, and with it what was given to it meanwhile. Who has left before stays so.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`, `last_admin`; those of the database.
pub async fn remove(app: &App, caller: &Caller<ManageTeam>, which: Which) -> Result<(), Failure> {
    loop {
        let (shared, caller) = (app.clone(), caller.clone());
        if let Round::Left(ended) = app.write(move |tx| round(&shared, tx, &caller, which)).await? {
            let sign_ins = ended.sign_ins.into_iter().map(Credential::SignIn);
            for credential in sign_ins.chain(ended.api_keys.into_iter().map(Credential::ApiKey)) {
                app.end_credential(credential);
            }
            return Ok(());
        }
    }
}

fn round(app: &App, tx: &mut Tx<'_>, caller: &Caller<ManageTeam>, which: Which) -> Result<Round, Failure> {
    let workspace = caller.actor().workspace_id;
    workspaces::lock_team(tx.conn, workspace)?;
    // The settings come before the channels in the order of locks; what is given back asks for them.
    tx.configuration(workspace)?;
    let from = agents::allocation(tx.conn, workspace, which.id)?;
    let channels = lock_channels(tx, workspace, &from.channels, &[])?;
    let member = agents::get(tx.conn, workspace, which.id)?;
    give_back(tx, caller, member.as_ref())?;
    let locked = Locked::lock(tx, caller, which.id, None)?;
    if !locked.before.active {
        return Ok(Round::Left(Ended::default()));
    }
    locked.expect(which)?;
    locked.can_be_spared()?;
    // From here on nobody gives it anything: what it holds now, it was given after this round began.
    agents::lock_for_removal(tx.conn, workspace, which.id)?;
    if !conversations::held_by(tx.conn, workspace, which.id, 1)?.is_empty() {
        return Ok(Round::More);
    }
    let moving = Move { workspace, agent: which.id, channels, from, to: Allocation::default() };
    let moved = moving.carry_out(app, tx)?;
    let now = tx.now;
    let ended = agents::leave(tx.conn, workspace, which.id, now)?;
    let turn = Turn {
        agent_id: which.id,
        before: Some((locked.before.availability, locked.before.online)),
        after: None,
    };
    presence::changed(tx, workspace, &[turn])?;
    let what = (EventType::AgentDeleted, AuditAction::Deleted);
    tell_change(tx, workspace, &locked.actor, &locked.before, what)?;
    locked.free_supervised(tx)?;
    moved.tell(app, tx, &locked.actor)?;
    Ok(Round::Left(ended))
}

/// Puts at most [`ROUND`] of the conversations that the member holds back into the queue.
fn give_back(tx: &mut Tx<'_>, caller: &Caller<ManageTeam>, member: Option<&Agent>) -> Result<(), Failure> {
    let Some(member) = member else { return Ok(()) };
    let me = caller.actor();
    let gone = AgentRef { id: member.id, name: member.name.clone() };
    let event = SystemEvent::new(SystemEventType::Unassigned).about(gone).by(me.into());
    let text = format!("{} left the team: the conversation is back in the queue", member.name);
    for id in conversations::held_by(tx.conn, me.workspace_id, member.id, ROUND)? {
        held::take_back(tx, caller, (id, member.id), &text, &event)?;
    }
    Ok(())
}
