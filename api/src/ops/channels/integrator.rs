//! What only channels of integrators have: a callback, and the secret that signs what it is handed.

use chrono::TimeDelta;
use domain::access::{Caller, ManageChannels};
use domain::channel::ChannelKind;
use domain::id::{ChannelId, WorkspaceId};
use domain::refusal::{Code, Refusal};
use domain::resource::Channel;
use persistence::channels::{self, StoredChannel};
use persistence::error::Failure;
use serde_json::json;

use super::secrets::{ChannelSecrets, open, seal};
use super::{ChannelPatch, repair, save, shape_for};
use crate::ops::precondition::expect_version;
use crate::ops::transaction::Tx;
use crate::ops::webhooks::checked_url;
use crate::state::App;
use crate::webhooks::signature::SigningSecret;

/// Gives a channel of an integrator a new signing secret. The one before signs too for a while. Answers the channel and the
/// new secret, which is shown nowhere else.
///
/// # Errors
/// `not_found`, `version_mismatch`; `validation_failed` for a channel of another kind.
pub fn rotate_secret(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageChannels>,
    id: ChannelId,
    expected_version: Option<i64>,
) -> Result<(Channel, SigningSecret), Failure> {
    let actor = caller.actor();
    caller.on_channel(id)?;
    let mut channel = channels::lock(tx.conn, actor.workspace_id, id)?.ok_or(Code::NotFound)?;
    expect_version(expected_version, channel.version)?;
    let before = shape_for(app, channel.clone(), actor);
    let ChannelSecrets::Api { signing } = open(app, &channel)? else {
        return Err(not_of_an_integrator(channel.kind).into());
    };
    let overlap = TimeDelta::from_std(app.settings.times.webhook_secret_overlap).unwrap_or(TimeDelta::MAX);
    let signing = signing.rotated(tx.now.plus(overlap));
    let secret = signing.current.clone();
    seal(app, &mut channel, &ChannelSecrets::Api { signing })?;
    repair(tx, &mut channel);
    Ok((save(app, tx, actor, channel, &before)?, secret))
}

/// Sets another callback. False if it is the same as before, or nothing is said of it.
pub(super) fn redirect(
    app: &App,
    channel: &mut StoredChannel,
    patch: &ChannelPatch,
) -> Result<bool, Refusal> {
    let Some(callback) = &patch.callback_url else { return Ok(false) };
    if channel.kind != ChannelKind::Api {
        let detail = format!("a {} channel has no callback", channel.kind);
        return Err(Refusal::invalid("/callback_url", "kind", detail));
    }
    let callback = callback.as_deref().map(|url| checked_callback(app, url)).transpose()?;
    let changed = callback_url(channel) != callback.as_deref();
    channel.config["callback_url"] = json!(callback);
    Ok(changed)
}

/// A callback that may be called, as far as it can be seen without resolving it.
pub(super) fn checked_callback(app: &App, url: &str) -> Result<String, Refusal> {
    checked_url(app, "/callback_url", url)
}

/// Where what is written to the customers of a channel is handed over, if the channel has a callback.
#[must_use]
pub fn callback_url(channel: &StoredChannel) -> Option<&str> {
    channel.config["callback_url"].as_str()
}

/// Whether anybody is called about what the team writes on a channel: a provider, or the callback of an integrator. Where
/// nobody is, the integrator follows the events.
pub(in crate::ops) fn is_called(
    tx: &mut Tx<'_>,
    (workspace, id, kind): (WorkspaceId, ChannelId, ChannelKind),
) -> Result<bool, Failure> {
    if kind != ChannelKind::Api {
        return Ok(true);
    }
    let channel = channels::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    Ok(callback_url(&channel).is_some())
}

/// Says that only channels of integrators have what was asked for.
pub(in crate::ops) fn not_of_an_integrator(kind: ChannelKind) -> Refusal {
    Refusal::invalid("?channel_id", "not_supported", format!("a {kind} channel is served by its provider"))
}
