//! Calls to addresses that somebody else names: a provider's link to a file, the endpoint of an integrator. They must not
//! lead into the network that this server stands in.
//!
//! A name is resolved once, everything that it resolves to is checked, and the connection goes to what was checked; each
//! redirect is a new address and goes the same way.

use std::error::Error as _;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::webhook::CallProblem;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use tokio::sync::Semaphore;
use url::Host;

pub use ranges::AllowedRanges;

mod ranges;

/// How many redirects are followed.
const REDIRECTS: usize = 3;
/// How much is read of the answer to something that was handed over.
pub const ANSWER_START_BYTES: usize = 1024;

/// How many names are resolved at once. A thread waits for each, of those that also wait for the database.
const LOOKUPS: usize = 32;

/// Why nothing was fetched. It names no address: one may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The address may not be called.
    #[error("the address is not one that may be called")]
    Refused,
    /// No answer came.
    #[error("no answer came")]
    Unanswered,
}

/// What came back from a call that hands something over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The status of HTTP.
    pub status: u16,
    /// How long the receiver asks to be left alone.
    pub retry_after: Option<TimeDelta>,
    /// How the answer begins, what is no UTF-8 replaced: at most [`ANSWER_START_BYTES`] bytes of it are read.
    pub start: String,
}

/// A call that hands something over.
#[derive(Debug)]
pub struct Handover<'a> {
    /// Where to.
    pub url: &'a str,
    /// Headers beside the type of what is handed over, which is JSON.
    pub headers: &'a [(&'static str, String)],
    /// What is handed over.
    pub body: String,
    /// The longest time for the whole, the beginning of the answer included.
    pub timeout: Duration,
}

/// How calls are made.
#[derive(Debug, Clone)]
pub struct GuardSettings {
    /// What may be called beside the public Internet.
    pub allowed: AllowedRanges,
    /// Whether `http` will do; otherwise `https` only.
    pub plain_http: bool,
    /// The longest time to connect.
    pub connect_timeout: Duration,
    /// The longest silence.
    pub read_timeout: Duration,
    /// The longest time for the whole, the body included.
    pub total_timeout: Duration,
}

/// A client for addresses that somebody else names. Clones share connections.
#[derive(Clone)]
pub struct GuardedClient {
    http: reqwest::Client,
    /// Reaches what is allowed explicitly, and nothing else.
    listed: reqwest::Client,
    allowed: AllowedRanges,
    plain_http: bool,
}

impl GuardedClient {
    /// Makes the client.
    ///
    /// # Errors
    /// If the system's TLS certificates cannot be loaded.
    pub fn new(settings: GuardSettings) -> Result<Self, reqwest::Error> {
        let client = |resolver| {
            reqwest::Client::builder()
                .connect_timeout(settings.connect_timeout)
                .read_timeout(settings.read_timeout)
                .timeout(settings.total_timeout)
                .redirect(Policy::none())
                .no_proxy()
                .dns_resolver(Arc::new(resolver))
                .user_agent(concat!("tanggap/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        let allowed = settings.allowed.clone();
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        let resolver = |listed_only| {
            let (allowed, lookups) = (allowed.clone(), lookups.clone());
            GuardedResolver { allowed, listed_only, lookups }
        };
        let (http, listed) = (client(resolver(false))?, client(resolver(true))?);
        Ok(Self { http, listed, allowed, plain_http: settings.plain_http })
    }

    /// Hands something over by `POST`. Redirects are not followed: they are an answer like others. An address without TLS is
    /// called only in networks that are allowed explicitly.
    ///
    /// # Errors
    /// What stood in the way of an answer; never [`CallProblem::EventExpired`] or [`CallProblem::NotWanted`].
    pub async fn post(&self, handover: Handover<'_>) -> Result<Answered, CallProblem> {
        let url = self.receiver(handover.url).map_err(|_| CallProblem::AddressRefused)?;
        let client = if url.scheme() == "https" { &self.http } else { &self.listed };
        let mut request = client.post(url).timeout(handover.timeout).header(CONTENT_TYPE, "application/json");
        for (name, value) in handover.headers {
            request = request.header(*name, value);
        }
        let mut response = request.body(handover.body).send().await.map_err(|error| problem(&error))?;
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let mut answered = Answered {
            status: response.status().as_u16(),
            retry_after: asked.and_then(retry_after),
            start: String::new(),
        };
        // What was decided is known by the status; an answer that breaks off later is that much shorter.
        let mut start = Vec::new();
        while start.len() < ANSWER_START_BYTES
            && let Ok(Some(chunk)) = response.chunk().await
        {
            start.extend_from_slice(&chunk);
        }
        start.truncate(ANSWER_START_BYTES);
        answered.start = String::from_utf8_lossy(&start).into_owned();
        Ok(answered)
    }

    /// The address of a receiver, as far as it can be checked before its name is resolved: see [`GuardedClient::post`].
    ///
    /// # Errors
    /// `Refused`.
    pub fn receiver(&self, url: &str) -> Result<Url, CallError> {
        let url = Url::parse(url).map_err(|_| CallError::Refused)?;
        let plain = url.scheme() == "http";
        let listed = match url.host() {
            Some(Host::Ipv4(address)) => self.allowed.list(address.into()),
            Some(Host::Ipv6(address)) => self.allowed.list(address.into()),
            // Where the name leads is seen when it is resolved; without any range there is nothing that it may lead to.
            Some(Host::Domain(_)) => !self.allowed.is_empty(),
            None => false,
        };
        self.check_host(&url)?;
        if url.scheme() == "https" || (plain && listed) { Ok(url) } else { Err(CallError::Refused) }
    }

    /// Gets an address, and where it leads. The bearer goes to the first host only.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get(&self, url: &str, bearer: Option<&str>) -> Result<Response, CallError> {
        let mut url = Url::parse(url).map_err(|_| CallError::Refused)?;
        let origin = url.origin();
        for _ in 0..=REDIRECTS {
            self.check(&url)?;
            let mut request = self.http.get(url.clone());
            if let Some(bearer) = bearer.filter(|_| url.origin() == origin) {
                request = request.bearer_auth(bearer);
            }
            let response = request.send().await.map_err(|error| meaning(&error))?;
            let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
            let Some(location) = location else { return Ok(response) };
            let location = location.to_str().map_err(|_| CallError::Refused)?;
            url = url.join(location).map_err(|_| CallError::Refused)?;
        }
        Err(CallError::Refused)
    }

    /// Checks what can be seen of an address before its name is resolved.
    ///
    /// # Errors
    /// `Refused`.
    pub fn check(&self, url: &Url) -> Result<(), CallError> {
        let scheme = url.scheme() == "https" || (self.plain_http && url.scheme() == "http");
        if scheme { self.check_host(url) } else { Err(CallError::Refused) }
    }

    fn check_host(&self, url: &Url) -> Result<(), CallError> {
        let bare = url.username().is_empty() && url.password().is_none();
        // The parser has made one address of every way to write it: decimal, octal, hexadecimal.
        let host = match url.host() {
            Some(Host::Ipv4(address)) => self.allowed.allow(address.into()),
            Some(Host::Ipv6(address)) => self.allowed.allow(address.into()),
            Some(Host::Domain(name)) => self.allows_name(name),
            None => false,
        };
        if bare && host { Ok(()) } else { Err(CallError::Refused) }
    }
}

impl GuardedClient {
    /// Names of this machine are known without asking anybody (RFC 6761); of all others the resolver decides.
    fn allows_name(&self, name: &str) -> bool {
        let bare = name.trim_end_matches('.');
        let ours = bare == "localhost" || bare.ends_with(".localhost");
        !bare.is_empty() && (!ours || self.allowed.allow(IpAddr::V4(Ipv4Addr::LOCALHOST)))
    }
}

impl fmt::Debug for GuardedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedClient").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

/// Gives only addresses that may be called. A name that has others among them is refused as a whole.
#[derive(Debug, Clone)]
struct GuardedResolver {
    allowed: AllowedRanges,
    /// The public Internet may not be called.
    listed_only: bool,
    /// A permit for each name that is being resolved.
    lookups: Arc<Semaphore>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            // Waited for at most as long as for a connection; kept by the thread, which nobody can stop.
            let permit = resolver.lookups.clone().acquire_owned().await?;
            let found = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                (name.as_str(), 0).to_socket_addrs()
            });
            let found: Vec<SocketAddr> = found.await??.collect();
            Ok(Box::new(resolver.checked(found)?.into_iter()) as Addrs)
        })
    }
}

impl GuardedResolver {
    fn checked(&self, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, CallError> {
        let may = |one: &SocketAddr| match self.listed_only {
            true => self.allowed.list(one.ip()),
            false => self.allowed.allow(one.ip()),
        };
        if found.iter().all(may) { Ok(found) } else { Err(CallError::Refused) }
    }
}

/// Whether it was our own resolver that said no.
fn meaning(error: &reqwest::Error) -> CallError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(own) = inner.downcast_ref::<CallError>() {
            return *own;
        }
        cause = inner.source();
    }
    CallError::Unanswered
}

fn problem(error: &reqwest::Error) -> CallProblem {
    if meaning(error) == CallError::Refused {
        CallProblem::AddressRefused
    } else if error.is_timeout() {
        CallProblem::TimedOut
    } else if error.is_connect() {
        CallProblem::NotConnected
    } else {
        CallProblem::BrokenOff
    }
}

/// `Retry-After` in seconds. A date is not believed: clocks differ, and our own schedule will do.
fn retry_after(text: &str) -> Option<TimeDelta> {
    text.trim().parse::<u32>().ok().map(|seconds| TimeDelta::seconds(seconds.into()))
}

#[cfg(test)]
mod tests;
