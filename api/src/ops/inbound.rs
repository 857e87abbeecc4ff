//! What integrators deliver on their own channels.

use std::collections::{BTreeSet, HashMap};

use domain::access::{Caller, DeliverInbound};
use domain::attachment::{AttachmentKind, AttachmentState};
use domain::channel::ChannelKind;
use domain::id::{ChannelId, MessageId, WorkspaceId};
use domain::inbound::{InboundEvent, InboundKind, InboundMessage, InboundStatus, ProviderError};
use domain::message::{Direction, MessageStatus};
use domain::refusal::{Code, FieldError, Refusal};
use domain::resource::{Attachment, Delivered, DeliveredMessage, DeliveredStatus};
use domain::time::Timestamp;
use persistence::error::{Failure, StoreError};
use persistence::messages::{self, Found};
use persistence::{attachments, channels};

use super::channels::not_of_an_integrator;
use super::ingest::{self, Delivery};
use super::transaction::Tx;
use crate::state::App;

/// What happened on an integrator's side, checked as far as it can be without the database.
#[derive(Clone, Default)]
pub struct InboundDraft {
    /// What customers wrote.
    pub messages: Vec<InboundMessage>,
    /// What became of messages of the team.
    pub statuses: Vec<StatusDraft>,
}

/// What became of a message of the team. At least one of the ids is there.
#[derive(Clone)]
pub struct StatusDraft {
    /// The message, by our id: this one counts where both are there.
    pub message_id: Option<MessageId>,
    /// The message, by the integrator's.
    pub external_id: Option<String>,
    /// How far it has come.
    pub status: MessageStatus,
    /// When.
    pub at: Timestamp,
    /// Why it failed.
    pub error: Option<ProviderError>,
}

/// Stores it, as what providers' webhooks say is stored. What was there before changes nothing.
///
/// # Errors
/// `not_found`; `validation_failed` for a channel of another kind, files that cannot be had, and ids that something else has.
pub fn deliver(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<DeliverInbound>,
    id: ChannelId,
    draft: &InboundDraft,
) -> Result<Delivered, Failure> {
    let workspace = caller.actor().workspace_id;
    caller.on_channel(id)?;
    let channel = channels::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    if channel.kind != ChannelKind::Api {
        return Err(not_of_an_integrator(channel.kind).into());
    }
    check_uploads(tx, caller, id, draft)?;
    check_status_names(tx, (workspace, id), draft)?;
    let stored =
        ingest::store(app, tx, &[delivery(workspace, id, draft)]).map_err(|failure| match failure {
            Failure::Store(StoreError::Taken(index)) if index == "messages_by_provider_id" => {
                Refusal::invalid("/statuses", "taken", "two messages cannot have one external_id").into()
            }
            other => other,
        })?;
    Ok(Delivered {
        messages: delivered_messages(tx, (workspace, id), draft, &stored)?,
        statuses: delivered_statuses(tx, (workspace, id), draft)?,
    })
}

fn delivery(workspace_id: WorkspaceId, channel_id: ChannelId, draft: &InboundDraft) -> Delivery {
    // A number is one customer's: of several who have it, whoever named it last.
    let owners: HashMap<&str, &str> = draft
        .messages
        .iter()
        .filter_map(|message| Some((message.sender.phone.as_deref()?, message.sender.external_id.as_str())))
        .collect();
    let messages = draft.messages.iter().map(|message| {
        let mut message = message.clone();
        let owned = |phone: &String| owners.get(phone.as_str()) == Some(&message.sender.external_id.as_str());
        message.sender.phone = message.sender.phone.take().filter(owned);
        InboundKind::Message(Box::new(message))
    });
    let statuses = draft.statuses.iter().map(|status| {
        let ours = status.message_id.map(|id| id.to_string());
        InboundKind::Status(Box::new(InboundStatus {
            // A message to which the integrator gives no name goes by ours.
            provider_message_id: status.external_id.clone().or(ours.clone()).unwrap_or_default(),
            our_reference: ours,
            status: status.status,
            at: status.at,
            error: status.error.clone(),
        }))
    });
    let account = channel_id.to_string();
    let events = messages.chain(statuses).map(|what| InboundEvent { account: account.clone(), what });
    Delivery { workspace_id, channel_id, kind: ChannelKind::Api, events: events.collect() }
}

/// Refuses files that are not the caller's to send. Those of messages that are here already were looked at then.
fn check_uploads(
    tx: &mut Tx<'_>,
    caller: &Caller<DeliverInbound>,
    channel: ChannelId,
    draft: &InboundDraft,
) -> Result<(), Failure> {
    let (workspace, owner) = (caller.actor().workspace_id, caller.actor().agent_id);
    let ids: Vec<_> = draft.messages.iter().filter_map(|message| message.upload).collect();
    if ids.is_empty() {
        return Ok(());
    }
    // The files first: a message that another call stores between the two looks is then seen by the second one.
    let files: HashMap<_, Attachment> = attachments::find_many(tx.conn, workspace, ids)?
        .into_iter()
        .map(|found| (found.attachment.id, found.attachment))
        .collect();
    let known = by_names(tx, (workspace, channel), names(draft))?;
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for (at, message) in draft.messages.iter().enumerate() {
        let Some(id) = message.upload.filter(|_| !known.contains_key(&message.provider_message_id)) else {
            continue;
        };
        let file = files
            .get(&id)
            .filter(|file| file.uploaded_by == Some(owner) && file.state == AttachmentState::Stored);
        let problem = match file {
            None => Some(("unknown", "must be a file that you have uploaded")),
            Some(file) if file.message_id.is_some() || !used.insert(id) => {
                Some(("already_sent", "was sent already; upload it again"))
            }
            Some(file) if AttachmentKind::of(message.kind) != Some(file.kind) => {
                Some(("wrong_kind", "was uploaded as another kind"))
            }
            Some(_) => None,
        };
        let error = |(code, detail): (&'static str, &str)| FieldError {
            pointer: format!("/messages/{at}/attachment_id"),
            code,
            detail: detail.to_owned(),
        };
        wrong.extend(problem.map(error));
    }
    refuse(wrong)
}

/// Refuses ids for messages that other messages have.
fn check_status_names(
    tx: &mut Tx<'_>,
    place: (WorkspaceId, ChannelId),
    draft: &InboundDraft,
) -> Result<(), Failure> {
    let both = |status: &StatusDraft| Some((status.message_id?, status.external_id.clone()?));
    let named = by_names(tx, place, draft.statuses.iter().filter_map(both).map(|(_, name)| name).collect())?;
    let taken = |(at, status): (usize, &StatusDraft)| {
        let (id, name) = both(status)?;
        named.get(&name).filter(|found| found.id != id).map(|_| FieldError {
            pointer: format!("/statuses/{at}/external_id"),
            code: "taken",
            detail: "another message has this id".to_owned(),
        })
    };
    refuse(draft.statuses.iter().enumerate().filter_map(taken).collect())
}

fn refuse(errors: Vec<FieldError>) -> Result<(), Failure> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Refusal { errors, ..Refusal::new(Code::ValidationFailed) }.into())
}

fn names(draft: &InboundDraft) -> BTreeSet<String> {
    draft.messages.iter().map(|message| message.provider_message_id.clone()).collect()
}

fn by_names(
    tx: &mut Tx<'_>,
    (workspace, channel): (WorkspaceId, ChannelId),
    names: BTreeSet<String>,
) -> Result<HashMap<String, Found>, Failure> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let keys = names.into_iter().map(|name| (workspace, channel, name)).collect();
    let found = messages::by_provider_ids(tx.conn, keys)?.into_iter();
    Ok(found.map(|found| (found.provider_message_id.clone(), found)).collect())
}

fn delivered_messages(
    tx: &mut Tx<'_>,
    place: (WorkspaceId, ChannelId),
    draft: &InboundDraft,
    stored: &BTreeSet<MessageId>,
) -> Result<Vec<DeliveredMessage>, Failure> {
    let found = by_names(tx, place, names(draft))?;
    let (mut delivered, mut wrong, mut told) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (at, message) in draft.messages.iter().enumerate() {
        let external_id = message.provider_message_id.clone();
        match found.get(&external_id) {
            Some(found) if found.is_inbound => delivered.push(DeliveredMessage {
                external_id,
                message_id: found.id,
                conversation_id: found.conversation_id,
                // What comes twice in one delivery is new once.
                created: stored.contains(&found.id) && told.insert(found.id),
            }),
            _ => wrong.push(FieldError {
                pointer: format!("/messages/{at}/external_id"),
                code: "taken",
                detail: "a message of the team has this id".to_owned(),
            }),
        }
    }
    refuse(wrong)?;
    Ok(delivered)
}

fn delivered_statuses(
    tx: &mut Tx<'_>,
    place: (WorkspaceId, ChannelId),
    draft: &InboundDraft,
) -> Result<Vec<DeliveredStatus>, Failure> {
    let external = draft.statuses.iter().filter_map(|status| status.external_id.clone()).collect();
    let named = by_names(tx, place, external)?;
    let message_of = |status: &StatusDraft| {
        let named = || status.external_id.as_ref().and_then(|name| named.get(name));
        status.message_id.or_else(|| named().map(|found| found.id))
    };
    let keys: BTreeSet<_> = draft.statuses.iter().filter_map(message_of).map(|id| (place.0, id)).collect();
    let progress: HashMap<_, _> = messages::progress(tx.conn, keys.into_iter().collect())?
        .into_iter()
        .filter(|progress| progress.channel_id == place.1 && progress.direction == Direction::Outbound)
        .map(|progress| (progress.id, progress))
        .collect();
    let delivered = draft.statuses.iter().map(|status| {
        let found = message_of(status).and_then(|id| progress.get(&id));
        DeliveredStatus {
            message_id: found.map(|found| found.id),
            conversation_id: found.map(|found| found.conversation_id),
            status: found.map(|found| found.status),
        }
    });
    Ok(delivered.collect())
}
