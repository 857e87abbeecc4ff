//! New passwords for members who have joined. A password that is changed ends sign-ins begun with the
//! old one, and makes links void that would change it again.

use chrono::TimeDelta;
use domain::actor::{Actor, Via};
use domain::id::SignInId;
use domain::one_time_token::TokenPurpose;
use domain::refusal::{Code, Refusal};
use persistence::error::Failure;
use persistence::{accounts, sign_ins};

use super::one_time_tokens;
use super::sign_in_throttle::{self, Admitted, Attempt};
use super::transaction::Tx;
use crate::auth::one_time_token::OneTimeToken;
use crate::http::client_address::ClientAddress;
use crate::mail::MailConfigured;
use crate::state::App;

/// So many workspaces of one address get a mail each.
const WORKSPACES_MAX: i64 = 10;

/// Mails a link to every account with this address that has joined, in the workspace with this slug or,
/// without one, in any: at most one per account and minute. Nobody is told whether there was one.
///
/// # Errors
/// Only those of the database.
pub fn ask_reset(
    tx: &mut Tx<'_>,
    mail: MailConfigured,
    slug: Option<String>,
    email: String,
) -> Result<(), Failure> {
    for account in accounts::logins(tx.conn, slug, email, WORKSPACES_MAX)? {
        if account.password_hash.is_some() {
            let (workspace, agent) = (account.workspace_id, account.agent_id);
            let pause = Some(TimeDelta::minutes(1));
            one_time_tokens::give_out(tx, mail, workspace, agent, TokenPurpose::PasswordReset, pause)?;
        }
    }
    Ok(())
}

/// Sets a new password by a mailed link. Answers the sign-ins that it ended: all of the member.
///
/// # Errors
/// `invalid_one_time_token`.
pub fn reset(
    app: &App,
    tx: &mut Tx<'_>,
    token: OneTimeToken,
    client: ClientAddress,
    password_hash: String,
) -> Result<Vec<SignInId>, Failure> {
    let (agent, account) = one_time_tokens::use_up(tx, token)?;
    let now = tx.now;
    accounts::set_password(tx.conn, token.workspace_id, agent, password_hash)?;
    let ended = sign_ins::revoke_all(tx.conn, token.workspace_id, agent, None, now)?;
    let realm = token.workspace_id.to_string();
    sign_in_throttle::proved(tx, Attempt::new(&app.keys, &realm, &account.email, client))?;
    Ok(ended)
}

/// Lets the caller try its present password, as [`sign_in_throttle::admit`] does a sign-in. Answers the
/// hash that it has to fit.
///
/// # Errors
/// `too_many_requests`.
pub fn admit_change(
    app: &App,
    tx: &mut Tx<'_>,
    actor: &Actor,
    client: ClientAddress,
) -> Result<(Admitted, Option<String>), Failure> {
    let account = accounts::get(tx.conn, actor.workspace_id, actor.agent_id)?.ok_or(Code::InvalidToken)?;
    let attempt = Attempt::new(&app.keys, &actor.workspace_id.to_string(), &account.email, client);
    Ok((sign_in_throttle::admit(tx, attempt)?, account.password_hash))
}

/// Changes the caller's own password. `checked` is the hash that its present password was found to fit.
/// Answers the sign-ins that it ended: all of the member but the caller's.
///
/// # Errors
/// `validation_failed` at `/current_password` if another password was stored since.
pub fn change(
    tx: &mut Tx<'_>,
    actor: &Actor,
    admitted: Admitted,
    checked: Option<&str>,
    password_hash: String,
) -> Result<Vec<SignInId>, Failure> {
    let (workspace, agent, now) = (actor.workspace_id, actor.agent_id, tx.now);
    // The policy lets no program come this far.
    let Via::SignIn(own) = actor.via else { return Err(Code::Forbidden.into()) };
    let account = accounts::lock_for_change(tx.conn, workspace, agent)?;
    account.filter(|account| account.password_hash.as_deref() == checked).ok_or_else(wrong_password)?;
    accounts::set_password(tx.conn, workspace, agent, password_hash)?;
    let ended = sign_ins::revoke_all(tx.conn, workspace, agent, Some(own), now)?;
    persistence::one_time_tokens::void(tx.conn, workspace, agent, now)?;
    sign_in_throttle::succeeded(tx, admitted)?;
    Ok(ended)
}

/// The caller's present password is another one.
#[must_use]
pub fn wrong_password() -> Refusal {
    Refusal::invalid("/current_password", "wrong_password", "is not the present password")
}
