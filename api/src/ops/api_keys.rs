//! Keys of programs.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::access::{Caller, KeyScope, ManageApiKeys};
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::id::{AgentId, ApiKeyId, ChannelId};
use domain::input;
use domain::refusal::{Code, Refusal};
use domain::resource::{ApiKey, EventActor};
use domain::time::Timestamp;
use persistence::api_keys::{self, NewApiKey};
use persistence::error::Failure;
use persistence::{agents, channels};

use super::team_rights;
use super::transaction::{Administration, Tx};
use crate::auth::api_key::FreshKey;

/// The most channels that a key can be limited to.
pub const CHANNELS_MAX: usize = 100;
/// How far ahead the end of a key may lie, in days: five years. Further is meant to be never.
const LIFETIME_MAX_DAYS: i64 = 5 * 366;

/// A key to be made, in the caller's words.
#[derive(Debug, Clone)]
pub struct ApiKeyDraft {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
    /// In whose name it acts; its maker's unless said otherwise.
    pub agent_id: Option<AgentId>,
    /// The only channels that exist for it.
    pub channel_ids: Option<Vec<ChannelId>>,
    /// When it runs out.
    pub expires_at: Option<Timestamp>,
}

/// Makes a key. Answers it with its text, which is stored nowhere.
///
/// # Errors
/// `validation_failed`, `forbidden`.
pub fn create(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageApiKeys>,
    draft: &ApiKeyDraft,
) -> Result<(ApiKey, String), Failure> {
    let (actor, id, now) = (caller.actor(), tx.id(), tx.now);
    let workspace = actor.workspace_id;
    let name = input::name("/name", &draft.name)?;
    let scopes = distinct("/scopes", &draft.scopes)?;
    check_end(draft.expires_at, now)?;
    let only_channels = match &draft.channel_ids {
        Some(ids) => Some(existing_channels(tx, caller, ids)?),
        None => None,
    };
    team_rights::confirm(tx, caller)?;
    let agent_id = draft.agent_id.unwrap_or(actor.agent_id);
    if !agents::lock_candidate(tx.conn, workspace, agent_id)?.is_some_and(|member| member.active) {
        let detail = "must be a member of the team who has joined and not left";
        return Err(Refusal::invalid("/agent_id", "unknown", detail).into());
    }
    let fresh = FreshKey::make(workspace, id);
    let new = NewApiKey {
        id,
        agent_id,
        created_by: actor.agent_id,
        name,
        secret_hash: fresh.secret_hash,
        ends_with: fresh.ends_with,
        scopes: scopes.into_iter().collect(),
        channels: only_channels,
        expires_at: draft.expires_at,
        created_at: now,
    };
    api_keys::insert(tx.conn, workspace, new)?;
    let api_key = api_keys::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    tx.administer(Administration {
        workspace_id: workspace,
        event_type: EventType::ApiKeyCreated,
        audience: Audience::Admins,
        actor: &EventActor::from(actor),
        action: AuditAction::Created,
        before: None,
        after: Some(&api_key),
    });
    Ok((api_key, fresh.text))
}

/// Ends a key. Ending it twice is no error.
///
/// # Errors
/// `not_found`, `forbidden`.
pub fn delete(tx: &mut Tx<'_>, caller: &Caller<ManageApiKeys>, id: ApiKeyId) -> Result<(), Failure> {
    let (actor, now) = (caller.actor(), tx.now);
    let workspace = actor.workspace_id;
    team_rights::confirm(tx, caller)?;
    let api_key = api_keys::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    if api_keys::revoke(tx.conn, workspace, id, now)? {
        tx.administer(Administration {
            workspace_id: workspace,
            event_type: EventType::ApiKeyDeleted,
            audience: Audience::Admins,
            actor: &EventActor::from(actor),
            action: AuditAction::Deleted,
            before: Some(&api_key),
            after: None,
        });
    }
    Ok(())
}

/// At least one, and none of them twice.
fn distinct<T: Copy + Ord>(pointer: &str, list: &[T]) -> Result<BTreeSet<T>, Refusal> {
    let mut set = BTreeSet::new();
    for (position, one) in list.iter().enumerate() {
        if !set.insert(*one) {
            return Err(Refusal::invalid(format!("{pointer}/{position}"), "repeated", "is there already"));
        }
    }
    if set.is_empty() { Err(Refusal::invalid(pointer, "required", "must not be empty")) } else { Ok(set) }
}

fn existing_channels(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageApiKeys>,
    ids: &[ChannelId],
) -> Result<Vec<ChannelId>, Failure> {
    if ids.len() > CHANNELS_MAX {
        let detail = format!("must be at most {CHANNELS_MAX}");
        return Err(Refusal::invalid("/channel_ids", "too_many", detail).into());
    }
    distinct("/channel_ids", ids)?;
    let found = channels::lock_existing(tx.conn, caller.actor().workspace_id, ids.to_vec())?;
    match ids.iter().position(|id| !found.contains(id)) {
        Some(position) => {
            let pointer = format!("/channel_ids/{position}");
            Err(Refusal::invalid(pointer, "unknown", "there is no such channel").into())
        }
        None => Ok(found),
    }
}

fn check_end(end: Option<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
    let latest = now.plus(TimeDelta::days(LIFETIME_MAX_DAYS));
    match end {
        Some(end) if end <= now || end > latest => {
            let detail = "must be in the future and at most five years ahead";
            Err(Refusal::invalid("/expires_at", "range", detail))
        }
        _ => Ok(()),
    }
}
