//! Endpoints of integrators: made and changed by admins, told by [`fan_out()`], and what came of it by [`settle()`].

mod fan_out;
mod settle;

use chrono::TimeDelta;
use domain::access::{Caller, ManageWebhookEndpoints};
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::id::{ChannelId, EventId, WebhookDeliveryId, WebhookEndpointId};
use domain::input;
use domain::refusal::{Code, Refusal};
use domain::resource::{EventActor, WebhookDelivery, WebhookEndpoint};
use domain::time::Timestamp;
use domain::webhook::{DeliveryState, PauseReason};
use persistence::db::keep_plans_by_key;
use persistence::error::{Failure, StoreError};
use persistence::webhooks::endpoints;
use persistence::webhooks::ledger::{self, Again, Redelivered};
use persistence::{channels, events};
use serde_json::Value;

use super::event::{Administered, Body};
use super::precondition::expect_version;
use super::team_rights;
use super::transaction::{Administration, Tx};
use crate::auth::keys::Keys;
use crate::secrets;
use crate::state::App;
use crate::stream::cursor::StreamCursor;
use crate::webhooks::claim;
use crate::webhooks::signature::SigningSecrets;

pub use fan_out::fan_out;
pub use settle::{Call, Outcome, settle};

/// The most endpoints of a workspace.
pub const ENDPOINTS_MAX: usize = 100;
/// The most channels that an endpoint can be limited to.
pub const CHANNELS_MAX: usize = 100;
/// The longest URL, in characters, percent-encoded.
pub const URL_MAX_CHARS: usize = 2000;
/// The longest description, in characters.
pub const DESCRIPTION_MAX_CHARS: usize = 200;
/// The most deliveries that are made again by one call.
pub const REDELIVERED_MAX: i64 = 10_000;

/// What is to be set of an endpoint, in the caller's words; `None` stays as it is, or as it is by default.
#[derive(Debug, Clone, Default)]
pub struct EndpointPatch {
    /// Where events are sent.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<Option<String>>,
    /// The only types of events; empty: all.
    pub event_types: Option<Vec<EventType>>,
    /// The only channels; empty: all.
    pub channel_ids: Option<Vec<ChannelId>>,
    /// Whether anything is sent.
    pub active: Option<bool>,
}

/// Makes an endpoint, which is told what happens from now on. Answers it with its secret, which is shown this once.
///
/// # Errors
/// `validation_failed`, `forbidden`, `too_many_webhook_endpoints`.
pub fn create(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWebhookEndpoints>,
    patch: &EndpointPatch,
) -> Result<(WebhookEndpoint, String), Failure> {
    let (workspace, now) = (caller.actor().workspace_id, tx.now);
    let secrets = SigningSecrets::make();
    let mut endpoint = WebhookEndpoint {
        id: tx.id(),
        url: String::new(),
        description: None,
        event_types: Vec::new(),
        channel_ids: Vec::new(),
        active: true,
        paused_reason: None,
        failing_since: None,
        lost_events: None,
        secret_ends_with: secrets.current.ends_with().to_owned(),
        previous_secret_until: None,
        version: 1,
        created_at: now,
    };
    apply(app, tx, caller, patch, &mut endpoint)?;
    team_rights::confirm(tx, caller)?;
    if endpoints::count(tx.conn, workspace)? >= i64::try_from(ENDPOINTS_MAX).unwrap_or(i64::MAX) {
        return Err(Refusal::new(Code::TooManyWebhookEndpoints).with("max", ENDPOINTS_MAX).into());
    }
    let sealed = seal(&app.keys, endpoint.id, &secrets)?;
    let head = events::head(tx.conn, workspace)?;
    endpoints::insert(tx.conn, workspace, &endpoint, sealed, head)?;
    administer(tx, caller, (EventType::WebhookEndpointCreated, AuditAction::Created), None, Some(&endpoint));
    Ok((endpoint, secrets.current.text().to_owned()))
}

/// Changes an endpoint. One that is set going again is sent what waits, and what happened meanwhile as far as it is kept.
///
/// # Errors
/// `not_found`, `version_mismatch`; as [`create`].
pub fn update(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWebhookEndpoints>,
    id: WebhookEndpointId,
    expected_version: Option<i64>,
    patch: &EndpointPatch,
) -> Result<WebhookEndpoint, Failure> {
    let before = locked(tx, caller, id)?;
    expect_version(expected_version, before.version)?;
    let mut after = before.clone();
    apply(app, tx, caller, patch, &mut after)?;
    if after == before {
        return Ok(before);
    }
    let workspace = caller.actor().workspace_id;
    endpoints::update(tx.conn, workspace, &mut after)?;
    if after.active && !before.active {
        keep_plans_by_key(tx.conn)?;
        ledger::hurry(tx.conn, (workspace, id), None, tx.now, claimed_until(app, tx.now))?;
    }
    let change = (EventType::WebhookEndpointUpdated, AuditAction::Updated);
    administer(tx, caller, change, Some(&before), Some(&after));
    Ok(after)
}

/// Gives an endpoint a new secret, shown this once; the old one signs too for a while.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`.
pub fn rotate_secret(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWebhookEndpoints>,
    id: WebhookEndpointId,
    expected_version: Option<i64>,
) -> Result<(WebhookEndpoint, String), Failure> {
    let workspace = caller.actor().workspace_id;
    let before = locked(tx, caller, id)?;
    expect_version(expected_version, before.version)?;
    let sealed = endpoints::secrets(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    let overlap = TimeDelta::from_std(app.settings.times.webhook_secret_overlap).unwrap_or_default();
    let until = tx.now.plus(overlap);
    // If nobody can read the old one, it signs nothing: the new one is the way out.
    let secrets = open(&app.keys, id, &sealed).map_or_else(SigningSecrets::make, |old| old.rotated(until));
    let mut after = before.clone();
    secrets.current.ends_with().clone_into(&mut after.secret_ends_with);
    after.previous_secret_until = secrets.previous_until(tx.now);
    endpoints::set_secrets(tx.conn, workspace, &mut after, seal(&app.keys, id, &secrets)?)?;
    let change = (EventType::WebhookEndpointUpdated, AuditAction::Updated);
    administer(tx, caller, change, Some(&before), Some(&after));
    Ok((after, secrets.current.text().to_owned()))
}

/// Deletes an endpoint: it is sent nothing more, but for what is on its way.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`.
pub fn delete(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWebhookEndpoints>,
    id: WebhookEndpointId,
    expected_version: Option<i64>,
) -> Result<(), Failure> {
    let before = locked(tx, caller, id)?;
    expect_version(expected_version, before.version)?;
    endpoints::delete(tx.conn, caller.actor().workspace_id, id, tx.now)?;
    let last = WebhookEndpoint { version: before.version + 1, ..before };
    administer(tx, caller, (EventType::WebhookEndpointDeleted, AuditAction::Deleted), Some(&last), None);
    Ok(())
}

/// Has a call made that says nothing but that it is one, also if the endpoint is paused.
///
/// # Errors
/// `not_found`, `forbidden`.
pub fn test(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWebhookEndpoints>,
    id: WebhookEndpointId,
) -> Result<WebhookDelivery, Failure> {
    let (actor, now) = (caller.actor(), tx.now);
    let workspace = actor.workspace_id;
    let endpoint = locked(tx, caller, id)?;
    let seq = events::head(tx.conn, workspace)?;
    let (delivery, event): (WebhookDeliveryId, EventId) = (tx.id(), tx.id());
    let body = Body {
        id: event,
        event_type: EventType::WebhookEndpointTested,
        at: now,
        actor: &EventActor::from(actor),
        conversation_id: None,
        version: endpoint.version,
        data: &endpoint.told(),
        previous: Value::Null,
    };
    let cursor = StreamCursor { epoch: app.epoch, seq, scope: None };
    let body = format!("{{\"cursor\":\"{cursor}\",\"seq\":{seq},{}", body.write());
    ledger::insert_test(tx.conn, (workspace, id), (delivery, event), body, now)?;
    Ok(ledger::get(tx.conn, (workspace, id), delivery)?.ok_or(Code::NotFound)?)
}

/// Has one delivery made again, from the beginning; one that waits for its next attempt has it now, unless that is soon anyway
/// or under way.
///
/// # Errors
/// `not_found`, `forbidden`; `event_expired` if what was sent is no longer kept.
pub fn redeliver(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWebhookEndpoints>,
    id: WebhookEndpointId,
    delivery: WebhookDeliveryId,
) -> Result<WebhookDelivery, Failure> {
    let workspace = caller.actor().workspace_id;
    let now = tx.now;
    locked(tx, caller, id)?;
    let found = ledger::get(tx.conn, (workspace, id), delivery)?.ok_or(Code::NotFound)?;
    if let Some(seq) = found.seq
        && events::numbered(tx.conn, [(workspace, seq)])?.is_empty()
    {
        let oldest = events::oldest(tx.conn, workspace)?;
        return Err(Refusal::new(Code::EventExpired).with("oldest_seq", oldest).into());
    }
    keep_plans_by_key(tx.conn)?;
    if found.state == DeliveryState::Pending {
        ledger::hurry(tx.conn, (workspace, id), Some(delivery), now, claimed_until(app, now))?;
    } else {
        ledger::redeliver(tx.conn, (workspace, id), Again::One(delivery), now)?;
    }
    Ok(ledger::get(tx.conn, (workspace, id), delivery)?.ok_or(Code::NotFound)?)
}

/// Has the deliveries of a range of events made again, the oldest [`REDELIVERED_MAX`] of them. Answers how many, and the number up
/// to which that is all of them.
///
/// # Errors
/// `not_found`, `forbidden`; `event_expired` if the first of the range is no longer kept.
pub fn redeliver_range(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWebhookEndpoints>,
    id: WebhookEndpointId,
    (from_seq, to_seq): (i64, i64),
    failed_only: bool,
) -> Result<(usize, i64), Failure> {
    let workspace = caller.actor().workspace_id;
    locked(tx, caller, id)?;
    let oldest = events::oldest(tx.conn, workspace)?;
    if from_seq < oldest {
        return Err(Refusal::new(Code::EventExpired).with("oldest_seq", oldest).into());
    }
    keep_plans_by_key(tx.conn)?;
    let again = Again::Range { from_seq, to_seq, failed_only, most: REDELIVERED_MAX };
    let Redelivered { count, last_seq } = ledger::redeliver(tx.conn, (workspace, id), again, tx.now)?;
    let all = i64::try_from(count).is_ok_and(|count| count < REDELIVERED_MAX);
    Ok((count, last_seq.filter(|_| !all).unwrap_or(to_seq)))
}

/// The endpoint, locked, by somebody who still may.
fn locked(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWebhookEndpoints>,
    id: WebhookEndpointId,
) -> Result<WebhookEndpoint, Failure> {
    team_rights::confirm(tx, caller)?;
    Ok(endpoints::lock(tx.conn, caller.actor().workspace_id, id)?.ok_or(Code::NotFound)?)
}

fn apply(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWebhookEndpoints>,
    patch: &EndpointPatch,
    endpoint: &mut WebhookEndpoint,
) -> Result<(), Failure> {
    if let Some(url) = &patch.url {
        endpoint.url = checked_url(app, "/url", url)?;
    }
    if let Some(description) = &patch.description {
        endpoint.description = description.as_deref().map(checked_description).transpose()?;
    }
    if let Some(types) = &patch.event_types {
        input::distinct("/event_types", types, EventType::ALL.len())?;
        endpoint.event_types.clone_from(types);
    }
    if let Some(ids) = &patch.channel_ids {
        input::distinct("/channel_ids", ids, CHANNELS_MAX)?;
        let mut found = channels::lock_existing(tx.conn, caller.actor().workspace_id, ids.clone())?;
        if let Some(position) = ids.iter().position(|id| !found.contains(id)) {
            let pointer = format!("/channel_ids/{position}");
            return Err(Refusal::invalid(pointer, "unknown", "there is no such channel").into());
        }
        found.sort_unstable();
        endpoint.channel_ids = found;
    }
    match patch.active {
        Some(true) if !endpoint.active => {
            (endpoint.active, endpoint.paused_reason, endpoint.failing_since) = (true, None, None);
        }
        Some(false) if endpoint.active => {
            (endpoint.active, endpoint.paused_reason) = (false, Some(PauseReason::Admin));
        }
        _ => {}
    }
    Ok(())
}

/// An address that may be called, as far as it can be seen without resolving it.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub(super) fn checked_url(app: &App, pointer: &str, url: &str) -> Result<String, Refusal> {
    let Ok(url) = app.guarded.receiver(url) else {
        let detail = "must be an https address of the public Internet, without user and password; http and private \
                      networks only as TANGGAP_PRIVATE_RANGES_ALLOWED allows";
        return Err(Refusal::invalid(pointer, "not_allowed", detail));
    };
    // As it is stored: ASCII, percent-encoded.
    if url.as_str().len() > URL_MAX_CHARS {
        let detail = format!("must have at most {URL_MAX_CHARS} characters, percent-encoded");
        return Err(Refusal::invalid(pointer, "too_long", detail));
    }
    Ok(url.into())
}

fn checked_description(text: &str) -> Result<String, Refusal> {
    input::message_text("/description", text, DESCRIPTION_MAX_CHARS)?;
    Ok(text.to_owned())
}

fn administer(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWebhookEndpoints>,
    (event_type, action): (EventType, AuditAction),
    before: Option<&WebhookEndpoint>,
    after: Option<&WebhookEndpoint>,
) {
    tx.administer(Administration {
        workspace_id: caller.actor().workspace_id,
        event_type,
        audience: Audience::Admins,
        actor: &EventActor::from(caller.actor()),
        action,
        before,
        after,
    });
}

/// Where the encrypted secrets of an endpoint belong.
fn place(id: WebhookEndpointId) -> [u8; 32] {
    let mut place = *b"webhook endpoint................";
    place[16..].copy_from_slice(id.0.as_bytes());
    place
}

fn seal(keys: &Keys, id: WebhookEndpointId, signing: &SigningSecrets) -> Result<Vec<u8>, Failure> {
    let plain = serde_json::to_vec(signing).map_err(|error| StoreError::internal(error.to_string()))?;
    let sealed = secrets::seal_bytes(&keys.secrets, &place(id), &plain);
    Ok(sealed.ok_or_else(|| StoreError::internal("a signing secret could not be encrypted".to_owned()))?)
}

/// The secrets of an endpoint; `None` if another key encrypted them.
pub fn open(keys: &Keys, id: WebhookEndpointId, sealed: &[u8]) -> Option<SigningSecrets> {
    serde_json::from_slice(&secrets::open_bytes(&keys.secrets, &place(id), sealed)?).ok()
}

/// What is due later than this waits; what is due before may be being tried.
fn claimed_until(app: &App, now: Timestamp) -> Timestamp {
    now.plus(claim(&app.settings.times))
}

/// What a call that says when to pause may not take longer than.
fn pause_after(app: &App) -> TimeDelta {
    TimeDelta::from_std(app.settings.times.webhook_pause_after).unwrap_or(TimeDelta::MAX)
}

/// Nothing more is sent to a locked endpoint until somebody sees to it.
fn pause(
    tx: &mut Tx<'_>,
    (workspace, id): (domain::id::WorkspaceId, WebhookEndpointId),
    reason: PauseReason,
    since: Option<Timestamp>,
) -> Result<(), Failure> {
    let Some(before) = endpoints::lock(tx.conn, workspace, id)?.filter(|endpoint| endpoint.active) else {
        return Ok(());
    };
    let mut after = WebhookEndpoint { active: false, paused_reason: Some(reason), ..before.clone() };
    endpoints::update(tx.conn, workspace, &mut after)?;
    settle::tell_paused(tx, workspace, &before, &after, since)
}
