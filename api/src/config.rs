//! Settings: flags or environment variables, each with a default that suits most.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use domain::webhook::SCHEDULE;
use url::Url;

use crate::http::client_address::TrustedProxies;
use crate::outbound_url::AllowedRanges;

/// What a running server needs to know. `main` fills it from flags and environment; tests by hand.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of the API.
    pub listen: SocketAddr,
    /// The embedded cluster, and the files of messages.
    pub data_dir: PathBuf,
    /// Where the files of messages are instead: a bucket.
    pub attachments_url: Option<Url>,
    /// How providers and browsers reach the API, without a slash at the end.
    pub public_url: String,
    /// Bearer of `POST /v1/workspaces`; without one no workspace can be made over HTTP.
    pub operator_key: Option<String>,
    /// Pages of these origins may call; `*` stands for any.
    pub cors_origins: Vec<String>,
    /// Base of the Graph API, with its version.
    pub graph_url: Url,
    /// Version of the Graph API.
    pub graph_version: String,
    /// Base of the Telegram Bot API.
    pub telegram_url: Url,
    /// What may be called, beside the public Internet, of addresses that somebody else names.
    pub private_ranges_allowed: AllowedRanges,
    /// Bearer that `/metrics` demands; without one it answers only callers on this machine.
    pub metrics_key: Option<String>,
    /// Proxies whose word about a client's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// How many calls a minute each credential has, on each server; `None`: as many as it likes.
    pub rate_limit: Option<NonZeroU32>,
    /// How many files that a member uploaded may wait to be sent.
    pub unsent_uploads: u32,
    /// Mail to members.
    pub mail: MailSettings,
    /// How long things take.
    pub times: Times,
    /// The live stream.
    pub stream: StreamSettings,
    /// The database.
    pub database: DatabaseSettings,
}

impl Settings {
    /// Where the pages are that links in mails name, without a slash at the end.
    #[must_use]
    pub fn app_url(&self) -> &str {
        self.mail.app_url.as_deref().unwrap_or(&self.public_url)
    }
}

/// Mail to members. It has no `Debug` of its own that would tell the mail server's password.
#[derive(Clone, Default)]
pub struct MailSettings {
    /// The mail server, as a URL with user and password; without one nothing is mailed.
    pub smtp_url: Option<String>,
    /// The sender: an address, with or without a name.
    pub from: Option<String>,
    /// Where the pages are that links name, without a slash at the end; the public URL without one.
    pub app_url: Option<String>,
}

impl fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailSettings").field("app_url", &self.app_url).finish_non_exhaustive()
    }
}

/// Lifetimes and delays.
#[derive(Debug, Clone)]
pub struct Times {
    /// How long an access token is good.
    pub access_token: Duration,
    /// How long a device stays signed in without refreshing.
    pub refresh_token: Duration,
    /// How long after an exchange the old refresh token gives the same successor again: for a client
    /// whose answer got lost.
    pub refresh_grace: Duration,
    /// How long the link of an invitation is good.
    pub invitation: Duration,
    /// How long the link of a password reset is good.
    pub password_reset: Duration,
    /// The shortest time in which asking for a password reset is answered, so that known addresses take
    /// no longer than unknown ones.
    pub password_reset_answer: Duration,
    /// How long events are kept.
    pub event_retention: Duration,
    /// How long notifications are kept, read or not.
    pub notifications_kept: Duration,
    /// How long it can be read why routing decided as it did.
    pub routing_decisions_kept: Duration,
    /// The longest time to connect to a provider.
    pub provider_connect: Duration,
    /// The longest time for a whole call to a provider.
    pub provider_total: Duration,
    /// The same for a call that brings a file.
    pub provider_upload: Duration,
    /// How often, at most, a customer is shown that somebody is writing.
    pub typing_interval: Duration,
    /// The longest time for fetching a customer's file.
    pub media_total: Duration,
    /// The longest time for handing a mail over.
    pub mail_total: Duration,
    /// The longest time for a call to an integrator's server.
    pub webhook_total: Duration,
    /// How long is waited after each failed call to an integrator's server but the last.
    pub webhook_retries: Vec<Duration>,
    /// How long after a rotation the secret before signs too.
    pub webhook_secret_overlap: Duration,
    /// After how long without a call that succeeded an endpoint is paused.
    pub webhook_pause_after: Duration,
    /// How often the worker looks for due jobs if nobody wakes it.
    pub job_poll: Duration,
    /// How long after it was last seen a member counts as present.
    pub presence_timeout: Duration,
    /// How often members that are gone are looked for; at least four times within the time-out. `None`: this
    /// server takes no part in noticing who comes and goes.
    pub presence_poll: Option<Duration>,
    /// How long connections get to end after SIGTERM.
    pub shutdown: Duration,
}

/// How much longer than the longest call a claim lasts, in poll intervals: the outcome is stored in attempts spaced by them.
/// What is not settled by then was abandoned by a process that died.
const CLAIM_MARGIN_POLLS: u32 = 30;

impl Times {
    /// For how long something is claimed whose call takes this long at most.
    #[must_use]
    pub fn claim(&self, longest_call: Duration) -> TimeDelta {
        let longest = longest_call + self.job_poll * CLAIM_MARGIN_POLLS;
        TimeDelta::from_std(longest).unwrap_or(TimeDelta::seconds(60))
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            access_token: Duration::from_secs(15 * 60),
            refresh_token: Duration::from_secs(30 * 24 * 3600),
            refresh_grace: Duration::from_secs(10),
            invitation: Duration::from_secs(7 * 24 * 3600),
            password_reset: Duration::from_secs(3600),
            password_reset_answer: Duration::from_millis(250),
            event_retention: Duration::from_secs(7 * 24 * 3600),
            notifications_kept: Duration::from_secs(30 * 24 * 3600),
            routing_decisions_kept: Duration::from_secs(90 * 24 * 3600),
            provider_connect: Duration::from_secs(5),
            provider_total: Duration::from_secs(30),
            provider_upload: Duration::from_secs(180),
            typing_interval: Duration::from_secs(5),
            media_total: Duration::from_secs(300),
            mail_total: Duration::from_secs(20),
            webhook_total: Duration::from_secs(15),
            webhook_retries: SCHEDULE.iter().filter_map(|delay| delay.to_std().ok()).collect(),
            webhook_secret_overlap: Duration::from_secs(24 * 3600),
            webhook_pause_after: Duration::from_secs(3 * 24 * 3600),
            job_poll: Duration::from_secs(1),
            presence_timeout: Duration::from_secs(60),
            presence_poll: Some(Duration::from_secs(1)),
            shutdown: Duration::from_secs(10),
        }
    }
}

/// Bounds of the live stream.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// How often the server pings.
    pub heartbeat: Duration,
    /// How long a client has to answer a ping.
    pub pong: Duration,
    /// How long a client has to authenticate.
    pub auth: Duration,
    /// How long a client may fall behind without getting further.
    pub progress: Duration,
    /// The largest frame of a client, in bytes.
    pub max_frame_bytes: usize,
    /// Connections per agent, and per API key; the oldest is closed for a newer one.
    pub connections_per_agent: usize,
    /// Frames of a client within `frames_window`.
    pub frames: u32,
    /// See `frames`.
    pub frames_window: Duration,
    /// The most events that are replayed; a reader further behind is told to load anew.
    pub replay_max: i64,
    /// How often the log is looked at for events of other nodes, and for ended sign-ins.
    pub poll: Duration,
    /// Over how long clients spread their reconnecting after a restart.
    pub reconnect_within: Duration,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(25),
            pong: Duration::from_secs(10),
            auth: Duration::from_secs(5),
            progress: Duration::from_secs(30),
            max_frame_bytes: 16 * 1024,
            connections_per_agent: 10,
            frames: 20,
            frames_window: Duration::from_secs(10),
            replay_max: 5000,
            poll: Duration::from_millis(500),
            reconnect_within: Duration::from_secs(5),
        }
    }
}

/// Connections to PostgreSQL.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// URL of libpq.
    pub url: String,
    /// Connections for requests.
    pub connections: u32,
    /// Connections that write webhooks in batches. More than a few make it slower (see `docs/architecture.md`).
    pub ingest_connections: u32,
    /// How long a call waits for a connection.
    pub wait: Duration,
    /// How long a call may take.
    pub deadline: Duration,
}

impl DatabaseSettings {
    /// The defaults for a database.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self {
            url,
            connections: 8,
            ingest_connections: 2,
            wait: Duration::from_secs(2),
            deadline: Duration::from_secs(10),
        }
    }
}
