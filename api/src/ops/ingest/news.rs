//! What providers tell of messages that are here already, of customers, and of channels.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::channel::ChannelKind;
use domain::event::{Audience, EventType, Sight};
use domain::id::{ChannelId, ConversationId, MessageId, WorkspaceId};
use domain::inbound::{InboundKind, InboundStatus, ProviderError};
use domain::message::{Direction, MessageStatus};
use domain::resource::MessageError;
use domain::time::Timestamp;
use persistence::error::Failure;
use persistence::messages::{self, Progress};
use persistence::{channels as stored_channels, contacts};

use super::Delivery;
use super::messages::Threads;
use super::people::People;
use crate::channels::errors;
use crate::ops::channels::tell_channel;
use crate::ops::contacts::tell_changed;
use crate::ops::transaction::{Change, Tx};
use crate::state::App;
use domain::resource::EventActor;

/// One step of a message that we sent.
struct Step {
    message: MessageId,
    provider_message_id: Option<String>,
    status: MessageStatus,
    at: Timestamp,
    error: Option<MessageError>,
}

/// Messages that are not as they were.
#[derive(Default)]
struct Touched {
    messages: BTreeSet<(WorkspaceId, MessageId)>,
    /// Those of them whose words changed.
    rewritten: BTreeSet<(WorkspaceId, MessageId)>,
}

/// News of a batch, with the messages that they are about.
pub(super) struct News<'a> {
    deliveries: &'a [Delivery],
    steps: Vec<(WorkspaceId, Step)>,
    conversations: BTreeSet<(WorkspaceId, ConversationId)>,
}

impl<'a> News<'a> {
    /// Finds the messages. What is about a message that nobody knows has no effect.
    pub(super) fn gather(
        tx: &mut Tx<'_>,
        deliveries: &'a [Delivery],
        people: &People,
    ) -> Result<Self, Failure> {
        let mut news = Self { deliveries, steps: Vec::new(), conversations: BTreeSet::new() };
        news.gather_statuses(tx)?;
        news.gather_watermarks(tx)?;
        news.gather_targets(tx, people)?;
        Ok(news)
    }

    /// The conversations to be locked.
    pub(super) fn conversations(&self) -> impl Iterator<Item = (WorkspaceId, ConversationId)> {
        self.conversations.iter().copied()
    }

    fn statuses(&self) -> impl Iterator<Item = (&'a Delivery, &'a InboundStatus)> + use<'a> {
        self.deliveries.iter().flat_map(|delivery| {
            delivery.events.iter().filter_map(move |event| match &event.what {
                InboundKind::Status(status) => Some((delivery, &**status)),
                _ => None,
            })
        })
    }

    fn gather_statuses(&mut self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let keys: Vec<_> = self
            .statuses()
            .map(|(delivery, status)| {
                (delivery.workspace_id, delivery.channel_id, status.provider_message_id.clone())
            })
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let by_provider: HashMap<_, _> = messages::by_provider_ids(tx.conn, keys)?
            .into_iter()
            .map(|found| {
                let key = (found.workspace_id, found.channel_id, found.provider_message_id);
                (key, (found.id, found.conversation_id))
            })
            .collect();
        // A status may overtake the answer to our own call: then only our reference tells the message.
        let references: Vec<_> = self
            .statuses()
            .filter_map(|(delivery, status)| Some((delivery.workspace_id, reference(status)?)))
            .collect();
        let by_reference: HashMap<(WorkspaceId, MessageId), Progress> =
            messages::progress(tx.conn, references)?
                .into_iter()
                .map(|progress| ((progress.workspace_id, progress.id), progress))
                .collect();
        for (delivery, status) in self.statuses() {
            let key = (delivery.workspace_id, delivery.channel_id, status.provider_message_id.clone());
            let referred = reference(status)
                .and_then(|id| by_reference.get(&(delivery.workspace_id, id)))
                .filter(|progress| progress.channel_id == delivery.channel_id)
                .map(|progress| (progress.id, progress.conversation_id));
            let named = by_provider.get(&key).copied();
            // A provider's id is its own. An integrator may give one by mistake that another message has.
            let found = match delivery.kind {
                ChannelKind::Api => referred.or(named),
                ChannelKind::WhatsApp | ChannelKind::Messenger | ChannelKind::Telegram => named.or(referred),
            };
            let Some((message, conversation)) = found else { continue };
            self.conversations.insert((delivery.workspace_id, conversation));
            let step = Step {
                message,
                provider_message_id: Some(status.provider_message_id.clone()),
                status: status.status,
                at: status.at,
                error: status.error.as_ref().map(|error| explain(delivery.kind, error)),
            };
            self.steps.push((delivery.workspace_id, step));
        }
        Ok(())
    }

    fn gather_watermarks(&mut self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        for delivery in self.deliveries {
            for event in &delivery.events {
                let InboundKind::Watermark { customer, status, up_to } = &event.what else { continue };
                let read = *status == MessageStatus::Read;
                let (workspace, channel) = (delivery.workspace_id, delivery.channel_id);
                messages::raise_watermark(tx.conn, workspace, channel, customer.clone(), *up_to, read)?;
                for (message, conversation) in
                    messages::sent_up_to(tx.conn, workspace, channel, customer.clone(), *up_to, read)?
                {
                    self.conversations.insert((workspace, conversation));
                    let step =
                        Step { message, provider_message_id: None, status: *status, at: *up_to, error: None };
                    self.steps.push((workspace, step));
                }
            }
        }
        Ok(())
    }

    /// Edits, revocations and reactions name a message whose conversation is to be locked; it is the
    /// sender's own, which `people` has, unless the provider mixes things up.
    fn gather_targets(&mut self, tx: &mut Tx<'_>, people: &People) -> Result<(), Failure> {
        let keys: Vec<_> = targets(self.deliveries).map(|(delivery, target)| key(delivery, target)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let own = people.conversations();
        for found in messages::by_provider_ids(tx.conn, keys)? {
            let thread = (found.workspace_id, found.conversation_id);
            if own.contains(&thread) {
                self.conversations.insert(thread);
            }
        }
        Ok(())
    }

    /// Writes the news down and tells of what changed.
    pub(super) fn apply(self, tx: &mut Tx<'_>, people: &People, threads: &Threads) -> Result<(), Failure> {
        let mut changed: BTreeSet<(WorkspaceId, MessageId)> = self.advance(tx)?;
        let Touched { messages, rewritten } = self.touch(tx, people, threads)?;
        changed.extend(messages);
        self.preferences(tx, people, threads)?;
        if changed.is_empty() {
            return Ok(());
        }
        for (workspace_id, message) in messages::shapes(tx.conn, changed.into_iter().collect())? {
            let Some(conversation) = threads.get(workspace_id, message.conversation_id) else { continue };
            tx.tell(Change {
                workspace_id,
                event_type: EventType::MessageUpdated,
                audience: Audience::Conversation(Sight::unchanged(conversation.facts())),
                conversation_id: Some(message.conversation_id),
                actor: &EventActor::system(),
                data: &message,
                previous: None,
            });
        }
        threads.tell_rewritten(tx, &rewritten)
    }

    fn advance(&self, tx: &mut Tx<'_>) -> Result<BTreeSet<(WorkspaceId, MessageId)>, Failure> {
        let keys: BTreeSet<_> =
            self.steps.iter().map(|(workspace, step)| (*workspace, step.message)).collect();
        if keys.is_empty() {
            return Ok(BTreeSet::new());
        }
        // Read again, now that the conversations are locked. What customers wrote, and notes, have no status.
        let mut progress: BTreeMap<_, _> = messages::progress(tx.conn, keys.into_iter().collect())?
            .into_iter()
            .filter(|progress| progress.direction == Direction::Outbound)
            .map(|progress| ((progress.workspace_id, progress.id), progress))
            .collect();
        let mut changed = BTreeSet::new();
        for (workspace, step) in &self.steps {
            let key = (*workspace, step.message);
            if let Some(progress) = progress.get_mut(&key)
                && take_step(progress, step)
            {
                changed.insert(key);
            }
        }
        let saved: Vec<Progress> = progress
            .into_iter()
            .filter(|(key, _)| changed.contains(key))
            .map(|(_, progress)| progress)
            .collect();
        if !saved.is_empty() {
            messages::save_progress(tx.conn, &saved)?;
        }
        Ok(changed)
    }

    fn touch(&self, tx: &mut Tx<'_>, people: &People, threads: &Threads) -> Result<Touched, Failure> {
        let mut touched = Touched::default();
        let keys: Vec<_> = targets(self.deliveries).map(|(delivery, target)| key(delivery, target)).collect();
        if keys.is_empty() {
            return Ok(touched);
        }
        // Messages of this very batch are here by now.
        let found: HashMap<_, _> = messages::by_provider_ids(tx.conn, keys)?
            .into_iter()
            .filter(|found| threads.get(found.workspace_id, found.conversation_id).is_some())
            .map(|found| ((found.workspace_id, found.channel_id, found.provider_message_id), found.id))
            .collect();
        for delivery in self.deliveries {
            for event in &delivery.events {
                let Some(target) = target(&event.what) else { continue };
                let Some(id) = found.get(&key(delivery, target)) else { continue };
                if touch_one(tx, delivery, people, &event.what, *id)? {
                    let message = (delivery.workspace_id, *id);
                    touched.messages.insert(message);
                    if !matches!(event.what, InboundKind::Reaction { .. }) {
                        touched.rewritten.insert(message);
                    }
                }
            }
        }
        Ok(touched)
    }

    fn preferences(&self, tx: &mut Tx<'_>, people: &People, threads: &Threads) -> Result<(), Failure> {
        for delivery in self.deliveries {
            for event in &delivery.events {
                let InboundKind::MarketingPreference { sender, stopped, at } = &event.what else { continue };
                let Some(person) = people.get(delivery, sender) else { continue };
                let workspace = person.workspace_id;
                // It may have been merged since it was found.
                let conversation = threads.get(workspace, person.conversation_id);
                let contact = conversation.map_or(person.contact_id, |conversation| conversation.contact_id);
                if contacts::set_opted_out(tx.conn, workspace, contact, stopped.then_some(*at))? {
                    tell_changed(tx, workspace, contact)?;
                }
            }
        }
        Ok(())
    }
}

/// News of the channels themselves: shown to admins with the channel. Channels are locked before
/// conversations, everywhere.
pub(super) fn channels(app: &App, tx: &mut Tx<'_>, deliveries: &[Delivery]) -> Result<(), Failure> {
    let mut details: BTreeMap<(WorkspaceId, ChannelId), String> = BTreeMap::new();
    for delivery in deliveries {
        for event in &delivery.events {
            let detail = match &event.what {
                InboundKind::ChannelError { code, detail } => {
                    format!("The provider reports error {code}: {detail}")
                }
                InboundKind::ChannelAlert { event } => format!("The provider reports: {event}"),
                _ => continue,
            };
            details.insert((delivery.workspace_id, delivery.channel_id), detail);
        }
    }
    for ((workspace, id), detail) in details {
        let Some(mut channel) = stored_channels::lock(tx.conn, workspace, id)? else { continue };
        if channel.state_detail.as_ref() != Some(&detail) {
            channel.state_detail = Some(detail);
            stored_channels::update(tx.conn, &mut channel)?;
            tell_channel(app, tx, &channel, EventType::ChannelUpdated, &EventActor::system());
        }
    }
    Ok(())
}

fn take_step(progress: &mut Progress, step: &Step) -> bool {
    let named = step.provider_message_id.as_deref().is_some_and(|id| progress.name(id));
    let Some(status) = progress.status.advance(step.status) else {
        // A status that was passed over still has its time: `delivered` after `read`.
        let before = progress.times;
        if progress.status != MessageStatus::Failed && step.status != MessageStatus::Failed {
            progress.times.note(step.status, step.at);
        }
        return named || progress.times != before;
    };
    progress.status = status;
    progress.times.note(status, step.at);
    progress.error.clone_from(&step.error);
    true
}

fn touch_one(
    tx: &mut Tx<'_>,
    delivery: &Delivery,
    people: &People,
    what: &InboundKind,
    id: MessageId,
) -> Result<bool, Failure> {
    let workspace = delivery.workspace_id;
    Ok(match what {
        InboundKind::Edit(edit) => {
            let words = (edit.message.text.clone(), edit.message.content.to_stored());
            messages::edit(tx.conn, workspace, id, words, edit.edited_at)?
        }
        InboundKind::Revoke { at, .. } => messages::revoke(tx.conn, workspace, id, *at)?,
        InboundKind::Reaction { sender, emoji, at, .. } => match people.get(delivery, sender) {
            Some(person) => messages::react(tx.conn, workspace, id, person.contact_id.0, emoji.clone(), *at)?,
            None => false,
        },
        _ => false,
    })
}

fn targets(deliveries: &[Delivery]) -> impl Iterator<Item = (&Delivery, &str)> {
    deliveries.iter().flat_map(|delivery| {
        delivery.events.iter().filter_map(move |event| Some((delivery, target(&event.what)?)))
    })
}

fn target(what: &InboundKind) -> Option<&str> {
    match what {
        InboundKind::Edit(edit) => Some(&edit.message.provider_message_id),
        InboundKind::Revoke { target, .. } | InboundKind::Reaction { target, .. } => Some(target),
        _ => None,
    }
}

fn key(delivery: &Delivery, provider_message_id: &str) -> (WorkspaceId, ChannelId, String) {
    (delivery.workspace_id, delivery.channel_id, provider_message_id.to_owned())
}

fn reference(status: &InboundStatus) -> Option<MessageId> {
    status.our_reference.as_deref()?.parse().ok()
}

/// Only WhatsApp reports failures after the fact, and integrators, in words of their own.
fn explain(kind: ChannelKind, error: &ProviderError) -> MessageError {
    let failure = match kind {
        ChannelKind::Api => return reported(error),
        ChannelKind::WhatsApp | ChannelKind::Messenger | ChannelKind::Telegram => {
            errors::whatsapp_status(error.clone())
        }
    };
    MessageError {
        code: failure.code.to_owned(),
        provider_code: Some(error.code.clone()),
        detail: failure.detail.to_owned(),
    }
}

fn reported(error: &ProviderError) -> MessageError {
    MessageError {
        code: "delivery_failed".to_owned(),
        provider_code: Some(error.code.clone()),
        detail: error.detail.clone(),
    }
}
