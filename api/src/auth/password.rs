//! Passwords: Argon2id, with the parameters that OWASP recommends.

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::refusal::Code;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A hash of no password: checked when the e-mail address is unknown, so that the answer takes as
/// long as for a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$dGFuZ2dhcC1ub2JvZHk$CnOMAEMUYeFSBYDTzU1iHlfFX3KDZgWL1bpnZLeZbd4";

/// A password could not be hashed: the system has no randomness.
#[derive(Debug, thiserror::Error)]
#[error("a password could not be hashed: {0}")]
pub struct HashError(argon2::password_hash::Error);

/// Hashes a new password, in PHC format. Takes tens of milliseconds of one core.
///
/// # Errors
/// [`HashError`].
pub fn hash(password: &str) -> Result<String, HashError> {
    argon2().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(HashError)
}

/// Does the password belong to the hash? Without a hash: no, after as long a time.
#[must_use]
pub fn matches(password: &str, hash: Option<&str>) -> bool {
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else { return false };
    argon2().verify_password(password.as_bytes(), &parsed).is_ok() && hash.is_some()
}

/// At most this many passwords are worked on at once: each takes 19 MiB and a core.
static WORKERS: Semaphore = Semaphore::const_new(4);

/// So many attempts to sign in are under way at once: fewer than the failures that cost nothing
/// (`domain::sign_in_throttle`), because each counts as one until its password was found right.
static TURNS: Semaphore = Semaphore::const_new(4);

/// Waits until an attempt to sign in may begin; it is under way as long as the answer is kept. Without,
/// the right password of somebody with many devices would be taken for guessing.
///
/// # Errors
/// `unavailable` after `longest`.
pub async fn turn(longest: Duration) -> Result<SemaphorePermit<'static>, Code> {
    match tokio::time::timeout(longest, TURNS.acquire()).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => Err(Code::Unavailable),
    }
}

/// [`hash`] on another thread than the caller's.
///
/// # Errors
/// [`HashError`].
pub async fn hash_in_background(password: String) -> Result<String, HashError> {
    in_background(move || hash(&password)).await
}

/// [`matches()`] on another thread than the caller's.
pub async fn check(password: String, hash: Option<String>) -> bool {
    in_background(move || matches(&password, hash.as_deref())).await
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let _permit = WORKERS.acquire().await;
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn argon2() -> Argon2<'static> {
    // OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::{NOBODY, hash, matches};
    use argon2::password_hash::phc::PasswordHash;

    #[test]
    fn only_the_right_password_matches_and_nobody_has_none() {
        let stored = hash("rahasia-sekali").unwrap();
        assert!(matches("rahasia-sekali", Some(&stored)));
        assert!(!matches("rahasia-sekal1", Some(&stored)));
        assert!(!matches("", None));
        assert!(PasswordHash::new(NOBODY).is_ok(), "checking nobody's must cost as much as anybody's");
    }
}
