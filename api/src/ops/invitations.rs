//! How members join: invited by mail, with a password of their own.

use domain::audit::AuditAction;
use domain::event::{ActorType, Audience, EventType};
use domain::id::{AgentId, WorkspaceId};
use domain::one_time_token::TokenPurpose;
use domain::refusal::{Code, Refusal};
use domain::resource::{Agent, EventActor};
use persistence::error::Failure;
use persistence::{accounts, agents};

use super::one_time_tokens;
use super::presence::{self, Turn};
use super::sign_in_throttle::{self, Attempt};
use super::transaction::{Administration, Tx};
use crate::auth::one_time_token::OneTimeToken;
use crate::http::client_address::ClientAddress;
use crate::mail::MailConfigured;
use crate::state::App;

/// Invites a member, or invites it again: the link of an earlier invitation is void from now on.
///
/// # Errors
/// `not_found`; `agent_left`; `already_joined` once it has a password.
pub fn invite(
    tx: &mut Tx<'_>,
    mail: MailConfigured,
    workspace: WorkspaceId,
    agent: AgentId,
) -> Result<(), Failure> {
    let account = accounts::lock(tx.conn, workspace, agent)?.ok_or(Code::NotFound)?;
    if !account.active {
        let name = agents::name(tx.conn, workspace, agent)?.unwrap_or_default();
        return Err(Refusal::new(Code::AgentLeft).with("agent", name).into());
    }
    if account.password_hash.is_some() {
        return Err(Code::AlreadyJoined.into());
    }
    one_time_tokens::give_out(tx, mail, workspace, agent, TokenPurpose::Invitation, None)
}

/// What an invited member chose.
#[derive(Clone)]
pub struct Joining {
    /// Its password, hashed.
    pub password_hash: String,
    /// Its name, if not the one that it was invited by.
    pub name: Option<String>,
}

/// An invited member joins.
///
/// # Errors
/// `invalid_one_time_token`.
pub fn accept(
    app: &App,
    tx: &mut Tx<'_>,
    token: OneTimeToken,
    client: ClientAddress,
    joining: &Joining,
) -> Result<Agent, Failure> {
    let (agent_id, account) = one_time_tokens::use_up(tx, token)?;
    let workspace = token.workspace_id;
    let before = agents::get(tx.conn, workspace, agent_id)?.ok_or(Code::InvalidOneTimeToken)?;
    accounts::join(tx.conn, workspace, agent_id, joining.password_hash.clone(), joining.name.clone())?;
    let agent = agents::get(tx.conn, workspace, agent_id)?.ok_or(Code::InvalidOneTimeToken)?;
    presence::changed(tx, workspace, &[Turn::of(Some(&before), &agent)])?;
    let (id, name) = (Some(agent_id.0), Some(agent.name.clone()));
    tx.administer(Administration {
        workspace_id: workspace,
        event_type: EventType::AgentUpdated,
        audience: Audience::Everyone,
        actor: &EventActor { actor_type: ActorType::Agent, id, name, api_key: None },
        action: AuditAction::Updated,
        before: Some(&before),
        after: Some(&agent),
    });
    sign_in_throttle::proved(tx, Attempt::new(&app.keys, &workspace.to_string(), &account.email, client))?;
    Ok(agent)
}
