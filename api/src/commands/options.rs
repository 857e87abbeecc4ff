//! Flags and environment variables.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use persistence::local_postgres::{LocalPostgres, LocalPostgresOptions};
use url::Url;

use super::Failed;
use crate::config::{DatabaseSettings, MailSettings, Settings, StreamSettings, Times};
use crate::http::client_address::TrustedProxies;
use crate::outbound_url::AllowedRanges;
use crate::telemetry::{self, LogFormat};

/// What is logged, and how.
#[derive(Debug, Clone, Args)]
pub struct LogOptions {
    /// Which lines, as in RUST_LOG: `info`, `debug`, `warn,api=debug`.
    #[arg(long = "log", env = "TANGGAP_LOG", default_value = "info", global = true)]
    filter: String,
    /// For people or for machines.
    #[arg(long = "log-format", env = "TANGGAP_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    format: LogFormat,
}

impl LogOptions {
    /// Begins logging.
    pub fn start(&self) {
        telemetry::start_logging(&self.filter, self.format);
    }
}

/// Where the data is.
#[derive(Debug, Clone, Args)]
pub struct DatabaseOptions {
    /// The embedded cluster.
    #[arg(long, env = "TANGGAP_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,
    /// A PostgreSQL (15 or newer) of yours; unset: an embedded one in the data folder.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

/// A database to work with: somebody's, or one that stops with this value.
pub struct Database {
    /// How to connect.
    pub url: String,
    local: Option<LocalPostgres>,
}

impl DatabaseOptions {
    /// Starts the embedded PostgreSQL unless there is another database.
    pub(super) async fn open(&self) -> Result<Database, Failed> {
        if let Some(url) = &self.database_url {
            return Ok(Database { url: url.clone(), local: None });
        }
        std::fs::create_dir_all(&self.data_dir)?;
        let options = LocalPostgresOptions::durable(std::fs::canonicalize(&self.data_dir)?);
        let local = tokio::task::spawn_blocking(move || {
            let local = LocalPostgres::start(options)?;
            local.ensure_database("tanggap")?;
            Ok::<_, Failed>(local)
        })
        .await??;
        Ok(Database { url: local.url("tanggap"), local: Some(local) })
    }
}

impl Database {
    /// True if it is the embedded one.
    pub(super) fn is_embedded(&self) -> bool {
        self.local.is_some()
    }

    /// Stops the embedded PostgreSQL.
    pub(super) async fn close(self) -> Result<(), Failed> {
        if let Some(local) = self.local {
            tokio::task::spawn_blocking(move || local.stop()).await??;
        }
        Ok(())
    }
}

/// How the server runs. Durations are written like `500ms`, `5s`, `15m`, `24h`, `30d`.
#[derive(Debug, Clone, Args)]
pub struct ServerOptions {
    /// Address of the API.
    #[arg(long, env = "TANGGAP_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// How providers and browsers reach the API; unset: http:// and the address.
    #[arg(long, env = "TANGGAP_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Bearer of `POST /v1/workspaces`; unset: no workspace can be made over HTTP.
    #[arg(long, env = "TANGGAP_OPERATOR_KEY", hide_env_values = true)]
    pub operator_key: Option<String>,
    /// Bearer that `/metrics` demands; unset: it answers only callers on this machine.
    #[arg(long, env = "TANGGAP_METRICS_KEY", hide_env_values = true)]
    pub metrics_key: Option<String>,
    /// Pages of these origins may call and connect; `*` stands for any.
    #[arg(long, env = "TANGGAP_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// Where the files of messages are kept: `s3://bucket/prefix`, with the credentials that AWS's tools read from the
    /// environment; unset: in the data folder.
    #[arg(long, env = "TANGGAP_ATTACHMENTS_URL")]
    pub attachments_url: Option<Url>,
    /// Base of the Graph API.
    #[arg(long, env = "TANGGAP_GRAPH_URL", default_value = "https://graph.facebook.com")]
    pub graph_url: Url,
    /// Version of the Graph API.
    #[arg(long, env = "TANGGAP_GRAPH_VERSION", default_value = "v25.0")]
    pub graph_version: String,
    /// Base of the Telegram Bot API.
    #[arg(long, env = "TANGGAP_TELEGRAM_URL", default_value = "https://api.telegram.org")]
    pub telegram_url: Url,
    /// Networks that links to files and webhooks may lead to although they are private: addresses and ranges, with commas between.
    #[arg(long, env = "TANGGAP_PRIVATE_RANGES_ALLOWED", default_value = "")]
    pub private_ranges_allowed: AllowedRanges,
    /// Proxies whose `X-Forwarded-For` is believed: addresses and ranges, with commas between.
    #[arg(long, env = "TANGGAP_TRUSTED_PROXIES", default_value = "")]
    pub trusted_proxies: TrustedProxies,
    /// How many calls a minute each API key and each signed-in device has, on each server; 0: as many as it likes.
    #[arg(long, env = "TANGGAP_RATE_LIMIT", default_value_t = 1200)]
    pub rate_limit: u32,
    /// How many files that a member uploaded may wait to be sent.
    #[arg(long, env = "TANGGAP_UNSENT_UPLOADS", default_value_t = 100)]
    pub unsent_uploads: u32,
    /// The mail server: smtps://user:password@host:465, or smtp://host:25; unset: nothing is mailed.
    #[arg(long, env = "TANGGAP_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// The sender of mails: `Tanggap <tanggap@example.com>`.
    #[arg(long, env = "TANGGAP_MAIL_FROM")]
    pub mail_from: Option<String>,
    /// Where the pages are that links in mails name; unset: the public URL.
    #[arg(long, env = "TANGGAP_APP_URL")]
    pub app_url: Option<String>,
    /// How long is waited after each failed call to an integrator's server but the last, with commas between; unset:
    /// 5s,5m,30m,2h,5h,10h,14h,20h,24h.
    #[arg(long, env = "TANGGAP_WEBHOOK_RETRIES", value_parser = duration, value_delimiter = ',')]
    pub webhook_retries: Vec<Duration>,
    /// Threads that serve HTTP; unset: one per core.
    #[arg(long, env = "TANGGAP_WORKERS")]
    pub workers: Option<usize>,
    #[command(flatten)]
    times: TimeOptions,
    #[command(flatten)]
    stream: StreamOptions,
    #[command(flatten)]
    pool: PoolOptions,
}

macro_rules! durations {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident, $flag:literal, $env:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Args)]
        struct $name {
            $(
                $(#[$field_meta])*
                #[arg(long = $flag, env = $env, value_parser = duration, hide = true)]
                $field: Option<Duration>,
            )+
        }
    };
}

durations! {
    /// Lifetimes and delays; see `docs/operations.md`.
    TimeOptions {
        access_token, "access-token-lifetime", "TANGGAP_ACCESS_TOKEN_LIFETIME";
        refresh_token, "refresh-token-lifetime", "TANGGAP_REFRESH_TOKEN_LIFETIME";
        refresh_grace, "refresh-grace", "TANGGAP_REFRESH_GRACE";
        invitation, "invitation-lifetime", "TANGGAP_INVITATION_LIFETIME";
        password_reset, "password-reset-lifetime", "TANGGAP_PASSWORD_RESET_LIFETIME";
        password_reset_answer, "password-reset-answer", "TANGGAP_PASSWORD_RESET_ANSWER";
        event_retention, "event-retention", "TANGGAP_EVENT_RETENTION";
        notifications_kept, "notifications-kept", "TANGGAP_NOTIFICATIONS_KEPT";
        routing_decisions_kept, "routing-decisions-kept", "TANGGAP_ROUTING_DECISIONS_KEPT";
        provider_connect, "provider-connect-timeout", "TANGGAP_PROVIDER_CONNECT_TIMEOUT";
        provider_total, "provider-timeout", "TANGGAP_PROVIDER_TIMEOUT";
        provider_upload, "provider-upload-timeout", "TANGGAP_PROVIDER_UPLOAD_TIMEOUT";
        typing_interval, "typing-interval", "TANGGAP_TYPING_INTERVAL";
        media_total, "media-timeout", "TANGGAP_MEDIA_TIMEOUT";
        mail_total, "mail-timeout", "TANGGAP_MAIL_TIMEOUT";
        webhook_total, "webhook-timeout", "TANGGAP_WEBHOOK_TIMEOUT";
        webhook_secret_overlap, "webhook-secret-overlap", "TANGGAP_WEBHOOK_SECRET_OVERLAP";
        webhook_pause_after, "webhook-pause-after", "TANGGAP_WEBHOOK_PAUSE_AFTER";
        job_poll, "job-poll", "TANGGAP_JOB_POLL";
        presence_timeout, "presence-timeout", "TANGGAP_PRESENCE_TIMEOUT";
        presence_poll, "presence-poll", "TANGGAP_PRESENCE_POLL";
        shutdown, "shutdown-timeout", "TANGGAP_SHUTDOWN_TIMEOUT";
    }
}

durations! {
    /// Bounds of the stream; see `docs/operations.md`.
    StreamOptions {
        heartbeat, "stream-heartbeat", "TANGGAP_STREAM_HEARTBEAT";
        pong, "stream-pong", "TANGGAP_STREAM_PONG";
        auth, "stream-auth", "TANGGAP_STREAM_AUTH";
        progress, "stream-progress", "TANGGAP_STREAM_PROGRESS";
        poll, "stream-poll", "TANGGAP_STREAM_POLL";
        reconnect_within, "stream-reconnect-within", "TANGGAP_STREAM_RECONNECT_WITHIN";
    }
}

/// Connections to the database; see `docs/operations.md`.
#[derive(Debug, Clone, Args)]
struct PoolOptions {
    /// Connections for requests.
    #[arg(long, env = "TANGGAP_DATABASE_CONNECTIONS", default_value_t = 8, hide = true)]
    database_connections: u32,
    /// Connections that write webhooks.
    #[arg(long, env = "TANGGAP_INGEST_CONNECTIONS", default_value_t = 2, hide = true)]
    ingest_connections: u32,
    /// How long a call waits for a connection.
    #[arg(long, env = "TANGGAP_DATABASE_WAIT", value_parser = duration, default_value = "2s", hide = true)]
    database_wait: Duration,
    /// How long a call may take.
    #[arg(long, env = "TANGGAP_DATABASE_DEADLINE", value_parser = duration, default_value = "10s", hide = true)]
    database_deadline: Duration,
}

impl ServerOptions {
    /// The settings of a server on a database.
    pub(super) fn settings(&self, data_dir: &Path, database_url: String) -> Settings {
        let public_url = self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen));
        Settings {
            listen: self.listen,
            data_dir: data_dir.to_owned(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            operator_key: self.operator_key.clone().filter(|key| !key.is_empty()),
            metrics_key: self.metrics_key.clone().filter(|key| !key.is_empty()),
            cors_origins: self.cors_origins.clone(),
            attachments_url: self.attachments_url.clone(),
            graph_url: self.graph_url.clone(),
            graph_version: self.graph_version.clone(),
            telegram_url: self.telegram_url.clone(),
            private_ranges_allowed: self.private_ranges_allowed.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
            rate_limit: NonZeroU32::new(self.rate_limit),
            unsent_uploads: self.unsent_uploads,
            mail: self.mail(),
            times: Times {
                webhook_retries: match &self.webhook_retries[..] {
                    [] => Times::default().webhook_retries,
                    given => given.to_vec(),
                },
                ..self.times.settings()
            },
            stream: self.stream.settings(),
            database: DatabaseSettings {
                url: database_url,
                connections: self.pool.database_connections,
                ingest_connections: self.pool.ingest_connections,
                wait: self.pool.database_wait,
                deadline: self.pool.database_deadline,
            },
        }
    }
}

impl ServerOptions {
    /// An empty variable is as good as none.
    fn mail(&self) -> MailSettings {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        MailSettings {
            smtp_url: given(&self.smtp_url),
            from: given(&self.mail_from),
            app_url: given(&self.app_url).map(|url| url.trim_end_matches('/').to_owned()),
        }
    }
}

impl TimeOptions {
    fn settings(&self) -> Times {
        let own = Times::default();
        Times {
            access_token: self.access_token.unwrap_or(own.access_token),
            refresh_token: self.refresh_token.unwrap_or(own.refresh_token),
            refresh_grace: self.refresh_grace.unwrap_or(own.refresh_grace),
            invitation: self.invitation.unwrap_or(own.invitation),
            password_reset: self.password_reset.unwrap_or(own.password_reset),
            password_reset_answer: self.password_reset_answer.unwrap_or(own.password_reset_answer),
            event_retention: self.event_retention.unwrap_or(own.event_retention),
            notifications_kept: self.notifications_kept.unwrap_or(own.notifications_kept),
            routing_decisions_kept: self.routing_decisions_kept.unwrap_or(own.routing_decisions_kept),
            provider_connect: self.provider_connect.unwrap_or(own.provider_connect),
            provider_total: self.provider_total.unwrap_or(own.provider_total),
            provider_upload: self.provider_upload.unwrap_or(own.provider_upload),
            typing_interval: self.typing_interval.unwrap_or(own.typing_interval),
            media_total: self.media_total.unwrap_or(own.media_total),
            mail_total: self.mail_total.unwrap_or(own.mail_total),
            webhook_total: self.webhook_total.unwrap_or(own.webhook_total),
            webhook_secret_overlap: self.webhook_secret_overlap.unwrap_or(own.webhook_secret_overlap),
            webhook_pause_after: self.webhook_pause_after.unwrap_or(own.webhook_pause_after),
            job_poll: self.job_poll.unwrap_or(own.job_poll),
            presence_timeout: self.presence_timeout.unwrap_or(own.presence_timeout),
            presence_poll: self.presence_poll.or(own.presence_poll),
            shutdown: self.shutdown.unwrap_or(own.shutdown),
            ..own
        }
    }
}

impl StreamOptions {
    fn settings(&self) -> StreamSettings {
        let own = StreamSettings::default();
        StreamSettings {
            heartbeat: self.heartbeat.unwrap_or(own.heartbeat),
            pong: self.pong.unwrap_or(own.pong),
            auth: self.auth.unwrap_or(own.auth),
            progress: self.progress.unwrap_or(own.progress),
            poll: self.poll.unwrap_or(own.poll),
            reconnect_within: self.reconnect_within.unwrap_or(own.reconnect_within),
            ..own
        }
    }
}

/// `500ms`, `5s`, `15m`, `24h`, `30d`.
fn duration(text: &str) -> Result<Duration, String> {
    let explain = || format!("{text:?} is not a duration; write it like 500ms, 5s, 15m, 24h or 30d");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().map_err(|_| explain())?;
    let millis = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        "d" => 24 * 3600 * 1000,
        _ => return Err(explain()),
    };
    let millis = number.checked_mul(millis).ok_or_else(explain)?;
    // A hundred years: sums of times must stay within the calendar.
    if millis > 100 * 365 * 24 * 3600 * 1000 { Err(explain()) } else { Ok(Duration::from_millis(millis)) }
}

#[cfg(test)]
mod tests {
    use super::duration;
    use std::time::Duration;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(duration("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(duration("15m"), Ok(Duration::from_secs(900)));
        for wrong in
            ["", "5", "s", "-5s", "5 s", "5y", "99999999999999999999s", "18446744073709551615d", "99999999d"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
