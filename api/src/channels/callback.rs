//! Calls to the callback of an integrator's channel.

use std::time::Duration;

use domain::inbound::ProviderError;
use domain::input;
use domain::time::Timestamp;
use domain::webhook::CallProblem;
use serde::Deserialize;

use super::errors::{self, Verdict};
use super::known::KnownChannel;
use super::outbound::SendFailure;
use crate::ops::channels::{ChannelSecrets, callback_url};
use crate::outbound_url::{GuardedClient, Handover};
use crate::webhooks::signature::SigningSecrets;

/// The longest id that an integrator may give anything, in bytes.
pub const EXTERNAL_ID_MAX: usize = 255;

/// Where an integrator is called, and how it can tell that it is us.
pub struct Line {
    url: String,
    signing: SigningSecrets,
}

impl Line {
    /// That of a channel; `None` if it is of another kind, or has no callback.
    #[must_use]
    pub fn of(known: &KnownChannel) -> Option<Self> {
        let ChannelSecrets::Api { signing } = &known.secrets else { return None };
        let url = callback_url(&known.channel)?.to_owned();
        Some(Self { url, signing: signing.clone() })
    }

    /// Hands something over, once; `id` says which, so that the receiver can drop what it has. Answers what the integrator
    /// calls it, if it says so.
    ///
    /// # Errors
    /// Why it was not taken; what cannot be known is worth another try.
    pub async fn call(
        &self,
        client: &GuardedClient,
        (id, now, timeout): (&str, Timestamp, Duration),
        body: String,
    ) -> Result<Option<String>, SendFailure> {
        let Ok(headers) = self.signing.headers(id, now, &body) else {
            return Err(failure(errors::CHANNEL_MISCONFIGURED, "signing_secret"));
        };
        let handover = Handover { url: &self.url, headers: &headers, body, timeout };
        let answered = match client.post(handover).await {
            Ok(answered) => answered,
            Err(CallProblem::AddressRefused) => {
                return Err(failure(errors::CALLBACK_NOT_ALLOWED, CallProblem::AddressRefused.as_str()));
            }
            Err(problem) => return Err(failure(errors::CALLBACK_FAILED, problem.as_str())),
        };
        let verdict = match answered.status {
            200..=299 => return Ok(name(&answered.start)),
            401 | 403 => errors::CALLBACK_UNAUTHORIZED,
            410 => errors::CALLBACK_GONE,
            408 | 425 | 429 => errors::CALLBACK_FAILED,
            400..=499 => errors::CALLBACK_REJECTED,
            _ => errors::CALLBACK_FAILED,
        };
        let retry_after = answered.retry_after.and_then(|asked| asked.to_std().ok());
        Err(SendFailure { retry_after, ..failure(verdict, &format!("http_{}", answered.status)) })
    }
}

/// What the answer to a message may say; anything else in it is passed over.
#[derive(Deserialize)]
struct Taken {
    external_id: String,
}

/// What the integrator calls the message; `None` where its answer does not say, or not in words that can be taken.
fn name(answer: &str) -> Option<String> {
    let taken: Taken = serde_json::from_str(answer).ok()?;
    input::token("/external_id", &taken.external_id, EXTERNAL_ID_MAX).ok()
}

fn failure(verdict: Verdict, code: &str) -> SendFailure {
    verdict.failure(ProviderError { code: code.to_owned(), detail: String::new() }, None)
}
