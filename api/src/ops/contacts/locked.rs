//! Contacts that are locked, and what every change of them tells.

use std::collections::HashMap;

use domain::access::{Act, Caller, Facts, Permit};
use domain::audit::differences;
use domain::event::{Audience, ContactSight, EventType, Sight};
use domain::id::{ContactId, WorkspaceId};
use domain::refusal::Code;
use domain::resource::{Contact, EventActor};
use persistence::error::Failure;
use persistence::{contacts, conversations};
use serde_json::{Value, json};

use crate::ops::precondition::expect_version;
use crate::ops::transaction::{Change, Tx};

/// Which contact, and which version of it the caller has seen.
#[derive(Debug, Clone, Copy)]
pub struct Which {
    /// The contact.
    pub id: ContactId,
    /// The version that `If-Match` demands.
    pub expected_version: Option<i64>,
}

/// Contacts that are locked, as they are before the change.
pub(super) struct Locked {
    pub workspace: WorkspaceId,
    pub contacts: Vec<Contact>,
    facts: HashMap<ContactId, Vec<Facts>>,
}

impl Locked {
    /// Locks contacts; unknown ones are left out. Settings come before them in the order of locks, conversations after them.
    pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, ids: Vec<ContactId>) -> Result<Self, Failure> {
        tx.configuration(workspace)?;
        let contacts = contacts::lock(tx.conn, workspace, ids.clone())?;
        let facts = contacts::facts_of(tx.conn, workspace, ids)?;
        Ok(Self { workspace, contacts, facts })
    }

    /// Locks one contact and asks whether the caller may do this to it.
    pub fn one<A: Act>(
        tx: &mut Tx<'_>,
        caller: &Caller<A>,
        which: Which,
    ) -> Result<(Self, Contact, Permit<A>), Failure> {
        let locked = Self::lock(tx, caller.actor().workspace_id, vec![which.id])?;
        let (contact, permit) = locked.permitted(caller, which.id)?;
        expect_version(which.expected_version, contact.version)?;
        Ok((locked, contact, permit))
    }

    /// One of them, if the caller may do this to it.
    pub fn permitted<A: Act>(
        &self,
        caller: &Caller<A>,
        id: ContactId,
    ) -> Result<(Contact, Permit<A>), Failure> {
        let contact = self.contacts.iter().find(|contact| contact.id == id).ok_or(Code::NotFound)?;
        let permit = caller.on_contact(self.facts(id))?;
        Ok((contact.clone(), permit))
    }

    /// What decides who sees it.
    pub fn facts(&self, id: ContactId) -> &[Facts] {
        self.facts.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Tells of those of them that are not what they were, and of conversations that show it. Answers them as they are now, in
    /// the order of ids.
    pub fn tell(
        &self,
        tx: &mut Tx<'_>,
        event_type: EventType,
        actor: &EventActor,
    ) -> Result<Vec<Contact>, Failure> {
        let workspace = self.workspace;
        let keys = self.contacts.iter().map(|contact| (workspace, contact.id)).collect();
        let mut after: Vec<Contact> =
            contacts::shapes(tx.conn, keys)?.into_iter().map(|(_, contact)| contact).collect();
        after.sort_unstable_by_key(|contact| contact.id);
        let mut facts = contacts::facts_of(tx.conn, workspace, after.iter().map(|one| one.id).collect())?;
        let before: HashMap<ContactId, &Contact> = self.contacts.iter().map(|one| (one.id, one)).collect();
        let mut shown = Vec::new();
        for now in &after {
            let Some(was) = before.get(&now.id).filter(|was| was.version != now.version) else { continue };
            let (previous, _) = differences(&json!(was), &json!(now));
            tx.tell(Change {
                workspace_id: workspace,
                event_type,
                audience: Audience::Contact(ContactSight {
                    before: Some(self.facts(now.id).to_vec()),
                    after: Some(facts.remove(&now.id).unwrap_or_default()),
                }),
                conversation_id: None,
                actor,
                data: now,
                previous: Some(Value::Object(previous)),
            });
            if (&was.name, &was.phone) != (&now.name, &now.phone) {
                shown.push(now.id);
            }
        }
        tell_conversations(tx, workspace, shown, actor)?;
        Ok(after)
    }
}

/// Tells the conversations of these contacts anew: they show name and number.
fn tell_conversations(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contacts: Vec<ContactId>,
    actor: &EventActor,
) -> Result<(), Failure> {
    if contacts.is_empty() {
        return Ok(());
    }
    let ids = contacts::conversations(tx.conn, workspace, contacts)?;
    let keys = ids.into_iter().map(|id| (workspace, id)).collect();
    let mut changed = conversations::lock_many(tx.conn, keys)?;
    if changed.is_empty() {
        return Ok(());
    }
    conversations::save_many(tx.conn, &mut changed)?;
    let sights = changed.iter().map(|(_, one)| (one.id, Sight::unchanged(one.facts()))).collect::<Vec<_>>();
    for (id, sight) in sights {
        tell_conversation(tx, (workspace, EventType::ConversationUpdated), id, sight, actor, None)?;
    }
    Ok(())
}

/// Tells how a conversation is now.
pub(super) fn tell_conversation(
    tx: &mut Tx<'_>,
    (workspace, event_type): (WorkspaceId, EventType),
    id: domain::id::ConversationId,
    sight: Sight,
    actor: &EventActor,
    previous: Option<Value>,
) -> Result<(), Failure> {
    let now = tx.now;
    let Some(shape) = conversations::shape(tx.conn, workspace, id, now)? else { return Ok(()) };
    tx.tell(Change {
        workspace_id: workspace,
        event_type,
        audience: Audience::Conversation(sight),
        conversation_id: Some(id),
        actor,
        data: &shape,
        previous,
    });
    Ok(())
}
