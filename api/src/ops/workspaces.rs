//! Tenants.

use domain::agent::{PresenceMode, Role};
use domain::input;
use domain::refusal::{Code, Refusal};
use domain::resource::{Agent, Workspace};
use persistence::error::{Failure, StoreError};
use persistence::workspaces;

use super::agents::{self, AgentDraft};
use super::transaction::Tx;
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
        timezone: timezone(draft.timezone.as_deref().unwrap_or(DEFAULT_TIMEZONE))?,
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
    };
    workspaces::insert(tx.conn, &workspace).map_err(|error| match error {
        StoreError::Taken(_) => Failure::from(Code::SlugTaken),
        other => other.into(),
    })?;
    let agent = agents::create(tx, workspace.id, &admin, &EventActor::operator())?;
    Ok((workspace, agent))
}

/// Names of the IANA database look like this; reports, which need the rules of a zone, check it
/// against the database itself.
fn timezone(text: &str) -> Result<String, Refusal> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte))
        && text.as_bytes()[0].is_ascii_uppercase();
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Refusal::invalid("/timezone", "timezone", "must be a name of the IANA time zone database"))
    }
}
