//! A running server: everything from the database to the sockets, started and stopped together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{HttpServer, web};
use persistence::db::{Db, DbSettings};
use persistence::error::Failure;
use persistence::migrate::{self, MigrateError};
use persistence::workspaces;
use tokio::sync::{Notify, RwLock};
use tokio::task::JoinHandle;

use crate::attachment_store::{AttachmentStore, StoreSettingsError};
use crate::auth::actors::Actors;
use crate::auth::attendance::Attendance;
use crate::auth::key_uses::{self, KeyUses};
use crate::auth::keys::Keys;
use crate::channels::known::KnownChannels;
use crate::channels::{ProviderClient, ProviderSettings};
use crate::clock::Clock;
use crate::config::Settings;
use crate::http::methods::Methods;
use crate::http::rate_limit::RateLimits;
use crate::ids::Ids;
use crate::jobs::{housekeeping, presence, router as routing, runner, webhooks};
use crate::mail::{MailSettingsError, Mailer};
use crate::openapi::{self, Documents};
use crate::ops::ingest::{self, Ingest};
use crate::outbound_url::{GuardSettings, GuardedClient};
use crate::router;
use crate::state::{App, Shared};
use crate::stream::hub::Hub;
use crate::telemetry;
use crate::typing::Typing;
use crate::webhooks::WebhookWaker;

/// A client that stops reading fills this and no more, in bytes (left alone, the kernel takes 3.9 MB).
const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// How long sent bytes may stay unacknowledged before the kernel gives the connection up.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(15);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The schema is not this binary's.
    #[error("the database is not migrated to this version; run `tanggap migrate`")]
    NotMigrated,
    /// The schema could not be looked at.
    #[error("the database's schema could not be checked")]
    Migrations(#[from] MigrateError),
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] Failure),
    /// The HTTP client for the providers could not be made.
    #[error("the HTTP client for the providers could not be made")]
    Providers(#[from] reqwest::Error),
    /// The files of messages cannot be kept with these settings.
    #[error(transparent)]
    Attachments(#[from] StoreSettingsError),
    /// Mail cannot be sent with these settings.
    #[error(transparent)]
    Mail(#[from] MailSettingsError),
    /// The address cannot be used.
    #[error("the address {0} cannot be listened on")]
    Listen(SocketAddr, #[source] std::io::Error),
}

/// A running server.
pub struct Server {
    /// The address it listens on.
    pub addr: SocketAddr,
    /// What it shares.
    pub app: App,
    handle: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts it. `workers` is how many threads serve HTTP; `None`: one per core.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        settings: Settings,
        keys: Keys,
        clock: Clock,
        workers: Option<usize>,
    ) -> Result<Self, StartError> {
        telemetry::start_metrics();
        let url = settings.database.url.clone();
        let current = tokio::task::spawn_blocking(move || migrate::is_current(&url)).await;
        if !current.map_err(|_| StartError::NotMigrated)?? {
            return Err(StartError::NotMigrated);
        }
        let (app, tasks) = assemble(settings, keys, clock).await?;
        let listen = app.settings.listen;
        let documents = web::Data::new(Documents::generate());
        let methods = web::Data::new(Methods::of(&openapi::raw()));
        let shared = app.clone();
        let mut server =
            HttpServer::new(move || router::application(shared.clone(), documents.clone(), methods.clone()))
                .tcp_nodelay(true)
                .disable_signals()
                .shutdown_timeout(app.settings.times.shutdown.as_secs())
                .on_connect(|connection, _| bound_socket(connection));
        if let Some(workers) = workers {
            server = server.workers(workers);
        }
        let server = server.bind(listen).map_err(|error| StartError::Listen(listen, error))?;
        let addr = server.addrs().first().copied().unwrap_or(listen);
        let running = server.run();
        let handle = running.handle();
        let serving = tokio::spawn(running);
        Ok(Self { addr, app, handle, serving, tasks })
    }

    /// Ends it in order: streams are told and closed, requests under way finish, jobs stop.
    pub async fn stop(self) {
        let settings = &self.app.settings;
        self.app.hub.shutdown(settings.stream.reconnect_within, settings.times.shutdown).await;
        self.handle.stop(true).await;
        let _ = self.serving.await;
        // What could not be stored by then is lost: a use of a key is not worth waiting for.
        let _ = tokio::time::timeout(settings.times.shutdown, key_uses::write_down(&self.app)).await;
        for task in self.tasks {
            task.abort();
        }
    }
}

async fn assemble(
    settings: Settings,
    keys: Keys,
    clock: Clock,
) -> Result<(App, Vec<JoinHandle<()>>), StartError> {
    let database = &settings.database;
    let pool = |name, connections, deadline| {
        Db::new(DbSettings { url: database.url.clone(), name, connections, wait: database.wait, deadline })
    };
    let db = pool("tanggap", database.connections, database.deadline);
    let ingest_db = pool("tanggap ingest", database.ingest_connections, database.deadline);
    let readiness = pool("tanggap readiness", 1, Duration::from_secs(1));
    let epoch = db.read(|conn| Ok(workspaces::epoch(conn)?)).await?;
    let times = &settings.times;
    let providers = ProviderClient::new(ProviderSettings {
        graph_base: settings.graph_url.clone(),
        graph_version: settings.graph_version.clone(),
        telegram_base: settings.telegram_url.clone(),
        connect_timeout: times.provider_connect,
        total_timeout: times.provider_total,
        upload_timeout: times.provider_upload,
    })?;
    let guarded = GuardedClient::new(GuardSettings {
        allowed: settings.private_ranges_allowed.clone(),
        // Where the provider itself is a stand-in without TLS, its links are too.
        plain_http: settings.graph_url.scheme() == "http",
        connect_timeout: times.provider_connect,
        read_timeout: times.provider_total,
        total_timeout: times.media_total,
    })?;
    let attachments = match &settings.attachments_url {
        Some(url) => AttachmentStore::at(url, std::env::vars().collect())?,
        None => AttachmentStore::folder(&settings.data_dir.join("attachments"))?,
    };
    let mailer = Mailer::new(&settings)?;
    if mailer.is_none() {
        tracing::info!("TANGGAP_SMTP_URL is not set: nobody can be invited, and no password reset, by mail");
    }
    let (ingest, queue) = Ingest::new();
    let writers = database.ingest_connections;
    let attendance = Attendance::new(times.presence_timeout);
    let rate_limits = RateLimits::new(settings.rate_limit, clock.clone());
    let app = App::new(Shared {
        settings,
        db,
        readiness,
        clock,
        ids: Ids::default(),
        keys,
        epoch,
        actors: Actors::default(),
        key_uses: KeyUses::default(),
        rate_limits,
        attendance,
        known_channels: KnownChannels::default(),
        hub: Hub::default(),
        ingest,
        providers,
        typing: Typing::default(),
        guarded,
        attachments,
        mailer,
        jobs: Arc::new(Notify::new()),
        configuration_gate: RwLock::new(()),
        router: Arc::new(Notify::new()),
        webhooks: WebhookWaker::default(),
    });
    let mut tasks = vec![
        app.hub.start(app.clone(), app.settings.stream.poll),
        tokio::spawn(ingest::run(app.clone(), ingest_db, queue, writers)),
        tokio::spawn(runner::run(app.clone())),
        tokio::spawn(routing::run(app.clone())),
        tokio::spawn(webhooks::run(app.clone())),
        tokio::spawn(housekeeping::run(app.clone())),
        tokio::spawn(key_uses::run(app.clone())),
    ];
    if let Some(every) = app.settings.times.presence_poll {
        tasks.push(tokio::spawn(presence::run(app.clone(), every)));
    }
    Ok((app, tasks))
}

/// Bounds what a connection may keep in the kernel.
fn bound_socket(connection: &dyn std::any::Any) {
    if let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() {
        let socket = socket2::SockRef::from(stream);
        // A platform without one of these serves all the same, only with larger buffers.
        let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(ACKNOWLEDGED_WITHIN));
    }
}
