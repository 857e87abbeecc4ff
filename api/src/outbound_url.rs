//! Calls to addresses that somebody else names: a provider's link to a file, the endpoint of an integrator. They must not
//! lead into the network that this server stands in.
//!
//! A name is resolved once, everything that it resolves to is checked, and the connection goes to what was checked; each
//! redirect is a new address and goes the same way.

use std::error::Error as _;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::webhook::CallProblem;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use url::Host;

/// How many redirects are followed.
const REDIRECTS: usize = 3;
/// How much is read of the answer to something that was handed over.
pub const ANSWER_START_BYTES: usize = 1024;

/// Networks that may be called although they are nobody's in the public Internet: addresses and ranges, with commas between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedRanges(Vec<IpNet>);

impl FromStr for AllowedRanges {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let range = |part: &str| {
            let single = part.parse::<IpAddr>().map(IpNet::from);
            single.or_else(|_| part.parse()).map_err(|_| {
                format!("{part:?} is neither an address nor a range; write it like 10.0.0.1 or 10.0.0.0/8")
            })
        };
        parts.map(range).collect::<Result<_, _>>().map(Self)
    }
}

impl AllowedRanges {
    /// These, and the addresses of this machine: for a server whose providers are on it.
    #[must_use]
    pub fn and_loopback(mut self) -> Self {
        self.0.push(IpNet::from(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        self.0.push(IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        self
    }

    /// May this address be called?
    #[must_use]
    pub fn allow(&self, address: IpAddr) -> bool {
        is_public(address.to_canonical()) || self.list(address)
    }

    /// Is this address in one of them?
    #[must_use]
    pub fn list(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }
}

/// What is somebody's in the public Internet (the special-purpose registries of IANA).
fn is_public(address: IpAddr) -> bool {
    const fn v4(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
        Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
    }
    const fn v6(a: u16, b: u16, length: u8) -> Ipv6Net {
        Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length)
    }
    const SPECIAL_V4: [Ipv4Net; 15] = [
        v4(0, 0, 0, 8),
        v4(10, 0, 0, 8),
        v4(100, 64, 0, 10),
        v4(127, 0, 0, 8),
        v4(169, 254, 0, 16),
        v4(172, 16, 0, 12),
        v4(192, 0, 0, 24),
        v4(192, 0, 2, 24),
        v4(192, 88, 99, 24),
        v4(192, 168, 0, 16),
        v4(198, 18, 0, 15),
        v4(198, 51, 100, 24),
        v4(203, 0, 113, 24),
        v4(224, 0, 0, 4),
        v4(240, 0, 0, 4),
    ];
    // Of IPv6 only this much is given out; within it are ways to write other addresses, and examples.
    const GIVEN_OUT_V6: Ipv6Net = v6(0x2000, 0, 3);
    const SPECIAL_V6: [Ipv6Net; 4] =
        [v6(0x2001, 0, 23), v6(0x2001, 0xdb8, 32), v6(0x2002, 0, 16), v6(0x3fff, 0, 20)];
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) => {
            GIVEN_OUT_V6.contains(&address) && !SPECIAL_V6.iter().any(|range| range.contains(&address))
        }
    }
}

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
        let http = client(GuardedResolver { allowed: allowed.clone(), listed_only: false })?;
        let listed = client(GuardedResolver { allowed: allowed.clone(), listed_only: true })?;
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
            Some(Host::Domain(_)) => !self.allowed.0.is_empty(),
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
struct GuardedResolver {
    allowed: AllowedRanges,
    /// The public Internet may not be called.
    listed_only: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (allowed, listed_only) = (self.allowed.clone(), self.listed_only);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let may =
                |one: &SocketAddr| if listed_only { allowed.list(one.ip()) } else { allowed.allow(one.ip()) };
            if found.iter().all(may) {
                Ok(Box::new(found.into_iter()) as Addrs)
            } else {
                Err(Box::new(CallError::Refused) as Box<dyn std::error::Error + Send + Sync>)
            }
        })
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
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::{AllowedRanges, CallError, GuardSettings, GuardedClient};

    fn client(allowed: &str, plain_http: bool) -> GuardedClient {
        let second = Duration::from_secs(1);
        GuardedClient::new(GuardSettings {
            allowed: allowed.parse().unwrap(),
            plain_http,
            connect_timeout: second,
            read_timeout: second,
            total_timeout: second,
        })
        .unwrap()
    }

    #[test]
    fn what_is_nobodys_in_the_public_internet_is_not_called() {
        let none = AllowedRanges::default();
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "100::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
        ] {
            assert!(!none.allow(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "100.63.0.1",
            "172.32.0.1",
            "157.240.1.1",
            "2606:4700::1111",
            "2a03:2880::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(none.allow(address.parse().unwrap()), "{address}");
        }
        let some: AllowedRanges = "10.0.0.0/8, ::1".parse().unwrap();
        let allows = |address: &str| some.allow(address.parse::<IpAddr>().unwrap());
        assert!(allows("10.9.9.9") && allows("::ffff:10.9.9.9") && allows("::1") && !allows("127.0.0.1"));
        assert!("10.0.0.0/40".parse::<AllowedRanges>().is_err());
    }

    #[tokio::test]
    async fn s_11_no_way_to_write_an_address_leads_inside() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let guarded = client("", true);
        for host in [
            "127.0.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "127.1",
            "0",
            "localhost",
            "localhost.",
            "LOCALHOST",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "user@127.0.0.1",
            "user:word@localhost",
            "1.1.1.1@127.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "169.254.169.254",
        ] {
            let called = guarded.get(&format!("http://{host}:{port}/"), Some("token")).await;
            assert_eq!(called.err(), Some(CallError::Refused), "{host}");
        }
        for url in [
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:70/",
            "http://",
            "//x",
            "",
            "data:,x",
        ] {
            assert_eq!(guarded.get(url, None).await.err(), Some(CallError::Refused), "{url}");
        }
        let plain = format!("http://127.0.0.1:{port}/");
        assert_eq!(client("127.0.0.1", false).get(&plain, None).await.err(), Some(CallError::Refused));
        let waited = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(waited.is_err(), "somebody connected");
        // It is the guard that kept them out.
        let allowing = client("127.0.0.1", true);
        let (called, met) = tokio::join!(
            allowing.get(&plain, None),
            tokio::time::timeout(Duration::from_secs(1), listener.accept())
        );
        assert!(met.is_ok() && called.err() == Some(CallError::Unanswered));
    }

    /// Answers one call like this, and tells what was asked.
    async fn answers(listener: &TcpListener, answer: String) -> String {
        let (mut caller, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4096];
        let length = caller.read(&mut asked).await.unwrap();
        caller.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&asked[..length]).to_lowercase()
    }

    fn redirect(to: &TcpListener) -> String {
        let to = to.local_addr().unwrap();
        format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{to}/next\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    }

    #[tokio::test]
    async fn s_11_a_redirect_is_an_address_like_any_other_and_gets_no_token() {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (other, inside) = (
            TcpListener::bind("127.0.0.2:0").await.unwrap(),
            TcpListener::bind("127.0.0.3:0").await.unwrap(),
        );
        let guarded = client("127.0.0.1, 127.0.0.2", true);
        let url = format!("http://{}/", first.local_addr().unwrap());
        let fine = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned();
        let (called, asked, asked_next) = tokio::join!(
            guarded.get(&url, Some("secret")),
            answers(&first, redirect(&other)),
            answers(&other, fine)
        );
        assert_eq!(called.unwrap().status(), 200);
        assert!(asked.contains("bearer secret") && !asked_next.contains("secret"), "{asked_next}");
        let (called, _) = tokio::join!(guarded.get(&url, None), answers(&first, redirect(&inside)));
        assert_eq!(called.err(), Some(CallError::Refused));
        let waited = tokio::time::timeout(Duration::from_millis(50), inside.accept()).await;
        assert!(waited.is_err(), "somebody connected");
        // It does not go on for ever.
        let around = async {
            for _ in 0..4 {
                answers(&first, redirect(&first)).await;
            }
        };
        let (called, ()) = tokio::join!(guarded.get(&url, None), around);
        assert_eq!(called.err(), Some(CallError::Refused));
    }
}
