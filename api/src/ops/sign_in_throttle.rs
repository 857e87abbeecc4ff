//! Wrong passwords have to wait; [`domain::sign_in_throttle`] says how long.
//!
//! An attempt is counted as a failure before its password is checked, and the count taken back if the
//! password was right: of many attempts at once, each sees those before it, and none slips through.
//! `auth::password::turn` keeps so few under way that right ones are never refused for one another.

use chrono::TimeDelta;
use domain::refusal::{Code, Refusal};
use domain::sign_in_throttle::{FAMILIAR_DAYS, Failures, ThrottleScope};
use persistence::error::Failure;
use persistence::sign_in_throttles::{self, Throttle, ThrottleKey};

use super::transaction::Tx;
use crate::auth::keys::{Keys, mac};
use crate::http::client_address::ClientAddress;

/// An account, known to us or not, and the address from where somebody tries to get in.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    pair: ThrottleKey,
    address: ThrottleKey,
    account: ThrottleKey,
}

impl Attempt {
    /// `email` is lower-cased; `realm` is the workspace's id, or the words that were given for one that
    /// is not known. The account is the same in every workspace: so may its password be. But who has an
    /// account with this address elsewhere must not clear by it what was counted here.
    #[must_use]
    pub fn new(keys: &Keys, realm: &str, email: &str, client: ClientAddress) -> Self {
        let key = &keys.sign_in_throttle;
        let account = mac(key, &[b"account ", email.as_bytes()]);
        let address = mac(key, &[b"address ", &client.distinguishing()]);
        Self { pair: mac(key, &[b"pair ", &account, &address, realm.as_bytes()]), address, account }
    }
}

/// An attempt whose password may be checked. It counts as a failure until [`succeeded`].
#[derive(Debug, Clone, Copy)]
#[must_use = "a right password has to be told, or it counts as a wrong one"]
pub struct Admitted {
    attempt: Attempt,
    address: Counted,
    account: Counted,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    before: Failures,
    after: Failures,
}

/// Admits an attempt and counts it, or refuses it and counts nothing.
///
/// # Errors
/// `too_many_requests`, with the seconds to wait.
pub fn admit(tx: &mut Tx<'_>, attempt: Attempt) -> Result<Admitted, Failure> {
    let now = tx.now;
    let mut lock = |scope, key| sign_in_throttles::lock(tx.conn, scope, key, now);
    let pair = lock(ThrottleScope::Pair, attempt.pair)?;
    let address = lock(ThrottleScope::Address, attempt.address)?;
    let account = lock(ThrottleScope::Account, attempt.account)?;
    let familiar = pair.succeeded_at.is_some_and(|at| now.since(at) <= TimeDelta::days(FAMILIAR_DAYS));
    let mut wait = pair.failures.wait(ThrottleScope::Pair, now);
    wait = wait.max(address.failures.wait(ThrottleScope::Address, now));
    if !familiar {
        wait = wait.max(account.failures.wait(ThrottleScope::Account, now));
    }
    if wait > TimeDelta::zero() {
        let seconds = u64::try_from((wait.num_milliseconds() + 999) / 1000).unwrap_or(1).max(1);
        return Err(Refusal::new(Code::TooManyRequests).retry_after(seconds).into());
    }
    count(tx, ThrottleScope::Pair, attempt.pair, pair)?;
    Ok(Admitted {
        attempt,
        address: count(tx, ThrottleScope::Address, attempt.address, address)?,
        account: count(tx, ThrottleScope::Account, attempt.account, account)?,
    })
}

fn count(
    tx: &mut Tx<'_>,
    scope: ThrottleScope,
    key: ThrottleKey,
    throttle: Throttle,
) -> Result<Counted, Failure> {
    let after = throttle.failures.and_one(scope, tx.now);
    sign_in_throttles::save(tx.conn, scope, key, after)?;
    Ok(Counted { before: throttle.failures, after })
}

/// The password was right: the attempt was no failure, and those of the account from this address are
/// forgotten. Call it last: attempts lock these rows without any other.
///
/// # Errors
/// Only those of the database.
pub fn succeeded(tx: &mut Tx<'_>, admitted: Admitted) -> Result<(), Failure> {
    let Admitted { attempt, address, account } = admitted;
    let now = tx.now;
    sign_in_throttles::succeeded(tx.conn, attempt.pair, now)?;
    for (scope, key, counted) in [
        (ThrottleScope::Address, attempt.address, address),
        (ThrottleScope::Account, attempt.account, account),
    ] {
        let present = sign_in_throttles::lock(tx.conn, scope, key, now)?.failures;
        sign_in_throttles::save(tx.conn, scope, key, present.without(counted.before, counted.after))?;
    }
    Ok(())
}

/// Somebody proved in another way to be who the account is for: failures from its address are forgotten.
/// Call it last, as [`succeeded`].
///
/// # Errors
/// Only those of the database.
pub fn proved(tx: &mut Tx<'_>, attempt: Attempt) -> Result<(), Failure> {
    let now = tx.now;
    Ok(sign_in_throttles::succeeded(tx.conn, attempt.pair, now)?)
}
