//! Making one contact of two, and two of one again.

use domain::access::{Caller, MergeContacts};
use domain::audit::AuditAction;
use domain::contact::{give_back, take_over};
use domain::event::{Audience, ContactSight, EventType, Sight};
use domain::id::{ContactId, ContactMergeId, ConversationId, IdentityId, NoteId, WorkspaceId};
use domain::refusal::{Code, Refusal};
use domain::resource::{Contact, ContactMerge, EventActor, MergedContact, UnmergedContact};
use persistence::contacts::{self, NewMerge};
use persistence::error::Failure;
use persistence::{conversations, notes};

use super::edit::shape;
use super::locked::{Locked, Which, tell_conversation};
use super::tell_contact;
use crate::ops::transaction::{Administration, Change, Tx};

/// Makes one contact of two: what the other one has comes to the one that stays, which takes over what it did not know.
///
/// # Errors
/// `not_found`, `version_mismatch`, `contact_blocked`; `validation_failed` for another one that is unknown, or the same.
pub fn merge(
    tx: &mut Tx<'_>,
    caller: &Caller<MergeContacts>,
    which: Which,
    other: ContactId,
) -> Result<MergedContact, Failure> {
    let workspace = caller.actor().workspace_id;
    let locked = Locked::lock(tx, workspace, vec![which.id, other])?;
    let (mut stays, _) = locked.permitted(caller, which.id)?;
    if which.id == other {
        return Err(Refusal::invalid("/contact_id", "same", "must be another contact").into());
    }
    let unknown = || Refusal::invalid("/contact_id", "unknown", "there is no such contact");
    let (goes, _) = locked.permitted(caller, other).map_err(|_| unknown())?;
    crate::ops::precondition::expect_version(which.expected_version, stays.version)?;
    if stays.blocked_at.is_some() || goes.blocked_at.is_some() {
        return Err(Code::ContactBlocked.into());
    }
    let taken = take_over(&mut stays, &goes);
    let new = NewMerge {
        id: tx.id(),
        stays: stays.id,
        goes: goes.id,
        identities: contacts::move_identities(tx.conn, workspace, goes.id, stays.id, None)?,
        notes: notes::move_to(tx.conn, workspace, goes.id, stays.id, None)?,
        taken,
        merged_by: caller.actor().agent_id,
    };
    let (id, now, noted) = (new.id, tx.now, new.notes.clone());
    let moved = move_conversations(tx, workspace, goes.id, stays.id, None)?;
    contacts::insert_merge(tx.conn, workspace, new, now)?;
    contacts::delete(tx.conn, workspace, goes.id)?;
    contacts::save_many(tx.conn, workspace, std::slice::from_ref(&stays))?;
    tell_merged(tx, caller, &locked, (goes, stays.id, id), (moved, noted))
}

/// Tells that there is one contact where there were two.
fn tell_merged(
    tx: &mut Tx<'_>,
    caller: &Caller<MergeContacts>,
    locked: &Locked,
    (mut goes, stays, id): (Contact, ContactId, ContactMergeId),
    (moved, noted): (Vec<(ConversationId, Sight)>, Vec<NoteId>),
) -> Result<MergedContact, Failure> {
    let (workspace, actor) = (locked.workspace, EventActor::from(caller.actor()));
    // Those who see it in the end learn of it before what they knew is gone.
    let told = locked.tell(tx, EventType::ContactUpdated, &actor)?;
    let contact = told.into_iter().find(|one| one.id == stays).ok_or(Code::NotFound)?;
    tell_moved(tx, workspace, moved, &actor)?;
    tell_noted(tx, workspace, stays, noted, &actor)?;
    let merge = one_merge(tx, workspace, stays, id)?;
    administer(tx, locked, &merge, AuditAction::Created, &actor)?;
    goes.version += 1;
    let sight = ContactSight::unchanged(locked.facts(goes.id).to_vec());
    tell_contact(tx, workspace, &goes, EventType::ContactDeleted, sight, &actor);
    Ok(MergedContact { contact, merge })
}

/// Parts what was merged: what came from the other contact, and is still with this one, goes back to it.
///
/// # Errors
/// `not_found`, `version_mismatch`, `contact_blocked`; `validation_failed` for an unknown merge.
pub fn unmerge(
    tx: &mut Tx<'_>,
    caller: &Caller<MergeContacts>,
    which: Which,
    id: ContactMergeId,
) -> Result<UnmergedContact, Failure> {
    let (locked, before, _) = Locked::one(tx, caller, which)?;
    let workspace = locked.workspace;
    let unknown =
        || Refusal::invalid("/merge_id", "unknown", "nothing of that id was merged into this contact");
    let record = contacts::record(tx.conn, workspace, which.id, id)?.ok_or_else(unknown)?;
    if before.blocked_at.is_some() {
        return Err(Code::ContactBlocked.into());
    }
    let merge = one_merge(tx, workspace, which.id, id)?;
    let mut stays = before;
    give_back(&mut stays, &record.taken);
    // First the number that is given back, so that the contact that is there again can have it.
    contacts::save_many(tx.conn, workspace, std::slice::from_ref(&stays))?;
    contacts::restore(tx.conn, workspace, id)?;
    let back = contacts::move_identities(tx.conn, workspace, which.id, record.goes, Some(record.identities))?;
    let moved = move_conversations(tx, workspace, which.id, record.goes, Some(&back))?;
    let noted = notes::move_to(tx.conn, workspace, which.id, record.goes, Some(record.notes))?;
    contacts::forget(tx.conn, workspace, which.id, id)?;
    let actor = EventActor::from(caller.actor());
    let restored = shape(tx, workspace, record.goes)?;
    let facts = contacts::facts(tx.conn, workspace, record.goes)?;
    let sight = ContactSight { before: None, after: Some(facts) };
    tell_contact(tx, workspace, &restored, EventType::ContactCreated, sight, &actor);
    let told = locked.tell(tx, EventType::ContactUpdated, &actor)?;
    tell_moved(tx, workspace, moved, &actor)?;
    tell_noted(tx, workspace, record.goes, noted, &actor)?;
    let merge = ContactMerge { version: merge.version + 1, ..merge };
    administer(tx, &locked, &merge, AuditAction::Deleted, &actor)?;
    let contact = told.into_iter().next().ok_or(Code::NotFound)?;
    Ok(UnmergedContact { contact, restored })
}

/// Gives conversations to another contact, those of these identities only if any are named.
fn move_conversations(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    from: ContactId,
    to: ContactId,
    only: Option<&[IdentityId]>,
) -> Result<Vec<(ConversationId, Sight)>, Failure> {
    // The identities have moved already, and each conversation follows its own.
    let of = match only {
        Some(identities) => conversations::of_identities(tx.conn, workspace, identities.to_vec())?,
        None => contacts::conversations(tx.conn, workspace, vec![from])?,
    };
    let keys = of.into_iter().map(|id| (workspace, id)).collect();
    let mut moved = conversations::lock_many(tx.conn, keys)?;
    for (_, conversation) in &mut moved {
        conversation.contact_id = to;
    }
    conversations::save_many(tx.conn, &mut moved)?;
    Ok(moved.iter().map(|(_, one)| (one.id, Sight::unchanged(one.facts()))).collect())
}

fn tell_moved(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    moved: Vec<(ConversationId, Sight)>,
    actor: &EventActor,
) -> Result<(), Failure> {
    for (id, sight) in moved {
        tell_conversation(tx, (workspace, EventType::ConversationUpdated), id, sight, actor, None)?;
    }
    Ok(())
}

/// Notes are another contact's now.
fn tell_noted(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    noted: Vec<NoteId>,
    actor: &EventActor,
) -> Result<(), Failure> {
    if noted.is_empty() {
        return Ok(());
    }
    let sight = ContactSight::unchanged(contacts::facts(tx.conn, workspace, contact)?);
    for note in notes::some(tx.conn, workspace, contact, noted)? {
        tx.tell(Change {
            workspace_id: workspace,
            event_type: EventType::NoteUpdated,
            audience: Audience::Contact(sight.clone()),
            conversation_id: None,
            actor,
            data: &note,
            previous: None,
        });
    }
    Ok(())
}

fn one_merge(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    id: ContactMergeId,
) -> Result<ContactMerge, Failure> {
    let found = contacts::merges(tx.conn, workspace, contact, Some(id), None, 1)?.pop();
    found.ok_or_else(|| Code::NotFound.into())
}

/// Tells of a merge, or that it is undone, who saw one of the contacts, and keeps it in the audit trail.
fn administer(
    tx: &mut Tx<'_>,
    locked: &Locked,
    merge: &ContactMerge,
    action: AuditAction,
    actor: &EventActor,
) -> Result<(), Failure> {
    let made = action == AuditAction::Created;
    let mut facts = locked.facts(merge.contact.id).to_vec();
    if made {
        facts.extend_from_slice(locked.facts(merge.merged.id));
    }
    tx.administer(Administration {
        workspace_id: locked.workspace,
        event_type: if made { EventType::ContactMerged } else { EventType::ContactUnmerged },
        audience: Audience::Contact(ContactSight::unchanged(facts)),
        actor,
        action,
        before: (!made).then_some(merge),
        after: made.then_some(merge),
    });
    Ok(())
}
