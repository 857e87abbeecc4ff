//! What the team writes down of its customers.

use domain::access::{Act, Caller, DeleteContact, EditContact};
use domain::audit::AuditAction;
use domain::contact::ContactPatch;
use domain::event::{Audience, ContactSight, EventType};
use domain::id::ContactId;
use domain::refusal::{Code, Refusal};
use domain::resource::{Contact, EventActor};
use persistence::contacts::{self, NewContact};
use persistence::error::Failure;
use serde_json::Value;

use super::locked::{Locked, Which};
use super::tell_contact;
use crate::ops::transaction::{Administration, Tx};

/// Makes a contact. When a customer with its number writes for the first time, it is this one.
///
/// # Errors
/// `validation_failed`, `contact_exists`; `forbidden` for a program that is limited to channels: it would not see it.
pub fn create(
    tx: &mut Tx<'_>,
    caller: &Caller<EditContact>,
    name: &str,
    patch: &ContactPatch,
) -> Result<Contact, Failure> {
    caller.on_workspace()?;
    let (workspace, now) = (caller.actor().workspace_id, tx.now);
    let id: ContactId = tx.id();
    let mut made = Contact {
        id,
        name: name.to_owned(),
        email: None,
        company: None,
        phone: None,
        attributes: serde_json::Map::new(),
        identities: Vec::new(),
        blocked_at: None,
        opted_out_at: None,
        version: 1,
        created_at: now,
    };
    patch.apply(&mut made)?;
    let phone = made.phone.clone();
    let new = NewContact {
        id,
        name: made.name,
        phone: made.phone,
        email: made.email,
        company: made.company,
        attributes: Value::Object(made.attributes),
    };
    // Whoever makes the same contact at this moment, by hand or by writing, is waited for; then it is there.
    let stored = contacts::insert_made(tx.conn, workspace, &[new], now)?;
    expect_free(tx, caller, id, phone)?;
    if stored.is_empty() {
        return Err(Code::ContactExists.into());
    }
    let made = shape(tx, workspace, id)?;
    let sight = ContactSight { before: None, after: Some(Vec::new()) };
    let actor = EventActor::from(caller.actor());
    tell_contact(tx, workspace, &made, EventType::ContactCreated, sight, &actor);
    Ok(made)
}

/// Changes what is known of a contact.
///
/// # Errors
/// `not_found`, `version_mismatch`, `validation_failed`, `contact_exists`.
pub fn update(
    tx: &mut Tx<'_>,
    caller: &Caller<EditContact>,
    which: Which,
    patch: &ContactPatch,
) -> Result<Contact, Failure> {
    let (locked, before, _) = Locked::one(tx, caller, which)?;
    let mut contact = before.clone();
    patch.apply(&mut contact)?;
    if contact == before {
        return Ok(before);
    }
    if contact.phone != before.phone {
        expect_free(tx, caller, contact.id, contact.phone.clone())?;
    }
    contacts::save_many(tx.conn, locked.workspace, &[contact])?;
    let told = locked.tell(tx, EventType::ContactUpdated, &EventActor::from(caller.actor()))?;
    told.into_iter().next().ok_or_else(|| Code::NotFound.into())
}

/// Deletes a contact that has never written.
///
/// # Errors
/// `not_found`, `version_mismatch`, `contact_has_conversations`.
pub fn delete(tx: &mut Tx<'_>, caller: &Caller<DeleteContact>, which: Which) -> Result<(), Failure> {
    let (locked, mut contact, _) = Locked::one(tx, caller, which)?;
    let workspace = locked.workspace;
    if !contacts::conversations(tx.conn, workspace, vec![contact.id])?.is_empty() {
        return Err(Code::ContactHasConversations.into());
    }
    contacts::delete(tx.conn, workspace, contact.id)?;
    contact.version += 1;
    tx.administer(Administration {
        workspace_id: workspace,
        event_type: EventType::ContactDeleted,
        audience: Audience::Contact(ContactSight::unchanged(locked.facts(contact.id).to_vec())),
        actor: &EventActor::from(caller.actor()),
        action: AuditAction::Deleted,
        before: Some(&contact),
        after: None,
    });
    Ok(())
}

/// Refuses if another contact has the number; names it to who may know of it.
fn expect_free<A: Act>(
    tx: &mut Tx<'_>,
    caller: &Caller<A>,
    own: ContactId,
    phone: Option<String>,
) -> Result<(), Failure> {
    let Some(phone) = phone else { return Ok(()) };
    let workspace = caller.actor().workspace_id;
    let mut others = contacts::by_phones(tx.conn, workspace, vec![phone])?;
    others.retain(|other| other.id != own);
    if others.is_empty() {
        return Ok(());
    }
    let facts = contacts::facts_of(tx.conn, workspace, others.iter().map(|other| other.id).collect())?;
    let seen = others.iter().find(|other| {
        let facts = facts.get(&other.id).map_or(&[][..], Vec::as_slice);
        caller.on_contact(facts).is_ok()
    });
    let refusal = Refusal::new(Code::ContactExists);
    Err(match seen {
        Some(other) => refusal.at("/phone", "taken", format!("the contact {} has it", other.id)),
        None => refusal,
    }
    .into())
}

/// A contact as it is now.
pub(super) fn shape(
    tx: &mut Tx<'_>,
    workspace: domain::id::WorkspaceId,
    id: ContactId,
) -> Result<Contact, Failure> {
    let found = contacts::shapes(tx.conn, vec![(workspace, id)])?.pop();
    found.map(|(_, contact)| contact).ok_or_else(|| Code::NotFound.into())
}
