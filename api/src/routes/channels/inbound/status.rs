//! What became of a message of the team.

use domain::id::MessageId;
use domain::inbound::ProviderError;
use domain::input;
use domain::message::MessageStatus;
use domain::refusal::Refusal;
use domain::time::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::text::{shown, words};
use crate::channels::callback::EXTERNAL_ID_MAX;
use crate::ops::inbound::StatusDraft;

/// The longest word for an error, in characters.
const CODE_MAX: usize = 100;
/// The longest words about an error, in characters.
const DETAIL_MAX_CHARS: usize = 500;

/// What became of a message of the team. It names the message by `message_id`, by `external_id`, or by both: then it is about the
/// `message_id`, and that message has this `external_id` from now on, if it had none. Only a status with a `message_id` may
/// overtake your answer to the callback: until we have that, nothing has the `external_id` in it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "message_id": "01932f6a-7c1e-7b52-9d0c-5a4be1f0a4c7", "external_id": "a-2001", "status": "delivered"
}))]
pub struct NewInboundStatus {
    /// The message, by our id.
    message_id: Option<MessageId>,
    /// The message, by the id that you gave it, 1 to 255 visible ASCII characters. With a `message_id`, one that another message
    /// has is refused.
    #[schema(example = "a-2001", max_length = 255, format = "token")]
    external_id: Option<String>,
    /// `sent`, `delivered`, `read` or `failed`. They may come in any order, and again: a message never goes back.
    #[schema(value_type = NewInboundProgress, example = "delivered")]
    status: MessageStatus,
    /// When; now, if it is absent or lies ahead.
    at: Option<Timestamp>,
    /// Why, of `failed` only.
    error: Option<NewInboundError>,
}

/// How far a message of the team can come.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(
    dead_code,
    reason = "read by the document only; the other words are refused by a problem that names these"
)]
enum NewInboundProgress {
    Sent,
    Delivered,
    Read,
    Failed,
}

/// Why a message did not reach the customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInboundError {
    /// A word for it, 1 to 100 visible ASCII characters: `error.provider_code` of the message.
    #[schema(example = "inactive", max_length = 100, format = "token")]
    code: String,
    /// What the team should know and do: `error.detail` of the message.
    #[schema(example = "The customer closed the account.", max_length = 500)]
    detail: String,
}

impl NewInboundStatus {
    pub(super) fn checked(self, now: Timestamp) -> Result<StatusDraft, Refusal> {
        use MessageStatus::{Delivered, Failed, Read, Sent};
        let named = |id: String| input::token("/external_id", &id, EXTERNAL_ID_MAX);
        let external_id = self.external_id.map(named).transpose()?;
        if external_id.is_none() && self.message_id.is_none() {
            return Err(Refusal::invalid("/message_id", "required", "message_id or external_id is needed"));
        }
        if !matches!(self.status, Sent | Delivered | Read | Failed) {
            return Err(Refusal::invalid(
                "/status",
                "not_supported",
                "must be sent, delivered, read or failed",
            ));
        }
        if self.error.is_some() && self.status != Failed {
            return Err(Refusal::invalid("/error", "unexpected", "only failed has one"));
        }
        let error = match (self.status, self.error) {
            (_, Some(error)) => Some(error.checked()?),
            (Failed, None) => Some(ProviderError {
                code: "unspecified".to_owned(),
                detail: "The server behind this channel could not bring the message to the customer."
                    .to_owned(),
            }),
            _ => None,
        };
        let at = self.at.map_or(now, |at| at.min(now));
        Ok(StatusDraft { message_id: self.message_id, external_id, status: self.status, at, error })
    }
}

impl NewInboundError {
    fn checked(self) -> Result<ProviderError, Refusal> {
        let detail = shown("/error/detail", Some(self.detail), DETAIL_MAX_CHARS)?;
        Ok(ProviderError {
            code: input::token("/error/code", &self.code, CODE_MAX)?,
            detail: words("/error/detail", detail)?,
        })
    }
}
