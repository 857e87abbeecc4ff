//! Writing first: a template to a contact, or to a number that nobody here knows yet.

use domain::access::{Caller, Facts, Permit, ReadContacts, StartConversation};
use domain::conversation::Conversation;
use domain::event::{ContactSight, EventType};
use domain::id::{ChannelId, ContactId, ConversationId, WorkspaceId};
use domain::input;
use domain::refusal::{Code, Refusal};
use domain::resource::{self, SystemEventType};
use persistence::contacts::{self, Joined, StoredIdentity, Wanted};
use persistence::error::{Failure, StoreError};
use persistence::{conversations, messages};

use super::{Locked, Which, fresh, name_holder};
use crate::ops::contacts::tell_contact;
use crate::ops::messages::CLIENT_ID_MAX;
use crate::ops::templates::channel_with_templates;
use crate::ops::templates::usage::{Occasion, TemplateUse, filled};
use crate::ops::transaction::Tx;
use crate::ops::writing::{Letter, Taken, hand_in};

/// A conversation to be started.
#[derive(Clone)]
pub struct StartDraft {
    /// The channel.
    pub channel_id: ChannelId,
    /// The customer.
    pub whom: Whom,
    /// What is written.
    pub template: TemplateUse,
    /// The id that the sender gives the message; the same one twice is one message.
    pub client_message_id: Option<String>,
}

/// To whom is written.
#[derive(Clone)]
pub enum Whom {
    /// To a contact.
    Contact(ContactId),
    /// To a number, digits with country code.
    Phone(String),
}

/// Writes first. The conversation is the caller's; one that is resolved begins a new session.
///
/// # Errors
/// `already_held` by another; `forbidden` for one that waits and may not be taken; `contact_blocked`; as
/// [`filled`]; `validation_failed`.
pub fn start(
    tx: &mut Tx<'_>,
    caller: &Caller<StartConversation>,
    draft: &StartDraft,
) -> Result<resource::Conversation, Failure> {
    let workspace = caller.actor().workspace_id;
    // Before anything else in the order of locks.
    tx.configuration(workspace)?;
    let channel = channel_with_templates(tx, caller, draft.channel_id, "/channel_id")?;
    let person = person(tx, caller, channel.id, &draft.whom)?;
    let which = Which { id: person.conversation, expected_version: None };
    let mut locked = Locked::lock(tx, caller, which).map_err(hidden_is_forbidden)?;
    if let Some(earlier) = earlier(tx, &locked, draft)? {
        return Ok(earlier);
    }
    locked.conversation.expect_open_to_customer()?;
    let contact = Some(locked.conversation.contact_id);
    let occasion = Occasion { workspace, channel: channel.id, contact, opens: true };
    let content = filled(tx, occasion, &draft.template)?;
    let (fresh, now) = (fresh(tx), tx.now);
    let change = match locked.conversation.start(&locked.permit, fresh, now) {
        Ok(change) => change,
        Err(refusal) if refusal.code == Code::AlreadyHeld => {
            return Err(name_holder(tx, &locked, refusal)?.into());
        }
        Err(refusal) => return Err(refusal.into()),
    };
    tell_contact_of(tx, &locked, &person)?;
    let event_type = match (person.has_new_conversation, change.is_some()) {
        (true, _) => EventType::ConversationCreated,
        (false, true) => EventType::ConversationAssigned,
        (false, false) => EventType::ConversationUpdated,
    };
    if person.has_new_conversation {
        locked = locked.begun_now();
    }
    let taken =
        change.map(|change| Taken { change, noted: (SystemEventType::Started, "started the conversation") });
    let attachment_id = draft.template.parameters.header.as_ref().and_then(|header| header.attachment_id);
    let letter = Letter {
        client_message_id: draft.client_message_id.as_deref(),
        content: &content,
        attachment_id,
        reply_to: None,
        channel: channel.kind,
    };
    Ok(hand_in(tx, &mut locked, &letter, event_type, taken)?.0)
}

/// That the customer has a conversation which the caller may not see is no secret to who wants to write to it.
fn hidden_is_forbidden(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(refusal) if refusal.code == Code::NotFound => Code::Forbidden.into(),
        other => other,
    }
}

/// The conversation, if an earlier call with the same client id has written to it.
fn earlier(
    tx: &mut Tx<'_>,
    locked: &Locked<StartConversation>,
    draft: &StartDraft,
) -> Result<Option<resource::Conversation>, Failure> {
    let Some(client_id) = &draft.client_message_id else { return Ok(None) };
    let client_id = input::token("/client_message_id", client_id, CLIENT_ID_MAX)?;
    let conversation = locked.conversation.id;
    let Some(id) = messages::by_client_id(tx.conn, locked.workspace, conversation, client_id)? else {
        return Ok(None);
    };
    let message = messages::shape(tx.conn, locked.workspace, id)?.ok_or(Code::NotFound)?;
    if draft.template.is_of(&message) {
        return locked.unchanged(tx).map(Some);
    }
    let detail = "another message of this conversation has this id";
    Err(Refusal::invalid("/client_message_id", "taken", detail).into())
}

/// The customer, found or made, and its conversation.
struct Person {
    contact: ContactId,
    conversation: ConversationId,
    /// The contact was made in this transaction.
    is_new: bool,
    /// Its conversation was.
    has_new_conversation: bool,
}

fn person(
    tx: &mut Tx<'_>,
    caller: &Caller<StartConversation>,
    channel: ChannelId,
    whom: &Whom,
) -> Result<Person, Failure> {
    let workspace = caller.actor().workspace_id;
    let (known, phone) = match whom {
        Whom::Phone(phone) => (None, phone.clone()),
        Whom::Contact(id) => match by_contact(tx, caller, channel, *id)? {
            Address::Identity(identity) => return existing(&identity),
            Address::Phone { phone, blocked } => (Some(Joined { contact_id: *id, blocked }), phone),
        },
    };
    // Whom another transaction makes at this moment is passed over by the insert and found by the next look.
    for _ in 0..3 {
        if let Some(identity) = contacts::by_old_id(tx.conn, workspace, channel, phone.clone())? {
            return existing(&identity);
        }
        if let Some(person) = make(tx, workspace, channel, known.clone(), &phone)? {
            return Ok(person);
        }
    }
    Err(StoreError::overtaken().into())
}

fn existing(identity: &StoredIdentity) -> Result<Person, Failure> {
    let unreadable =
        StoreError::Unreadable { table: "conversations", column: "identity_id", id: identity.id.to_string() };
    Ok(Person {
        contact: identity.contact_id,
        conversation: identity.conversation_id.ok_or(unreadable)?,
        is_new: false,
        has_new_conversation: false,
    })
}

/// How a contact can be reached on a channel.
enum Address {
    /// It wrote there, or was written to.
    Identity(Box<StoredIdentity>),
    /// By its number.
    Phone {
        /// The number.
        phone: String,
        /// Whether the contact is shut out.
        blocked: bool,
    },
}

fn by_contact(
    tx: &mut Tx<'_>,
    caller: &Caller<StartConversation>,
    channel: ChannelId,
    id: ContactId,
) -> Result<Address, Failure> {
    let workspace = caller.actor().workspace_id;
    let unknown = || Refusal::invalid("/contact_id", "unknown", "there is no such contact");
    let (_, contact) = contacts::shapes(tx.conn, vec![(workspace, id)])?.pop().ok_or_else(unknown)?;
    let facts = contacts::facts(tx.conn, workspace, id)?;
    let _: Permit<ReadContacts> = Caller::<ReadContacts>::new(caller.actor().clone())
        .and_then(|reader| reader.on_contact(&facts))
        .map_err(|_| unknown())?;
    if let Some(identity) = contact.identities.iter().find(|identity| identity.channel_id == channel) {
        let wanted = Wanted {
            workspace_id: workspace,
            channel_id: channel,
            external_id: identity.external_id.clone(),
            phone: None,
        };
        if let Some(identity) = contacts::find_identities(tx.conn, &[wanted])?.pop() {
            return Ok(Address::Identity(Box::new(identity)));
        }
    }
    let phone = contact
        .phone
        .ok_or_else(|| Refusal::invalid("/contact_id", "no_phone", "the contact has no phone number"))?;
    Ok(Address::Phone {
        phone: domain::contact::phone("/contact_id", &phone)?,
        blocked: contact.blocked_at.is_some(),
    })
}

/// Makes the identity, for a contact that is there or a new one, with its conversation. Until the provider tells its
/// lasting id the customer is known by the number.
fn make(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    channel: ChannelId,
    known: Option<Joined>,
    phone: &str,
) -> Result<Option<Person>, Failure> {
    let mut identity = StoredIdentity {
        workspace_id: workspace,
        channel_id: channel,
        id: tx.id(),
        contact_id: known.as_ref().map_or_else(|| tx.id(), |known| known.contact_id),
        external_id: phone.to_owned(),
        phone: Some(phone.to_owned()),
        username: None,
        name: None,
        conversation_id: None,
    };
    let now = tx.now;
    let (stored, known) = if known.is_some() {
        (contacts::insert_for(tx.conn, &identity, now)?, known)
    } else {
        let mut new = [(identity.clone(), format!("+{phone}"))];
        let (stored, mut joined) = contacts::insert_new(tx.conn, &mut new, now)?;
        [(identity, _)] = new;
        (stored.contains(&identity.id), joined.remove(&identity.id))
    };
    if !stored {
        return Ok(None);
    }
    let mut conversation = Conversation::begin(tx.id(), channel, identity.contact_id, now);
    conversation.blocked = known.as_ref().is_some_and(|contact| contact.blocked);
    let person = Person {
        contact: identity.contact_id,
        conversation: conversation.id,
        is_new: known.is_none(),
        has_new_conversation: true,
    };
    conversations::insert_many(tx.conn, vec![(workspace, identity.id, conversation)])?;
    Ok(Some(person))
}

/// Tells of a contact that is new, or has one more way to be reached.
fn tell_contact_of(
    tx: &mut Tx<'_>,
    locked: &Locked<StartConversation>,
    person: &Person,
) -> Result<(), Failure> {
    if !person.has_new_conversation {
        return Ok(());
    }
    let workspace = locked.workspace;
    let shapes = contacts::shapes(tx.conn, vec![(workspace, person.contact)])?;
    for (_, contact) in shapes {
        let after = locked.conversation.facts();
        let (event_type, sight) = if person.is_new {
            (EventType::ContactCreated, ContactSight { before: None, after: Some(vec![after]) })
        } else {
            let others = contacts::facts(tx.conn, workspace, person.contact)?;
            let others: Vec<Facts> = others.into_iter().filter(|one| one.channel != after.channel).collect();
            let now = others.iter().copied().chain([after]).collect();
            (EventType::ContactUpdated, ContactSight { before: Some(others), after: Some(now) })
        };
        tell_contact(tx, workspace, &contact, event_type, sight, locked.actor());
    }
    Ok(())
}
