//! Customers: what changes of them shows in their conversations too.

use domain::event::{Audience, ContactSight, EventType, Sight};
use domain::id::{ContactId, IdentityId, WorkspaceId};
use domain::resource::Contact;
use persistence::contacts::{self, StoredIdentity};
use persistence::conversations;
use persistence::error::Failure;
use persistence::jobs::{self, ChannelJob};

use super::transaction::{Change, Tx};
use domain::resource::EventActor;

mod block;
mod edit;
mod import;
mod locked;
mod merge;

pub use block::{block, unblock};
pub use edit::{create, delete, update};
pub use import::{Row as ImportRow, attribute_text, import};
pub use locked::Which;
pub use merge::{merge, unmerge};

/// Tells that a contact changed, and each of its conversations with it: they show its name and number.
///
/// # Errors
/// Only those of the database.
pub(super) fn tell_changed(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
) -> Result<(), Failure> {
    let Some((_, shape)) = contacts::shapes(tx.conn, vec![(workspace, contact)])?.pop() else {
        return Ok(());
    };
    let actor = EventActor::contact(shape.id.0, shape.name.clone());
    let keys =
        contacts::conversations(tx.conn, workspace, vec![contact])?.into_iter().map(|id| (workspace, id));
    let mut changed = conversations::lock_many(tx.conn, keys.collect())?;
    conversations::save_many(tx.conn, &mut changed)?;
    let sight = ContactSight::unchanged(contacts::facts(tx.conn, workspace, contact)?);
    tell_contact(tx, workspace, &shape, EventType::ContactUpdated, sight, &actor);
    let now = tx.now;
    for (_, conversation) in changed {
        let Some(shape) = conversations::shape(tx.conn, workspace, conversation.id, now)? else { continue };
        tx.tell(Change {
            workspace_id: workspace,
            event_type: EventType::ConversationUpdated,
            audience: Audience::Conversation(Sight::unchanged(conversation.facts())),
            conversation_id: Some(conversation.id),
            actor: &actor,
            data: &shape,
            previous: None,
        });
    }
    Ok(())
}

/// Stores what the provider newly says of a customer, and tells of those whose number is this customer's now. Answers the
/// contact, which nothing is told of yet.
///
/// # Errors
/// Only those of the database.
pub(super) fn renew_identity(tx: &mut Tx<'_>, identity: &StoredIdentity) -> Result<ContactId, Failure> {
    let losers = contacts::free_phones(tx.conn, &[identity])?;
    let contact = contacts::update_identity(tx.conn, identity)?;
    for (workspace, loser) in losers.into_iter().filter(|(_, loser)| *loser != contact) {
        tell_changed(tx, workspace, loser)?;
    }
    Ok(contact)
}

/// Tells of a contact those who see it.
pub(super) fn tell_contact(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contact: &Contact,
    event_type: EventType,
    sight: ContactSight,
    actor: &EventActor,
) {
    tx.tell(Change {
        workspace_id: workspace,
        event_type,
        audience: Audience::Contact(sight),
        conversation_id: None,
        actor,
        data: contact,
        previous: None,
    });
}

/// Stores the name that the provider answered, unless a webhook told one meanwhile. The job is done.
///
/// # Errors
/// Only those of the database.
pub fn name_from_profile(tx: &mut Tx<'_>, job: ChannelJob, name: Option<&str>) -> Result<(), Failure> {
    jobs::finish(tx.conn, job.workspace_id, job.id)?;
    tx.configuration(job.workspace_id)?;
    let identity = contacts::identity(tx.conn, job.workspace_id, IdentityId(job.subject_id))?;
    let (Some(mut identity), Some(name)) = (identity.filter(|identity| identity.name.is_none()), name) else {
        return Ok(());
    };
    identity.name = Some(name.to_owned());
    let contact = renew_identity(tx, &identity)?;
    tell_changed(tx, job.workspace_id, contact)
}
