//! Who writes: contacts and their conversations, found or made.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::access::Facts;
use domain::channel::ChannelKind;
use domain::conversation::Conversation;
use domain::event::{ContactSight, EventType};
use domain::id::{ChannelId, ContactId, ConversationId, IdentityId, WorkspaceId};
use domain::inbound::{IdentityChange, InboundKind, Sender};
use domain::job::ChannelJobKind;
use domain::resource::{EventActor, SystemEvent, SystemEventType};
use persistence::contacts::{self, StoredIdentity, Wanted};
use persistence::error::{Failure, StoreError};
use persistence::jobs::{self, ChannelJob};
use persistence::{conversations, messages};

use super::Delivery;
use crate::ops::contacts::{renew_identity, tell_changed, tell_contact};
use crate::ops::transaction::Tx;

/// One customer on one channel.
pub(super) type Key = (WorkspaceId, ChannelId, String);

/// A customer and where its messages go.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub workspace_id: WorkspaceId,
    pub contact_id: ContactId,
    pub conversation_id: ConversationId,
    pub name: String,
    pub is_new: bool,
}

/// Somebody to be found or made.
struct Somebody {
    kind: ChannelKind,
    sender: Sender,
    writes: bool,
}

/// The customers of a batch.
#[derive(Default)]
pub(super) struct People {
    known: HashMap<Key, Person>,
    /// Who has another number or id since this batch: that is noted in the thread.
    changed: Vec<Changed>,
}

/// A customer with another number or id.
pub(super) struct Changed {
    pub workspace_id: WorkspaceId,
    pub conversation_id: ConversationId,
    pub event: SystemEvent,
}

impl People {
    /// The customer that a sender is.
    pub(super) fn get(&self, delivery: &Delivery, sender: &Sender) -> Option<&Person> {
        self.known.get(&(delivery.workspace_id, delivery.channel_id, sender.external_id.clone()))
    }

    /// The conversations that this batch began.
    pub(super) fn new_conversations(&self) -> BTreeSet<(WorkspaceId, ConversationId)> {
        let new = self.known.values().filter(|person| person.is_new);
        new.map(|person| (person.workspace_id, person.conversation_id)).collect()
    }

    /// The conversations of all of them.
    pub(super) fn conversations(&self) -> BTreeSet<(WorkspaceId, ConversationId)> {
        let known = self.known.values().map(|person| (person.workspace_id, person.conversation_id));
        known.chain(self.changed.iter().map(|one| (one.workspace_id, one.conversation_id))).collect()
    }

    /// Who has another number or id.
    pub(super) fn changed(&self) -> &[Changed] {
        &self.changed
    }
}

/// Finds or makes the customers who wrote. One who reacted, opted out or changed its number without
/// ever having written is nobody we know.
pub(super) fn resolve(tx: &mut Tx<'_>, deliveries: &[Delivery]) -> Result<People, Failure> {
    let changed = change_identities(tx, deliveries)?;
    let mut wanted: BTreeMap<Key, Somebody> = BTreeMap::new();
    for (delivery, sender, writes) in senders(deliveries) {
        let key = (delivery.workspace_id, delivery.channel_id, sender.external_id.clone());
        let somebody = wanted.entry(key).or_insert_with(|| Somebody {
            kind: delivery.kind,
            sender: sender.clone(),
            writes: false,
        });
        // The newest word on name and number counts.
        merge(&mut somebody.sender, sender);
        somebody.writes |= writes;
    }
    let mut people = People { changed, ..People::default() };
    // A customer whom another batch makes at this moment is passed over by the insert and found by
    // the next look; more than twice would mean that rows vanish.
    for _ in 0..3 {
        if wanted.is_empty() {
            break;
        }
        find(tx, deliveries, &mut wanted, &mut people)?;
        wanted.retain(|_, somebody| somebody.writes);
        let known = repeats(tx, deliveries, &wanted.keys().cloned().collect())?;
        wanted.retain(|key, _| !known.contains(key));
        make(tx, &mut wanted, &mut people)?;
    }
    if wanted.is_empty() {
        Ok(people)
    } else {
        Err(StoreError::RowCount { statement: "ingest::people", changed: 0, expected: wanted.len() }.into())
    }
}

fn senders(deliveries: &[Delivery]) -> impl Iterator<Item = (&Delivery, &Sender, bool)> {
    deliveries.iter().flat_map(|delivery| {
        delivery.events.iter().filter_map(move |event| {
            let (sender, writes) = match &event.what {
                InboundKind::Message(message) => (&message.sender, true),
                InboundKind::Edit(edit) => (&edit.message.sender, true),
                InboundKind::Revoke { sender, .. }
                | InboundKind::Reaction { sender, .. }
                | InboundKind::Referral { sender, .. }
                | InboundKind::BotBlocked { sender, .. }
                | InboundKind::MarketingPreference { sender, .. } => (sender, false),
                _ => return None,
            };
            Some((delivery, sender, writes))
        })
    })
}

fn merge(into: &mut Sender, newer: &Sender) {
    let take = |into: &mut Option<String>, newer: &Option<String>| {
        if newer.is_some() {
            into.clone_from(newer);
        }
    };
    take(&mut into.phone, &newer.phone);
    take(&mut into.username, &newer.username);
    take(&mut into.name, &newer.name);
    take(&mut into.email, &newer.email);
}

/// Moves those who are known from `wanted` to `people`, and stores what is new about them.
fn find(
    tx: &mut Tx<'_>,
    deliveries: &[Delivery],
    wanted: &mut BTreeMap<Key, Somebody>,
    people: &mut People,
) -> Result<(), Failure> {
    let look: Vec<Wanted> = wanted
        .iter()
        .map(|((workspace_id, channel_id, external_id), somebody)| Wanted {
            workspace_id: *workspace_id,
            channel_id: *channel_id,
            external_id: external_id.clone(),
            phone: somebody.sender.phone.clone(),
        })
        .collect();
    let found = contacts::find_identities(tx.conn, &look)?;
    let mut matches = Vec::new();
    for (key, somebody) in wanted.iter() {
        let sender = &somebody.sender;
        let Some(identity) = identity_of(&found, key, somebody) else { continue };
        let Some(conversation_id) = identity.conversation_id else { continue };
        let newer = renewed(identity, key, sender);
        let changed = newer != *identity;
        let name = newer.name.clone().unwrap_or_else(|| display_name(sender));
        let told = changed || sender.email.is_some();
        let takes_number = newer.phone != identity.phone;
        matches.push((key.clone(), (changed, told), newer, conversation_id, name, takes_number));
    }
    // Who loses a number to another one of them must not be written with it afterwards.
    matches.sort_by_key(|(.., takes_number)| *takes_number);
    let told = matches.iter().filter(|(_, (_, told), ..)| *told).map(|(key, ..)| key.clone()).collect();
    let old = repeats(tx, deliveries, &told)?;
    for (key, (changed, _), newer, conversation_id, name, _) in matches {
        let email = wanted.remove(&key).and_then(|somebody| somebody.sender.email);
        if !old.contains(&key) {
            renew(tx, &newer, changed, email)?;
        }
        let person = Person {
            workspace_id: newer.workspace_id,
            contact_id: newer.contact_id,
            conversation_id,
            name,
            is_new: false,
        };
        people.known.insert(key, person);
    }
    Ok(())
}

/// Stores what is new about a customer, and tells of it if anything is.
fn renew(
    tx: &mut Tx<'_>,
    newer: &StoredIdentity,
    changed: bool,
    email: Option<String>,
) -> Result<(), Failure> {
    let workspace = newer.workspace_id;
    let contact = if changed { renew_identity(tx, newer)? } else { newer.contact_id };
    let completed = match email {
        Some(email) => contacts::complete_email(tx.conn, workspace, contact, email, false)?,
        None => false,
    };
    if changed || completed { tell_changed(tx, workspace, contact) } else { Ok(()) }
}

/// Those of `among` of whom everything written in the batch is here already. A repeat names its writer as
/// it was then: it changes no name or number, and makes nobody anew who has another number and id by now.
fn repeats(
    tx: &mut Tx<'_>,
    deliveries: &[Delivery],
    among: &BTreeSet<Key>,
) -> Result<BTreeSet<Key>, Failure> {
    let mut written: BTreeMap<Key, BTreeSet<&str>> = BTreeMap::new();
    for delivery in deliveries {
        for event in &delivery.events {
            let message = match &event.what {
                InboundKind::Message(message) => &**message,
                InboundKind::Edit(edit) => &edit.message,
                _ => continue,
            };
            let key = (delivery.workspace_id, delivery.channel_id, message.sender.external_id.clone());
            if among.contains(&key) {
                written.entry(key).or_default().insert(&message.provider_message_id);
            }
        }
    }
    if written.is_empty() {
        return Ok(BTreeSet::new());
    }
    let all = written.iter().flat_map(|(key, ids)| ids.iter().map(|id| (key.0, key.1, (*id).to_owned())));
    let stored: BTreeSet<Key> = messages::by_provider_ids(tx.conn, all.collect())?
        .into_iter()
        .map(|found| (found.workspace_id, found.channel_id, found.provider_message_id))
        .collect();
    written.retain(|key, ids| ids.iter().all(|id| stored.contains(&(key.0, key.1, (*id).to_owned()))));
    Ok(written.into_keys().collect())
}

/// By the lasting id; else by the phone number, if the one stored was known by nothing better. The ids of integrators are
/// always lasting ones, also those that look like numbers.
fn identity_of<'a>(
    found: &'a [StoredIdentity],
    key: &Key,
    Somebody { kind, sender, .. }: &Somebody,
) -> Option<&'a StoredIdentity> {
    let here = |one: &&StoredIdentity| one.workspace_id == key.0 && one.channel_id == key.1;
    let by_id = found.iter().filter(here).find(|one| one.external_id == key.2);
    by_id.or_else(|| {
        let phone = sender.phone.as_deref().filter(|_| *kind != ChannelKind::Api)?;
        found.iter().filter(here).find(|one| one.external_id == phone && one.phone.as_deref() == Some(phone))
    })
}

fn renewed(identity: &StoredIdentity, key: &Key, sender: &Sender) -> StoredIdentity {
    let mut newer = identity.clone();
    newer.external_id.clone_from(&key.2);
    let mut known = Sender {
        external_id: key.2.clone(),
        phone: newer.phone.take(),
        username: newer.username.take(),
        name: newer.name.take(),
        email: None,
    };
    merge(&mut known, sender);
    StoredIdentity { phone: known.phone, username: known.username, name: known.name, ..newer }
}

/// Makes those who are left in `wanted`, each with its conversation, and moves them to `people`.
fn make(tx: &mut Tx<'_>, wanted: &mut BTreeMap<Key, Somebody>, people: &mut People) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    let new: Vec<(Key, StoredIdentity, String)> = wanted
        .iter()
        .map(|(key, Somebody { sender, .. })| {
            let identity = StoredIdentity {
                workspace_id: key.0,
                channel_id: key.1,
                id: tx.id(),
                contact_id: tx.id(),
                external_id: key.2.clone(),
                phone: sender.phone.clone(),
                username: sender.username.clone(),
                name: sender.name.clone(),
                conversation_id: None,
            };
            (key.clone(), identity, display_name(sender))
        })
        .collect();
    free_phones(tx, &new)?;
    let (keys, mut rows): (Vec<_>, Vec<_>) =
        new.into_iter().map(|(key, identity, name)| (key, (identity, name))).unzip();
    let now = tx.now;
    let (stored, joined) = contacts::insert_new(tx.conn, &mut rows, now)?;
    let (mut begun, mut nameless) = (Vec::new(), Vec::new());
    let rows = keys.into_iter().zip(rows).filter(|(_, (identity, _))| stored.contains(&identity.id));
    for (key, (identity, name)) in rows {
        let mut conversation = Conversation::begin(tx.id(), key.1, identity.contact_id, now);
        conversation.blocked = joined.get(&identity.id).is_some_and(|contact| contact.blocked);
        let person = Person {
            workspace_id: key.0,
            contact_id: identity.contact_id,
            conversation_id: conversation.id,
            name,
            is_new: true,
        };
        begun.push((key.0, identity.id, conversation));
        if let Some(Somebody { kind, sender, .. }) = wanted.remove(&key) {
            if identity.name.is_none() && kind == ChannelKind::Messenger {
                nameless.push((key.0, key.1, identity.id));
            }
            if let Some(email) = sender.email {
                let is_new = !joined.contains_key(&identity.id);
                contacts::complete_email(tx.conn, key.0, identity.contact_id, email, is_new)?;
            }
        }
        people.known.insert(key, person);
    }
    let (known, new): (Vec<_>, Vec<_>) = begun
        .iter()
        .map(|(workspace, identity, one)| (*identity, (*workspace, one.contact_id)))
        .partition(|(identity, _)| joined.contains_key(identity));
    conversations::insert_many(tx.conn, begun)?;
    tell_begun(tx, EventType::ContactCreated, new.into_iter().map(|(_, key)| key).collect())?;
    tell_begun(tx, EventType::ContactUpdated, known.into_iter().map(|(_, key)| key).collect())?;
    ask_for_names(tx, &nameless)
}

/// A number that now comes with another lasting id belongs to this customer now.
fn free_phones(tx: &mut Tx<'_>, new: &[(Key, StoredIdentity, String)]) -> Result<(), Failure> {
    let new: Vec<_> = new.iter().map(|(_, one, _)| one).collect();
    for (workspace, loser) in contacts::free_phones(tx.conn, &new)? {
        tell_changed(tx, workspace, loser)?;
    }
    Ok(())
}

/// The name to show of a customer: the best that the provider gives.
fn display_name(sender: &Sender) -> String {
    let name = sender.name.clone().filter(|name| !name.trim().is_empty());
    name.or_else(|| sender.username.as_ref().map(|username| format!("@{username}")))
        .or_else(|| sender.phone.as_ref().map(|phone| format!("+{phone}")))
        .unwrap_or_else(|| {
            // Messenger tells no name; the end of the id tells two customers apart.
            let digits: Vec<char> = sender.external_id.chars().collect();
            let end: String = digits[digits.len().saturating_sub(4)..].iter().collect();
            format!("Customer {end}")
        })
}

/// A customer has a new number or a new id: it stays the same contact. Where the new one is
/// somebody's already, nothing is merged.
fn change_identities(tx: &mut Tx<'_>, deliveries: &[Delivery]) -> Result<Vec<Changed>, Failure> {
    let mut changed = Vec::new();
    for delivery in deliveries {
        for event in &delivery.events {
            if let InboundKind::IdentityChange(change) = &event.what {
                changed.extend(change_identity(tx, delivery, change)?);
            }
        }
    }
    Ok(changed)
}

/// Answers what is to be noted in the thread, if there is one.
fn change_identity(
    tx: &mut Tx<'_>,
    delivery: &Delivery,
    change: &IdentityChange,
) -> Result<Option<Changed>, Failure> {
    let (workspace, channel) = (delivery.workspace_id, delivery.channel_id);
    let Some(mut identity) = contacts::by_old_id(tx.conn, workspace, channel, change.old.clone())? else {
        return Ok(None);
    };
    // The same news may come twice at once: only one of them finds something to change.
    if contacts::lock_identity(tx.conn, workspace, identity.id)?.as_ref() != Some(&identity) {
        return Err(StoreError::overtaken().into());
    }
    let before = identity.clone();
    for new in [&change.new_phone, &change.new_external_id].into_iter().flatten() {
        let other = contacts::by_old_id(tx.conn, workspace, channel, new.clone())?;
        if other.is_some_and(|other| other.id != identity.id) {
            return Ok(None);
        }
    }
    if let Some(phone) = &change.new_phone {
        if identity.phone.as_ref() == Some(&identity.external_id) {
            identity.external_id.clone_from(phone);
        }
        identity.phone = Some(phone.clone());
    }
    if let Some(id) = &change.new_external_id {
        identity.external_id.clone_from(id);
    }
    if identity == before {
        return Ok(None);
    }
    let contact = renew_identity(tx, &identity)?;
    tell_changed(tx, workspace, contact)?;
    let event = if identity.phone == before.phone {
        SystemEvent::new(SystemEventType::IdentityChanged)
    } else {
        SystemEvent {
            from: before.phone,
            to: identity.phone,
            ..SystemEvent::new(SystemEventType::NumberChanged)
        }
    };
    let changed = |conversation_id| Changed { workspace_id: workspace, conversation_id, event };
    Ok(identity.conversation_id.map(changed))
}

/// Tells of contacts that are on their first channel now: new ones, or such as were made before they wrote.
fn tell_begun(
    tx: &mut Tx<'_>,
    event_type: EventType,
    keys: Vec<(WorkspaceId, ContactId)>,
) -> Result<(), Failure> {
    if keys.is_empty() {
        return Ok(());
    }
    for (workspace, contact) in contacts::shapes(tx.conn, keys)? {
        let actor = EventActor::contact(contact.id.0, contact.name.clone());
        // Nobody holds the conversation that began with it.
        let begun = contact.identities.iter().map(|identity| identity.channel_id);
        let facts = |channel| Facts { channel, assignee: None, division: None };
        let before = (event_type == EventType::ContactUpdated).then(Vec::new);
        let sight = ContactSight { before, after: Some(begun.map(facts).collect()) };
        tell_contact(tx, workspace, &contact, event_type, sight, &actor);
    }
    Ok(())
}

/// Messenger's webhooks tell no names: they are asked for, each once.
fn ask_for_names(tx: &mut Tx<'_>, nameless: &[(WorkspaceId, ChannelId, IdentityId)]) -> Result<(), Failure> {
    let now = tx.now;
    for (workspace_id, channel_id, identity_id) in nameless.iter().copied() {
        let job = ChannelJob {
            workspace_id,
            id: tx.id(),
            kind: ChannelJobKind::FetchProfile,
            lane: identity_id.0,
            channel_id,
            subject_id: identity_id.0,
            attempts: 0,
        };
        jobs::enqueue_channel_job(tx.conn, job, now)?;
        tx.has_jobs();
    }
    Ok(())
}
