//! Signing in and out, and the exchange of refresh tokens.

use chrono::TimeDelta;
use domain::id::{AgentId, SignInId, WorkspaceId};
use domain::refusal::Code;
use persistence::accounts::{self, Login};
use persistence::error::Failure;
use persistence::sign_ins;

use super::transaction::Tx;
use crate::auth::refresh_token::RefreshToken;

/// Begins a sign-in: its first refresh token.
///
/// # Errors
/// Only those of the database.
pub fn begin(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    agent: AgentId,
    lifetime: TimeDelta,
) -> Result<RefreshToken, Failure> {
    let id: SignInId = tx.id();
    let now = tx.now;
    sign_ins::insert(tx.conn, workspace, id, agent, now.plus(lifetime), now)?;
    Ok(RefreshToken { workspace_id: workspace, sign_in_id: id, generation: 1 })
}

/// Begins a sign-in of a member whose password was found right just now.
///
/// # Errors
/// `invalid_credentials` if it got another password since, or left.
pub fn begin_checked(tx: &mut Tx<'_>, login: &Login, lifetime: TimeDelta) -> Result<RefreshToken, Failure> {
    let account = accounts::lock(tx.conn, login.workspace_id, login.agent_id)?;
    account
        .filter(|account| account.active && account.password_hash == login.password_hash)
        .ok_or(Code::InvalidCredentials)?;
    begin(tx, login.workspace_id, login.agent_id, lifetime)
}

/// What came of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// The successor of the token.
    Successor {
        /// The token.
        token: RefreshToken,
        /// Whose it is.
        agent_id: AgentId,
    },
    /// The token had been exchanged before and longer ago than a lost answer explains: somebody else
    /// may have it, so the sign-in has been ended. This is an outcome, not a refusal: it must be
    /// committed.
    Reused,
}

/// Exchanges a refresh token for its successor. Of several exchanges at once each gets the same one.
///
/// # Errors
/// `invalid_refresh_token` if the sign-in is unknown or has ended.
pub fn exchange(
    tx: &mut Tx<'_>,
    token: RefreshToken,
    lifetime: TimeDelta,
    grace: TimeDelta,
) -> Result<Exchange, Failure> {
    let now = tx.now;
    let sign_in = sign_ins::lock(tx.conn, token.workspace_id, token.sign_in_id)?
        .filter(|sign_in| sign_in.revoked_at.is_none() && sign_in.expires_at > now)
        .ok_or(Code::InvalidRefreshToken)?;
    let successor = |generation| Exchange::Successor {
        token: RefreshToken { generation, ..token },
        agent_id: sign_in.agent_id,
    };
    if token.generation == sign_in.generation {
        let next = sign_in.generation + 1;
        sign_ins::rotate(tx.conn, token.workspace_id, token.sign_in_id, next, now.plus(lifetime), now)?;
        return Ok(successor(next));
    }
    let repeated = token.generation + 1 == sign_in.generation && now.since(sign_in.rotated_at) <= grace;
    if repeated {
        return Ok(successor(sign_in.generation));
    }
    sign_ins::revoke(tx.conn, token.workspace_id, token.sign_in_id, now)?;
    Ok(Exchange::Reused)
}

/// Ends a sign-in. Ending it twice is no error.
///
/// # Errors
/// Only those of the database.
pub fn end(tx: &mut Tx<'_>, workspace: WorkspaceId, id: SignInId) -> Result<(), Failure> {
    let now = tx.now;
    sign_ins::revoke(tx.conn, workspace, id, now)?;
    Ok(())
}
