//! Tenants.

use domain::access::{Caller, ManageWorkspace};
use domain::agent::{PresenceMode, Role};
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::input;
use domain::refusal::Code;
use domain::resource::{Agent, Workspace};
use persistence::error::{Failure, StoreError};
use persistence::workspaces;

use super::agents::{self, AgentDraft};
use super::precondition::expect_version;
use super::presence;
use super::team_rights;
use super::transaction::{Administration, Tx};
use domain::resource::EventActor;

/// A tenant to be made, with its first admin.
#[derive(Debug, Clone)]
pub struct WorkspaceDraft {
    /// Its name.
    pub name: String,
    /// Its short name.
    pub slug: String,
    /// Its time zone (IANA).
    pub timezone: Option<String>,
    /// The first admin's name.
    pub admin_name: String,
    /// The first admin's address.
    pub admin_email: String,
    /// The first admin's password, hashed.
    pub admin_password_hash: String,
}

const DEFAULT_TIMEZONE: &str = "Asia/Jakarta";

/// Makes a tenant and its first admin.
///
/// # Errors
/// `validation_failed`, `slug_taken`.
pub fn create(tx: &mut Tx<'_>, draft: &WorkspaceDraft) -> Result<(Workspace, Agent), Failure> {
    let workspace = Workspace {
        id: tx.id(),
        name: input::workspace_name("/name", &draft.name)?,
        slug: input::slug("/slug", &draft.slug)?,
        timezone: input::timezone("/timezone", draft.timezone.as_deref().unwrap_or(DEFAULT_TIMEZONE))?,
        presence: PresenceMode::Connection,
        version: 1,
        created_at: tx.now,
    };
    let admin = AgentDraft {
        name: input::name("/admin/name", &draft.admin_name)?,
        email: input::email("/admin/email", &draft.admin_email)?,
        password_hash: Some(draft.admin_password_hash.clone()),
        role: Role::Admin,
        supervisor_id: None,
        view_all: true,
        max_conversations: None,
    };
    workspaces::insert(tx.conn, &workspace).map_err(|error| match error {
        StoreError::Taken(_) => Failure::from(Code::SlugTaken),
        other => other.into(),
    })?;
    let agent = agents::create(tx, workspace.id, &admin, &EventActor::operator())?;
    Ok((workspace, agent))
}

/// What is to be changed of a tenant; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct WorkspacePatch {
    /// Its name.
    pub name: Option<String>,
    /// Its time zone (IANA).
    pub timezone: Option<String>,
    /// What makes members count as online, beside their own word.
    pub presence: Option<PresenceMode>,
}

/// Changes the caller's workspace. Members who count as online by another presence mode, or no longer
/// do, are told.
///
/// # Errors
/// `forbidden`, `version_mismatch`.
pub fn update(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageWorkspace>,
    expected_version: Option<i64>,
    patch: &WorkspacePatch,
) -> Result<Workspace, Failure> {
    let id = caller.actor().workspace_id;
    let before = workspaces::lock(tx.conn, id)?.ok_or(Code::NotFound)?;
    team_rights::confirm(tx, caller)?;
    expect_version(expected_version, before.version)?;
    let mut after = Workspace {
        name: patch.name.clone().unwrap_or_else(|| before.name.clone()),
        timezone: patch.timezone.clone().unwrap_or_else(|| before.timezone.clone()),
        presence: patch.presence.unwrap_or(before.presence),
        ..before.clone()
    };
    if after == before {
        return Ok(before);
    }
    workspaces::save(tx.conn, &mut after)?;
    let actor = EventActor::from(caller.actor());
    tx.administer(Administration {
        workspace_id: id,
        event_type: EventType::WorkspaceUpdated,
        audience: Audience::Everyone,
        actor: &actor,
        action: AuditAction::Updated,
        before: Some(&before),
        after: Some(&after),
    });
    if after.presence != before.presence {
        presence::mode_changed(tx, id, before.presence, &actor)?;
    }
    Ok(after)
}
