//! Shutting customers out at WhatsApp (Meta, "block users").

use serde_json::{Value, json};

use super::outbound::WhatsAppCredentials;
use crate::channels::client::Answer;
use crate::channels::{ProviderClient, Recipient};

/// What the provider says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockAnswer {
    /// It did so.
    Done,
    /// It does not, and asking again will not help: only who wrote within 24 hours can be blocked.
    Refused,
    /// It did not answer, or not now.
    Later,
}

/// Blocks a customer, or lets it in again, once. Doing it twice has the effect of doing it once.
pub async fn set_blocked(
    client: &ProviderClient,
    credentials: &WhatsAppCredentials,
    customer: &Recipient,
    blocked: bool,
) -> BlockAnswer {
    let url = client.graph_url(&[&credentials.phone_number_id, "block_users"]);
    let user = match &customer.phone {
        Some(phone) => format!("+{}", phone.trim_start_matches('+')),
        None => customer.external_id.clone(),
    };
    let body = json!({ "messaging_product": "whatsapp", "block_users": [{ "user": user }] });
    let token = &credentials.access_token;
    let answer = if blocked {
        client.post(url, Some(token), &body).await
    } else {
        client.delete(url, token, Some(&body)).await
    };
    read(&answer)
}

fn read(answer: &Answer) -> BlockAnswer {
    match answer {
        Answer::Came { status: 200..=299, body, .. } => {
            let failed = body.pointer("/block_users/failed_users").and_then(Value::as_array);
            if failed.is_some_and(|failed| !failed.is_empty()) {
                BlockAnswer::Refused
            } else {
                BlockAnswer::Done
            }
        }
        Answer::Came { status: 408 | 429, .. } => BlockAnswer::Later,
        Answer::Came { status: 400..=499, .. } | Answer::Unusable { .. } => BlockAnswer::Refused,
        Answer::Came { .. } | Answer::NotSent { .. } | Answer::Lost { .. } => BlockAnswer::Later,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{BlockAnswer, read};
    use crate::channels::client::Answer;

    #[test]
    fn what_cannot_be_done_is_told_from_what_may_be_tried_again() {
        let came = |status, body: Value| read(&Answer::Came { status, retry_after: None, body });
        let users = |name: &str| json!({ "block_users": { name: [{ "input": "+62812" }] } });
        assert_eq!(came(200, users("added_users")), BlockAnswer::Done);
        assert_eq!(came(200, users("failed_users")), BlockAnswer::Refused);
        for (status, expected) in [
            (400, BlockAnswer::Refused),
            (401, BlockAnswer::Refused),
            (429, BlockAnswer::Later),
            (502, BlockAnswer::Later),
        ] {
            assert_eq!(came(status, Value::Null), expected, "{status}");
        }
        assert_eq!(read(&Answer::Lost { detail: "" }), BlockAnswer::Later);
    }
}
