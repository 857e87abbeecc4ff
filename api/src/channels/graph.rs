//! What the answers of Meta's Graph API mean.

use std::time::Duration;

use domain::inbound::ProviderError;
use serde_json::Value;

use super::client::{Answer, DETAIL_MAX_CHARS, ambiguous, wordless};
use super::errors::{self, Verdict};
use super::json::{cut, id_at, int_at, is_true_at, text_at};
use super::outbound::{SendFailure, SendOutcome};

/// A provider's table of errors. It is asked with code and sub-code (0 where there is none).
type Table = fn(i64, i64) -> Option<Verdict>;

/// Reads the answer to a message. `id` is the JSON pointer to the message's id.
pub(super) fn outcome(answer: Answer, id: &str, table: Table) -> SendOutcome {
    let (status, retry_after, body) = match answer.parts() {
        Ok(parts) => parts,
        Err(none) => return none.into(),
    };
    if let Some(failure) = refusal(status, retry_after, &body, table) {
        return SendOutcome::Refused(failure);
    }
    match (status, id_at(&body, id)) {
        (200..=299, Some(provider_message_id)) => SendOutcome::Accepted { provider_message_id },
        (200..=299, None) => ambiguous("accepted without a message id"),
        _ => wordless(status, retry_after).into(),
    }
}

/// Reads the answer to a call that has one effect however often it is made.
pub(super) fn done(answer: Answer, table: Table) -> Result<Value, SendFailure> {
    let (status, retry_after, body) = answer.parts().map_err(|none| none.again())?;
    match refusal(status, retry_after, &body, table) {
        Some(failure) => Err(failure),
        None if (200..=299).contains(&status) => Ok(body),
        None => Err(wordless(status, retry_after).again()),
    }
}

fn refusal(status: u16, retry_after: Option<Duration>, body: &Value, table: Table) -> Option<SendFailure> {
    let code = int_at(body, "/error/code")?;
    let subcode = int_at(body, "/error/error_subcode");
    let transient = is_true_at(body, "/error/is_transient");
    let verdict =
        table(code, subcode.unwrap_or_default()).unwrap_or_else(|| errors::unlisted(status, transient));
    Some(verdict.failure(told(body, code, subcode), retry_after))
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

/// The id of an uploaded file, in the answer to its upload.
pub(super) fn uploaded(answer: Answer, id: &str, table: Table) -> Result<String, SendFailure> {
    let body = done(answer, table)?;
    let missing = || {
        let detail = "accepted without an id".to_owned();
        errors::PROVIDER_UNAVAILABLE.failure(ProviderError { code: "answer".to_owned(), detail }, None)
    };
    id_at(&body, id).ok_or_else(missing)
}
