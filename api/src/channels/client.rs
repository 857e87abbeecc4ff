//! The HTTP client for all providers, and what its failures mean.

use std::error::Error as _;
use std::time::Duration;

use domain::inbound::ProviderError;
use reqwest::header::RETRY_AFTER;
use reqwest::multipart::Form;
use reqwest::redirect::Policy;
use serde_json::Value;
use url::Url;

use super::errors::{self, Verdict};
use super::file::Handed;
use super::json;
use super::outbound::{SendFailure, SendOutcome};
use crate::outbound_url::CallError;

/// The providers' answers stay far below this; what is larger is not read to its end.
const ANSWER_MAX_BYTES: usize = 256 * 1024;

/// The longest words of a provider that are kept, in characters.
pub(super) const DETAIL_MAX_CHARS: usize = 500;

/// Where the providers are and how long they may take.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Meta's Graph API without its version: `https://graph.facebook.com`. May have a path.
    pub graph_base: Url,
    /// The version of the Graph API: `v25.0`.
    pub graph_version: String,
    /// Telegram's Bot API: `https://api.telegram.org`. May have a path.
    pub telegram_base: Url,
    /// The longest time to connect. Keep it below `total_timeout`: a connection that fails is known
    /// not to have sent anything, a time-out of the whole is not.
    pub connect_timeout: Duration,
    /// The longest time for a whole request, from connecting to the last byte of the answer.
    pub total_timeout: Duration,
    /// The same for a request that brings a file.
    pub upload_timeout: Duration,
}

/// The client that talks to the providers; cheap to clone, connections are shared.
#[derive(Debug, Clone)]
pub struct ProviderClient {
    http: reqwest::Client,
    settings: ProviderSettings,
}

/// What came of one request.
pub(super) enum Answer {
    /// A whole answer. The body is null where it is no JSON.
    Came { status: u16, retry_after: Option<Duration>, body: Value },
    /// The connection failed before the request was written.
    NotSent { detail: String },
    /// No request can be made of these settings and credentials.
    Unusable { detail: String },
    /// The request was written, or may have been, and no whole answer came.
    Lost { detail: &'static str },
}

impl ProviderClient {
    /// Makes the client. It follows no redirects, so that a token goes nowhere else, and takes no
    /// proxy from the environment.
    ///
    /// # Errors
    ///
    /// If the system's TLS certificates cannot be loaded.
    pub fn new(settings: ProviderSettings) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.total_timeout)
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(concat!("tanggap/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, settings })
    }

    /// `<graph base>/<version>/<segments>`.
    pub(super) fn graph_url(&self, segments: &[&str]) -> Option<Url> {
        let version = self.settings.graph_version.as_str();
        let path = std::iter::once(&version).chain(segments);
        join(&self.settings.graph_base, path)
    }

    /// `<Telegram base>/<segments>`.
    pub(super) fn telegram_url(&self, segments: &[&str]) -> Option<Url> {
        join(&self.settings.telegram_base, segments)
    }

    /// Posts JSON once. The URL may hold a secret (Telegram's does): it gets into no answer.
    pub(super) async fn post(&self, url: Option<Url>, bearer: Option<&str>, body: &Value) -> Answer {
        let Some(url) = url else {
            return Answer::Unusable { detail: "the base URL cannot have a path".to_owned() };
        };
        let mut request = self.http.post(url).json(body);
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        answer(request).await
    }

    /// Posts a form with a file once. A request that breaks off before the file has ended was not sent: the provider
    /// cannot have acted on a part of it.
    pub(super) async fn post_form(
        &self,
        url: Option<Url>,
        bearer: Option<&str>,
        (form, handed): (Form, Handed),
    ) -> Answer {
        let Some(url) = url else {
            return Answer::Unusable { detail: "the base URL cannot have a path".to_owned() };
        };
        let mut request = self.http.post(url).timeout(self.settings.upload_timeout).multipart(form);
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        match answer(request).await {
            Answer::Lost { detail } if !handed.is_whole() => Answer::NotSent { detail: detail.to_owned() },
            answer => answer,
        }
    }

    /// Begins to get bytes. The URL may hold a secret (Telegram's does): it gets into no error.
    pub(super) async fn open(
        &self,
        url: Option<Url>,
        timeout: Duration,
    ) -> Result<reqwest::Response, CallError> {
        let url = url.ok_or(CallError::Refused)?;
        self.http.get(url).timeout(timeout).send().await.map_err(|_| CallError::Unanswered)
    }

    /// Gets JSON once.
    pub(super) async fn get(&self, url: Option<Url>, bearer: &str) -> Answer {
        match url {
            Some(url) => answer(self.http.get(url).bearer_auth(bearer)).await,
            None => Answer::Unusable { detail: "the base URL cannot have a path".to_owned() },
        }
    }
}

impl ProviderClient {
    /// Deletes once.
    pub(super) async fn delete(&self, url: Option<Url>, bearer: &str) -> Answer {
        match url {
            Some(url) => answer(self.http.delete(url).bearer_auth(bearer)).await,
            None => Answer::Unusable { detail: "the base URL cannot have a path".to_owned() },
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    match request.send().await {
        Ok(response) => read(response).await,
        Err(error) => failed(error),
    }
}

fn join<'a>(base: &Url, segments: impl IntoIterator<Item = &'a &'a str>) -> Option<Url> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
    Some(url)
}

fn failed(error: reqwest::Error) -> Answer {
    let error = error.without_url();
    if error.is_builder() {
        Answer::Unusable { detail: chain(&error) }
    } else if error.is_connect() {
        Answer::NotSent { detail: chain(&error) }
    } else if error.is_timeout() {
        Answer::Lost { detail: "no answer in time" }
    } else {
        Answer::Lost { detail: "the connection broke before the answer was complete" }
    }
}

/// The error and its causes on one line.
fn chain(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    json::cut(words, DETAIL_MAX_CHARS)
}

async fn read(mut response: reqwest::Response) -> Answer {
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= ANSWER_MAX_BYTES => {
                bytes.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => {
                return Answer::Lost { detail: "the answer is too long" };
            }
            Ok(None) => break,
            Err(error) => return failed(error),
        }
    }
    Answer::Came { status, retry_after, body: json::value(&json::clean(&bytes)).unwrap_or_default() }
}

/// There is no answer of the provider itself.
pub(super) enum NoAnswer {
    /// The request was certainly not executed.
    Refused(SendFailure),
    /// Nobody knows.
    Unknown(String),
}

impl From<NoAnswer> for SendOutcome {
    fn from(none: NoAnswer) -> Self {
        match none {
            NoAnswer::Refused(failure) => Self::Refused(failure),
            NoAnswer::Unknown(detail) => Self::Ambiguous { detail },
        }
    }
}

impl NoAnswer {
    /// What it means for a call that has one effect however often it is made: it is made again.
    pub(super) fn again(self) -> SendFailure {
        match self {
            Self::Refused(failure) => failure,
            Self::Unknown(detail) => {
                let provider = ProviderError { code: "no_answer".to_owned(), detail };
                errors::PROVIDER_UNAVAILABLE.failure(provider, None)
            }
        }
    }
}

fn unanswered(verdict: Verdict, code: &str, detail: String) -> NoAnswer {
    let code = code.to_owned();
    NoAnswer::Refused(verdict.failure(ProviderError { code, detail }, None))
}

/// An answer in which the provider itself says neither yes nor no: a gateway's page.
///
/// A refusal of the request as such (4xx) was certainly not executed; a 5xx or a redirect may have
/// been. 408 is counted with them: it is sent for a request that the gateway lost half-way.
pub(super) fn wordless(status: u16, retry_after: Option<Duration>) -> NoAnswer {
    let unknown = || NoAnswer::Unknown(format!("HTTP {status} without the provider's answer"));
    let verdict = match status {
        429 => errors::RATE_LIMITED,
        408 => return unknown(),
        400..=499 => errors::MESSAGE_REJECTED,
        _ => return unknown(),
    };
    let provider = ProviderError {
        code: format!("http_{status}"),
        detail: "an answer without the provider's error".to_owned(),
    };
    NoAnswer::Refused(verdict.failure(provider, retry_after))
}

/// An outcome that cannot be known.
pub(super) fn ambiguous(detail: impl Into<String>) -> SendOutcome {
    SendOutcome::Ambiguous { detail: detail.into() }
}

impl Answer {
    /// The parts of an answer that came.
    pub(super) fn parts(self) -> Result<(u16, Option<Duration>, Value), NoAnswer> {
        match self {
            Self::Came { status, retry_after, body } => Ok((status, retry_after, body)),
            Self::NotSent { detail } => Err(unanswered(errors::PROVIDER_UNAVAILABLE, "connect", detail)),
            Self::Unusable { detail } => Err(unanswered(errors::CHANNEL_MISCONFIGURED, "request", detail)),
            Self::Lost { detail } => Err(NoAnswer::Unknown(detail.to_owned())),
        }
    }
}
