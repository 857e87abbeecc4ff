//! What a caller demands of a thing before it is changed.

use domain::refusal::{Code, Refusal};

/// Refuses if the thing changed since the caller read it.
///
/// # Errors
/// `version_mismatch`, naming the version now.
pub fn expect_version(expected: Option<i64>, version: i64) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != version => {
            Err(Refusal::new(Code::VersionMismatch).with("version", version))
        }
        _ => Ok(()),
    }
}
