//! Deleting a division, and what that affects.

use diesel::PgConnection;
use domain::access::{Caller, ManageTeam};
use domain::audit::AuditAction;
use domain::event::{Audience, EventType, Sight};
use domain::id::{ConversationId, DivisionId, WorkspaceId};
use domain::refusal::Code;
use domain::resource::{Division, DivisionDeletion, DivisionRef, EventActor};
use persistence::error::Failure;
use persistence::{conversations, divisions, workspaces};
use serde_json::json;

use super::{lock_with_caller, members_of};
use crate::ops::precondition::expect_version;
use crate::ops::touched::Touched;
use crate::ops::transaction::{Administration, Change, Tx};
use crate::ops::{routing, team_rights};
use crate::state::App;

/// The most conversations that are locked by one transaction.
const ROUND: usize = 200;

/// What deleting a division would affect now.
///
/// # Errors
/// `not_found`.
pub fn impact(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DivisionId,
) -> Result<DivisionDeletion, Failure> {
    let division = divisions::get(conn, workspace, id)?.ok_or(Code::NotFound)?;
    let conversations = conversations::count_of_division(conn, workspace, id)?;
    Ok(deletion(division, conversations))
}

/// Deletes a division: conversations and members lose it. Where there are many conversations, most lose
/// it in transactions of their own before; whoever looks in between sees a division that fewer wait for.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`.
pub async fn delete(
    app: &App,
    caller: Caller<ManageTeam>,
    id: DivisionId,
    expected_version: Option<i64>,
) -> Result<DivisionDeletion, Failure> {
    let mut released = 0;
    loop {
        let caller = caller.clone();
        match app.write(move |tx| round(tx, &caller, id, expected_version)).await? {
            Round::Released(count) => released += count,
            Round::Deleted(mut deletion) => {
                deletion.conversations_waiting += released;
                return Ok(deletion);
            }
        }
    }
}

enum Round {
    /// So many conversations lost the division; others still have it.
    Released(i64),
    /// The rest lost it, and it is gone.
    Deleted(DivisionDeletion),
}

fn round(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTeam>,
    id: DivisionId,
    expected_version: Option<i64>,
) -> Result<Round, Failure> {
    let workspace = caller.actor().workspace_id;
    workspaces::lock_team(tx.conn, workspace)?;
    let known = divisions::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    let mut waiting = conversations::of_division(tx.conn, workspace, id, to_i64(ROUND + 1))?;
    let more = waiting.len() > ROUND;
    waiting.truncate(ROUND);
    let released = release(tx, caller, id, waiting)?;
    if more {
        team_rights::confirm(tx, caller)?;
        expect_version(expected_version, known.version)?;
        return Ok(Round::Released(released));
    }
    lock_with_caller(tx, caller, members_of(&known))?;
    let mut division = divisions::lock(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    expect_version(expected_version, division.version)?;
    if conversations::count_of_division(tx.conn, workspace, id)? > 0 {
        // Given to the division before it was locked.
        return Ok(Round::Released(released));
    }
    let touched = Touched::before(tx, workspace, members_of(&division))?;
    divisions::delete(tx.conn, workspace, id)?;
    division.version += 1;
    let actor = EventActor::from(caller.actor());
    tx.administer(Administration {
        workspace_id: workspace,
        event_type: EventType::DivisionDeleted,
        audience: Audience::Everyone,
        actor: &actor,
        action: AuditAction::Deleted,
        before: Some(&division),
        after: None,
    });
    touched.tell(tx, &actor)?;
    Ok(Round::Deleted(deletion(division, released)))
}

/// Takes the division from those of the conversations that still have it, and tells of each; answers
/// how many.
fn release(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTeam>,
    id: DivisionId,
    waiting: Vec<ConversationId>,
) -> Result<i64, Failure> {
    let (workspace, now) = (caller.actor().workspace_id, tx.now);
    tx.configuration(workspace)?;
    let keys = waiting.into_iter().map(|conversation| (workspace, conversation)).collect();
    let mut locked = conversations::lock_many(tx.conn, keys)?;
    locked.retain(|(_, conversation)| conversation.division_id == Some(id));
    let mut sights = Vec::with_capacity(locked.len());
    for (_, conversation) in &mut locked {
        let before = conversation.clone();
        conversation.leave_division(&caller.on(before.facts())?);
        routing::follow(tx, workspace, &before, conversation)?;
        let sight = Sight { before: Some(before.facts()), after: Some(conversation.facts()) };
        sights.push((conversation.id, sight));
    }
    conversations::save_many(tx.conn, &mut locked)?;
    let keys = sights.iter().map(|(conversation, _)| (workspace, *conversation)).collect();
    let mut shapes = conversations::shapes(tx.conn, keys, now)?;
    shapes.sort_by_key(|(_, shape)| shape.id);
    for ((conversation, sight), (_, shape)) in sights.iter().zip(&shapes) {
        tx.tell(Change {
            workspace_id: workspace,
            event_type: EventType::ConversationUpdated,
            audience: Audience::Conversation(*sight),
            conversation_id: Some(*conversation),
            actor: &EventActor::from(caller.actor()),
            data: shape,
            previous: Some(json!({ "division_id": id })),
        });
    }
    Ok(to_i64(sights.len()))
}

fn deletion(division: Division, conversations_waiting: i64) -> DivisionDeletion {
    DivisionDeletion {
        division: DivisionRef { id: division.id, name: division.name },
        conversations_waiting,
        members: division.members,
    }
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
