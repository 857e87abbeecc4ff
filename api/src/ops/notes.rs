//! Notes on contacts.

use domain::access::{Act, Caller, ReadContacts, WriteNote, may_change_note};
use domain::event::{Audience, ContactSight, EventType};
use domain::id::{ContactId, NoteId, WorkspaceId};
use domain::refusal::Code;
use domain::resource::{EventActor, Note};
use persistence::error::Failure;
use persistence::{contacts, conversations, notes};

use super::precondition::expect_version;
use super::transaction::{Change, Tx};

/// A contact that stays, and stays in the hands that it is in, until the transaction ends.
struct Scene {
    workspace: WorkspaceId,
    contact: ContactId,
    sight: ContactSight,
    actor: EventActor,
}

/// Notes something on a contact.
///
/// # Errors
/// `not_found`, `forbidden`.
pub fn create(
    tx: &mut Tx<'_>,
    caller: &Caller<WriteNote>,
    contact: ContactId,
    text: &str,
) -> Result<Note, Failure> {
    let scene = Scene::lock(tx, caller, contact)?;
    let actor = caller.actor();
    let note = Note {
        id: tx.id(),
        contact_id: contact,
        author: actor.into(),
        text: text.to_owned(),
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    notes::insert(tx.conn, scene.workspace, &note)?;
    // The author's name as it is now: who acts is believed for a second.
    let note = notes::lock(tx.conn, scene.workspace, contact, note.id)?.ok_or(Code::NotFound)?;
    scene.tell(tx, EventType::NoteCreated, &note);
    Ok(note)
}

/// Changes a note.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`.
pub fn update(
    tx: &mut Tx<'_>,
    caller: &Caller<WriteNote>,
    (contact, id): (ContactId, NoteId),
    expected_version: Option<i64>,
    text: &str,
) -> Result<Note, Failure> {
    let scene = Scene::lock(tx, caller, contact)?;
    let mut note = scene.lock_note(tx, caller, id, expected_version)?;
    if note.text == text {
        return Ok(note);
    }
    text.clone_into(&mut note.text);
    note.updated_at = tx.now;
    notes::update(tx.conn, scene.workspace, &mut note)?;
    scene.tell(tx, EventType::NoteUpdated, &note);
    Ok(note)
}

/// Deletes a note.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`.
pub fn delete(
    tx: &mut Tx<'_>,
    caller: &Caller<WriteNote>,
    (contact, id): (ContactId, NoteId),
    expected_version: Option<i64>,
) -> Result<(), Failure> {
    let scene = Scene::lock(tx, caller, contact)?;
    let mut note = scene.lock_note(tx, caller, id, expected_version)?;
    notes::delete(tx.conn, scene.workspace, id)?;
    note.version += 1;
    scene.tell(tx, EventType::NoteDeleted, &note);
    Ok(())
}

/// Notes on a contact that the caller sees, newest first.
///
/// # Errors
/// `not_found`.
pub fn list(
    conn: &mut diesel::PgConnection,
    caller: &Caller<ReadContacts>,
    contact: ContactId,
    before: Option<NoteId>,
    limit: i64,
) -> Result<Vec<Note>, Failure> {
    let workspace = caller.actor().workspace_id;
    contacts::shapes(conn, vec![(workspace, contact)])?.pop().ok_or(Code::NotFound)?;
    caller.on_contact(&contacts::facts(conn, workspace, contact)?)?;
    Ok(notes::list(conn, workspace, contact, before, limit)?)
}

impl Scene {
    /// Locks the contact and its conversations: who sees the contact is decided by them, and what is told must reach
    /// nobody who has just lost sight of it.
    fn lock<A: Act>(tx: &mut Tx<'_>, caller: &Caller<A>, contact: ContactId) -> Result<Self, Failure> {
        let workspace = caller.actor().workspace_id;
        tx.configuration(workspace)?;
        if !contacts::hold(tx.conn, workspace, contact)? {
            return Err(Code::NotFound.into());
        }
        let ids = contacts::conversations(tx.conn, workspace, vec![contact])?;
        conversations::lock_many(tx.conn, ids.into_iter().map(|id| (workspace, id)).collect())?;
        let facts = contacts::facts(tx.conn, workspace, contact)?;
        caller.on_contact(&facts)?;
        let sight = ContactSight::unchanged(facts);
        Ok(Self { workspace, contact, sight, actor: EventActor::from(caller.actor()) })
    }

    fn lock_note(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller<WriteNote>,
        id: NoteId,
        expected_version: Option<i64>,
    ) -> Result<Note, Failure> {
        let note = notes::lock(tx.conn, self.workspace, self.contact, id)?.ok_or(Code::NotFound)?;
        may_change_note(caller.actor(), note.author.id)?;
        expect_version(expected_version, note.version)?;
        Ok(note)
    }

    fn tell(&self, tx: &mut Tx<'_>, event_type: EventType, note: &Note) {
        tx.tell(Change {
            workspace_id: self.workspace,
            event_type,
            audience: Audience::Contact(self.sight.clone()),
            conversation_id: None,
            actor: &self.actor,
            data: note,
            previous: None,
        });
    }
}
