//! Connected accounts.

mod integrator;
mod secrets;

use domain::access::{Caller, ManageChannels};
use domain::actor::Actor;
use domain::agent::Role;
use domain::audit::AuditAction;
use domain::channel::{ChannelKind, ChannelState};
use domain::event::{Audience, EventType};
use domain::id::ChannelId;
use domain::refusal::Code;
use domain::resource::{Channel, ChannelStatus};
use persistence::channels::{self, StoredChannel};
use persistence::error::{Failure, StoreError};
use serde_json::{Value, json};

use self::secrets::{replaced, seal};
use super::precondition::expect_version;
use super::transaction::{Administration, Change, Tx};
use crate::state::App;
use domain::resource::EventActor;

pub use self::integrator::{callback_url, rotate_secret};
use self::integrator::{checked_callback, redirect};
pub(super) use self::integrator::{is_called, not_of_an_integrator};
pub use self::secrets::{ChannelSecrets, open};

/// A channel to be connected.
#[derive(Clone)]
pub struct ChannelDraft {
    /// Its name in the team.
    pub name: String,
    /// What kind of account.
    pub kind: ChannelKind,
    /// The account at the provider; a channel without one goes by its own id.
    pub external_id: Option<String>,
    /// What else may be shown of the account.
    pub account: Value,
    /// Where what is written to its customers is handed over, of a channel of an integrator.
    pub callback_url: Option<String>,
    /// The rest.
    pub secrets: ChannelSecrets,
}

/// What is to be changed of a channel; `None` stays.
#[derive(Clone, Default)]
pub struct ChannelPatch {
    /// Its name.
    pub name: Option<String>,
    /// New secrets, by name. A channel that needed attention is tried again.
    pub secrets: Vec<(&'static str, String)>,
    /// Another callback, or with `Some(None)` none any more. A channel that needed attention is tried again.
    pub callback_url: Option<Option<String>>,
}

/// Connects an account.
///
/// # Errors
/// `channel_exists`; `forbidden` for a program that is limited to other channels.
pub fn create(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageChannels>,
    draft: &ChannelDraft,
) -> Result<Channel, Failure> {
    let actor = caller.actor();
    caller.on_workspace()?;
    let id: ChannelId = tx.id();
    let callback = draft.callback_url.as_deref().map(|url| checked_callback(app, url)).transpose()?;
    let mut channel = StoredChannel {
        workspace_id: actor.workspace_id,
        id,
        kind: draft.kind,
        name: draft.name.clone(),
        external_id: draft.external_id.clone().unwrap_or_else(|| id.to_string()),
        config: json!({ "account": draft.account, "callback_url": callback }),
        secrets: Vec::new(),
        state: ChannelState::Connected,
        state_detail: None,
        agents: Vec::new(),
        policy: None,
        version: 1,
        created_at: tx.now,
    };
    seal(app, &mut channel, &draft.secrets)?;
    channels::insert(tx.conn, channel.clone()).map_err(|error| match error {
        StoreError::Taken(_) => Failure::from(Code::ChannelExists),
        other => other.into(),
    })?;
    let shape = shape_for(app, channel, actor);
    tx.administer(Administration {
        workspace_id: actor.workspace_id,
        event_type: EventType::ChannelCreated,
        audience: Audience::Channel(id),
        actor: &EventActor::from(actor),
        action: AuditAction::Created,
        before: None,
        after: Some(&shape),
    });
    Ok(shape)
}

/// Changes a channel.
///
/// # Errors
/// `not_found`, `version_mismatch`; `validation_failed` for secrets of another kind.
pub fn update(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageChannels>,
    id: ChannelId,
    expected_version: Option<i64>,
    patch: &ChannelPatch,
) -> Result<Channel, Failure> {
    let actor = caller.actor();
    caller.on_channel(id)?;
    let mut channel = channels::lock(tx.conn, actor.workspace_id, id)?.ok_or(Code::NotFound)?;
    expect_version(expected_version, channel.version)?;
    let before = shape_for(app, channel.clone(), actor);
    let old = open(app, &channel)?;
    let secrets = replaced(old.clone(), &channel, &patch.secrets)?;
    let redirected = redirect(app, &mut channel, patch)?;
    let repaired = !patch.secrets.is_empty() || patch.callback_url.is_some();
    let tried_again = repaired && channel.state != ChannelState::Connected;
    let renamed = patch.name.as_ref().is_some_and(|name| *name != channel.name);
    if secrets == old && !tried_again && !renamed && !redirected {
        return Ok(before);
    }
    if let Some(name) = &patch.name {
        channel.name.clone_from(name);
    }
    if !patch.secrets.is_empty() {
        seal(app, &mut channel, &secrets)?;
    }
    if repaired {
        repair(tx, &mut channel);
    }
    save(app, tx, actor, channel, &before)
}

/// Stores a changed channel and tells of it. Answers what it looks like to who changed it.
fn save(
    app: &App,
    tx: &mut Tx<'_>,
    actor: &Actor,
    mut channel: StoredChannel,
    before: &Channel,
) -> Result<Channel, Failure> {
    channels::update(tx.conn, &mut channel)?;
    let shape = shape_for(app, channel, actor);
    tx.administer(Administration {
        workspace_id: actor.workspace_id,
        event_type: EventType::ChannelUpdated,
        audience: Audience::Channel(shape.id),
        actor: &EventActor::from(actor),
        action: AuditAction::Updated,
        before: Some(before),
        after: Some(&shape),
    });
    Ok(shape)
}

/// What is wrong may be so no more: what waits is tried again.
fn repair(tx: &mut Tx<'_>, channel: &mut StoredChannel) {
    channel.state = ChannelState::Connected;
    channel.state_detail = None;
    tx.has_jobs();
}

/// Notes that a channel changed by itself.
pub(super) fn tell_channel(
    app: &App,
    tx: &mut Tx<'_>,
    channel: &StoredChannel,
    event_type: EventType,
    actor: &EventActor,
) {
    let shape = shape(app, channel.clone());
    tx.tell(Change {
        workspace_id: channel.workspace_id,
        event_type,
        audience: Audience::Channel(channel.id),
        conversation_id: None,
        actor,
        data: &shape,
        previous: None,
    });
}

/// How a channel looks to clients.
#[must_use]
pub fn shape(app: &App, channel: StoredChannel) -> Channel {
    let (base, id) = (&app.settings.public_url, channel.id);
    let webhook_url = match channel.kind {
        ChannelKind::Api => format!("{base}/v1/channels/{id}/inbound"),
        kind => format!("{base}/hooks/{kind}/{id}"),
    };
    Channel {
        id: channel.id,
        kind: channel.kind,
        name: channel.name,
        external_id: channel.external_id,
        account: channel.config["account"].clone(),
        status: ChannelStatus { state: channel.state, detail: channel.state_detail },
        webhook_url,
        callback_url: None,
        capabilities: channel.kind.capabilities(),
        agents: channel.agents,
        policy: channel.policy,
        secrets: None,
        version: channel.version,
        created_at: channel.created_at,
    }
}

/// The same with the callback and the secrets' last characters: for admins who ask, never in events.
#[must_use]
pub fn shape_for(app: &App, channel: StoredChannel, reader: &Actor) -> Channel {
    if reader.role != Role::Admin {
        return shape(app, channel);
    }
    let hints = serde_json::from_value(channel.config["secrets"].clone()).unwrap_or_default();
    let callback_url = callback_url(&channel).map(ToOwned::to_owned);
    Channel { secrets: Some(hints), callback_url, ..shape(app, channel) }
}
