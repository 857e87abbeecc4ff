//! Tokens that are mailed to a member and used once.

use chrono::TimeDelta;
use domain::id::{AgentId, WorkspaceId};
use domain::one_time_token::TokenPurpose;
use domain::refusal::Code;
use persistence::accounts::{self, Account};
use persistence::error::Failure;
use persistence::jobs::{self, MailJob};
use persistence::one_time_tokens::{self, NewToken};

use super::transaction::Tx;
use crate::auth::one_time_token::OneTimeToken;
use crate::mail::MailConfigured;

/// Gives out a token and enqueues the mail that brings it. Older ones of the purpose are void from now
/// on. With `pause`, nothing happens if the last one was given out more recently.
///
/// # Errors
/// Only those of the database.
pub(super) fn give_out(
    tx: &mut Tx<'_>,
    mail: MailConfigured,
    workspace: WorkspaceId,
    agent: AgentId,
    purpose: TokenPurpose,
    pause: Option<TimeDelta>,
) -> Result<(), Failure> {
    let now = tx.now;
    let expires_at = now.plus(mail.lifetime(purpose));
    let token = NewToken { workspace_id: workspace, id: tx.id(), agent_id: agent, purpose, expires_at };
    if one_time_tokens::put(tx.conn, token, now, pause.map(|pause| now.plus(-pause)))? {
        let job = MailJob { workspace_id: workspace, id: tx.id(), token_id: token.id, attempts: 0 };
        jobs::enqueue_mail(tx.conn, job, now)?;
        tx.has_jobs();
    }
    Ok(())
}

/// Uses a token up. Answers whose it is, with the account locked for change.
///
/// # Errors
/// `invalid_one_time_token` if it is used, void or too old, or its member has left or is not where the
/// purpose needs it: an invitation is for who has no password, a reset for who has one.
pub(super) fn use_up(tx: &mut Tx<'_>, token: OneTimeToken) -> Result<(AgentId, Account), Failure> {
    let now = tx.now;
    let agent = one_time_tokens::use_up(tx.conn, token.workspace_id, token.id, token.purpose, now)?
        .ok_or(Code::InvalidOneTimeToken)?;
    let fits = |account: &Account| {
        let invited = account.password_hash.is_none();
        account.active && invited == (token.purpose == TokenPurpose::Invitation)
    };
    let account = accounts::lock_for_change(tx.conn, token.workspace_id, agent)?.filter(fits);
    Ok((agent, account.ok_or(Code::InvalidOneTimeToken)?))
}
