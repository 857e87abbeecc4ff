//! What the answers of Meta's Graph API mean.

use domain::inbound::ProviderError;
use serde_json::Value;

use super::client::{Answer, DETAIL_MAX_CHARS, ambiguous, wordless};
use super::errors::{self, Verdict};
use super::json::{cut, id_at, int_at, is_true_at, text_at};
use super::outbound::SendOutcome;

/// Reads the answer to a message. `id` is the JSON pointer to the message's id; `verdict` the
/// provider's table, which is asked with code and sub-code (0 where there is none).
pub(super) fn outcome(answer: Answer, id: &str, verdict: fn(i64, i64) -> Option<Verdict>) -> SendOutcome {
    let (status, retry_after, body) = match answer.parts() {
        Ok(parts) => parts,
        Err(outcome) => return outcome,
    };
    if let Some(code) = int_at(&body, "/error/code") {
        let subcode = int_at(&body, "/error/error_subcode");
        let transient = is_true_at(&body, "/error/is_transient");
        let verdict =
            verdict(code, subcode.unwrap_or_default()).unwrap_or_else(|| errors::unlisted(status, transient));
        return SendOutcome::Refused(verdict.failure(told(&body, code, subcode), retry_after));
    }
    match (status, id_at(&body, id)) {
        (200..=299, Some(provider_message_id)) => SendOutcome::Accepted { provider_message_id },
        (200..=299, None) => ambiguous("accepted without a message id"),
        _ => wordless(status, retry_after),
    }
}

/// The error in the provider's words: `131047`, or `10/2018278` with a sub-code.
fn told(body: &Value, code: i64, subcode: Option<i64>) -> ProviderError {
    let words = ["/error/error_data/details", "/error/message"]
        .into_iter()
        .find_map(|pointer| text_at(body, pointer));
    ProviderError {
        code: match subcode {
            Some(subcode) => format!("{code}/{subcode}"),
            None => code.to_string(),
        },
        detail: cut(words.unwrap_or_default(), DETAIL_MAX_CHARS),
    }
}
