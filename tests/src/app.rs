//! A server of one test, with a team, channels, and a clock that only the test moves.

use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener};
use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use api::auth::keys::Keys;
use api::clock::Clock;
use api::config::{DatabaseSettings, MailSettings, Settings, StreamSettings, Times};
use api::http::client_address::TrustedProxies;
use api::mail::MailConfigured;
use api::ops::agents::{self, AgentDraft};
use api::ops::invitations;
use api::outbound_url::AllowedRanges;
use api::sandbox::{Sandbox, SandboxConfig};
use api::server::{Server, StartError};
use api::stream::cursor::StreamCursor;
use chrono::TimeDelta;
use domain::agent::Role;
use domain::id::{AgentId, WorkspaceId};
use domain::resource::EventActor;
use domain::time::Timestamp;
use serde_json::{Value, json};
use url::Url;

use crate::client::{Caller, Wire};
use crate::database::Database;
use crate::events::Follower;
use crate::fixtures::APP_SECRET;
use crate::hooks::{ACCESS_TOKEN, APP_ID, BOT, NUMBER, PAGE, SECOND_NUMBER, TELEGRAM_SECRET, WABA};
use crate::logs;
use crate::mail::MailServer;
use crate::team::Team;

/// The secret of the installation.
pub const SECRET_KEY: &str = "0123456789abcdef0123456789abcdef";
/// The bearer of `POST /v1/workspaces`.
pub const OPERATOR_KEY: &str = "operator-key-of-the-tests";
/// When every test begins: 2026-11-20, 14:33:20 in Jakarta, after everything that the fixtures tell.
pub const START: i64 = 1_795_160_000;

/// Often, so that tests do not wait for it.
const PRESENCE_POLL: Duration = Duration::from_millis(20);

/// How to start a server.
pub struct Options {
    sandbox: bool,
    presence: bool,
    change: Box<dyn FnOnce(&mut Settings) + Send>,
}

impl Options {
    /// With a sandbox as the providers; its accounts are the channels.
    #[must_use]
    pub fn sandbox(mut self) -> Self {
        self.sandbox = true;
        self
    }

    /// With members coming and going noticed as they do. Otherwise nobody comes or goes unless a test says so by
    /// `api::jobs::presence`: what happens in the background would come between the events that tests count.
    #[must_use]
    pub fn presence(mut self) -> Self {
        self.presence = true;
        self
    }

    /// With other settings.
    #[must_use]
    pub fn settings(self, change: impl FnOnce(&mut Settings) + Send + 'static) -> Self {
        let before = self.change;
        let both = move |settings: &mut Settings| {
            before(settings);
            change(settings);
        };
        Self { change: Box::new(both), ..self }
    }

    /// With a mail server.
    #[must_use]
    pub fn mail(self, server: &MailServer) -> Self {
        let mail = MailSettings {
            smtp_url: Some(server.url()),
            from: Some("Tanggap <tanggap@surat.example>".to_owned()),
            app_url: Some("https://app.example".to_owned()),
        };
        self.settings(move |settings| settings.mail = mail)
    }

    /// Starts it.
    pub async fn start(self) -> TestApp {
        logs::watch();
        let clock = Clock::manual(Timestamp::from_unix_seconds(START).unwrap());
        let sandbox = match self.sandbox {
            true => Some(start_sandbox(clock.clone()).await),
            false => None,
        };
        let providers = match &sandbox {
            Some(sandbox) => Url::parse(&sandbox.base_url()).unwrap(),
            // The discard port: nobody answers there.
            None => Url::parse("http://127.0.0.1:9").unwrap(),
        };
        let database = Database::migrated();
        let mut settings = settings(&database, providers);
        if self.presence {
            settings.times.presence_poll = Some(PRESENCE_POLL);
        }
        (self.change)(&mut settings);
        let server = start_server(settings, &clock, None).await;
        let http = client(None);
        let base = format!("http://{}", server.addr);
        let wire = Arc::new(Wire { base, clock: clock.clone(), http });
        let team = Team::make(&server.app, &wire, "satu").await;
        let mut app =
            TestApp { server: Some(server), sandbox, team, wire, clock, database, channels: BTreeMap::new() };
        app.connect_channels().await;
        app
    }
}

fn client(address: Option<IpAddr>) -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .local_address(address)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        // An idle connection would hold up the server's end.
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

async fn start_sandbox(clock: Clock) -> Sandbox {
    let config = SandboxConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        clock: Arc::new(move || clock.now()),
        webhook_timeout: Duration::from_secs(30),
    };
    Sandbox::start(config).await.unwrap()
}

fn settings(database: &Database, providers: Url) -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: database.files(),
        attachments_url: None,
        public_url: String::new(),
        operator_key: Some(OPERATOR_KEY.to_owned()),
        cors_origins: vec!["https://app.example".to_owned()],
        graph_url: providers.clone(),
        graph_version: "v25.0".to_owned(),
        telegram_url: providers,
        metrics_key: None,
        // The sandbox is on this machine.
        private_ranges_allowed: AllowedRanges::default().and_loopback(),
        trusted_proxies: TrustedProxies::default(),
        // Far more than any test has calls: their clock stands still, so that nothing would be given back.
        rate_limit: NonZeroU32::new(1_000_000),
        unsent_uploads: 100,
        mail: MailSettings::default(),
        times: Times {
            shutdown: Duration::from_secs(1),
            presence_poll: None,
            // How long it takes is nothing that these tests measure.
            password_reset_answer: Duration::ZERO,
            ..Times::default()
        },
        // A test reads its connections when it comes to it.
        stream: StreamSettings {
            pong: Duration::from_secs(60),
            progress: Duration::from_secs(60),
            ..StreamSettings::default()
        },
        database: DatabaseSettings {
            connections: 4,
            ingest_connections: 2,
            // Other tests may keep the machine busy: nothing here is about time.
            wait: Duration::from_secs(30),
            deadline: Duration::from_secs(30),
            ..DatabaseSettings::new(database.url.clone())
        },
    }
}

/// Channels name the public address, so the port has to be known before there is a server on it. Somebody
/// else may take the port in between; then another one is tried.
async fn start_server(mut settings: Settings, clock: &Clock, public_url: Option<&str>) -> Server {
    let keys = Keys::from_secret(SECRET_KEY).unwrap();
    for _ in 0..20 {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        settings.listen = free;
        settings.public_url = public_url.map_or_else(|| format!("http://{free}"), ToOwned::to_owned);
        match Server::start(settings.clone(), keys.clone(), clock.clone(), Some(1)).await {
            Ok(server) => return server,
            Err(StartError::Listen(..)) => {}
            Err(error) => panic!("the server does not start: {error}"),
        }
    }
    panic!("no port is free");
}

/// A running server. It ends with the value; a test needs `flavor = "multi_thread"` for that.
pub struct TestApp {
    server: Option<Server>,
    sandbox: Option<Sandbox>,
    wire: Arc<Wire>,
    channels: BTreeMap<&'static str, String>,
    /// The people of the first workspace.
    pub team: Team,
    /// The server's and the sandbox's clock.
    pub clock: Clock,
    /// The server's database.
    pub database: Database,
}

impl TestApp {
    /// A server with a team and a channel of each kind; providers do not answer, and nobody's coming and going is
    /// noticed (see [`Options::presence`]).
    pub async fn start() -> Self {
        Self::options().start().await
    }

    /// The same with a sandbox as the providers.
    pub async fn with_sandbox() -> Self {
        Self::options().sandbox().start().await
    }

    /// For more choice.
    #[must_use]
    pub fn options() -> Options {
        Options { sandbox: false, presence: false, change: Box::new(|_| {}) }
    }

    /// The server's insides, for what cannot be done from outside.
    #[must_use]
    pub fn app(&self) -> &api::state::App {
        &self.server.as_ref().unwrap().app
    }

    /// The sandbox.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().expect("start the app with a sandbox")
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.wire.base
    }

    /// What callers share.
    #[must_use]
    pub fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// The channel of a kind (`whatsapp2`: the second number of the fixtures).
    #[must_use]
    pub fn channel(&self, kind: &str) -> &str {
        &self.channels[kind]
    }

    /// Somebody without credentials.
    #[must_use]
    pub fn anonymous(&self) -> Caller {
        Caller::anonymous(&self.wire)
    }

    /// Somebody without credentials, who calls from this address of the machine.
    #[must_use]
    pub fn anonymous_from(&self, address: &str) -> Caller {
        let http = client(Some(address.parse().unwrap()));
        let wire = Wire { base: self.wire.base.clone(), clock: self.clock.clone(), http };
        Caller::anonymous(&Arc::new(wire))
    }

    /// The operator of the installation.
    #[must_use]
    pub fn operator(&self) -> Caller {
        self.bearer(OPERATOR_KEY)
    }

    /// Somebody with this bearer.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Caller {
        Caller::bearer(&self.wire, token)
    }

    /// Stops the server as SIGTERM does; another node goes on with its database.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// Another workspace, with a team of its own.
    pub async fn another_team(&self, slug: &str) -> Team {
        Team::make(self.app(), &self.wire, slug).await
    }

    /// More agents in the first workspace.
    pub async fn hire(&mut self, count: usize) -> Vec<Caller> {
        let app = self.app().clone();
        let range = self.team.hire(&app, count).await;
        range.map(|which| self.team.agent(which)).collect()
    }

    /// Invites somebody by mail to the first workspace.
    pub async fn invite(&self, name: &str, email: &str) -> AgentId {
        let mail = MailConfigured::check(&self.app().settings).unwrap();
        let workspace = self.team.workspace;
        let draft = AgentDraft {
            name: name.to_owned(),
            email: email.to_owned(),
            password_hash: None,
            role: Role::Agent,
            supervisor_id: None,
            view_all: true,
            max_conversations: None,
        };
        let invited = self.app().write(move |tx| {
            let agent = agents::create(tx, workspace, &draft, &EventActor::operator())?;
            invitations::invite(tx, mail, workspace, agent.id)?;
            Ok(agent.id)
        });
        invited.await.unwrap()
    }

    /// Moves the clock and wakes the workers.
    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
        self.app().jobs.notify_one();
        self.app().router.notify_one();
        self.app().webhooks.changed_by_hand();
    }

    /// Follows the log from now on, as the admin sees it.
    pub async fn follow(&self) -> Follower {
        Follower::from_now(self.team.admin()).await
    }

    /// The whole log of the first workspace, as its admin sees it.
    pub async fn events(&self) -> Vec<Value> {
        let cursor = StreamCursor::new(self.app().epoch, 0).to_string();
        Follower::from_cursor(self.team.admin(), cursor).rest().await.to_vec()
    }

    /// The number of the last event of a workspace.
    pub async fn head(&self, workspace: WorkspaceId) -> i64 {
        let read = move |conn: &mut diesel::PgConnection| Ok(persistence::events::head(conn, workspace)?);
        self.app().db.read(read).await.unwrap()
    }

    /// How many rows fit `from`: `"messages WHERE kind = 'text'"`.
    #[must_use]
    pub fn count(&self, from: &str) -> i64 {
        let query = format!("SELECT count(*)::text AS value FROM {from}");
        self.database.values(&query)[0].parse().unwrap()
    }

    async fn connect_channels(&mut self) {
        for (kind, body) in channels() {
            let made = self.team.admin().post("/v1/channels", body.clone()).await.expect(201);
            self.channels.insert(kind, made.id());
            if self.sandbox.is_some() {
                self.connect_sandbox(body, made["webhook_url"].clone());
            }
        }
    }

    fn connect_sandbox(&self, mut account: Value, webhook_url: Value) {
        let fields = account.as_object_mut().unwrap();
        fields.remove("name");
        fields.remove("verify_token");
        fields.insert("webhook_url".to_owned(), webhook_url);
        self.sandbox().connect_channel(serde_json::from_value(account).unwrap());
    }

    /// Changes the account of a channel at the provider: another token, for example.
    pub async fn reconnect_sandbox(&self, kind: &str, change: &Value) {
        let (_, mut account) = channels().into_iter().find(|(name, _)| *name == kind).unwrap();
        account.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let path = format!("/v1/channels/{}", self.channel(kind));
        let webhook_url = self.team.admin().get(path).await.expect(200)["webhook_url"].clone();
        self.connect_sandbox(account, webhook_url);
    }
}

/// Another server on the database of a [`TestApp`], with the same public address. It ends with the value.
pub struct Node {
    server: Option<Server>,
    wire: Arc<Wire>,
}

impl TestApp {
    /// Starts another server on the same database, with other settings.
    pub async fn node(&self, change: impl FnOnce(&mut Settings)) -> Node {
        let mut settings = self.app().settings.clone();
        change(&mut settings);
        let public_url = settings.public_url.clone();
        let server = start_server(settings, &self.clock, Some(&public_url)).await;
        let base = format!("http://{}", server.addr);
        let wire = Arc::new(Wire { base, clock: self.clock.clone(), http: self.wire.http.clone() });
        Node { server: Some(server), wire }
    }
}

impl Node {
    /// The server's insides.
    #[must_use]
    pub fn app(&self) -> &api::state::App {
        &self.server.as_ref().unwrap().app
    }

    /// What callers of this server share.
    #[must_use]
    pub fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// Stops it as SIGTERM does.
    pub async fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(server.stop()));
        }
    }
}

/// Where a server can be reached.
pub trait Address {
    /// `http://127.0.0.1:port`.
    fn address(&self) -> &str;
}

impl Address for TestApp {
    fn address(&self) -> &str {
        self.base()
    }
}

impl Address for Node {
    fn address(&self) -> &str {
        &self.wire.base
    }
}

/// The accounts of the fixtures, as `POST /v1/channels` takes them.
#[must_use]
pub fn channels() -> Vec<(&'static str, Value)> {
    let whatsapp = |name: &str, id: &str, number: &str| {
        json!({
            "kind": "whatsapp", "name": name, "phone_number_id": id, "waba_id": WABA,
            "display_phone_number": number, "access_token": ACCESS_TOKEN, "app_secret": APP_SECRET,
            "verify_token": "verify-token-of-the-tests",
        })
    };
    vec![
        ("whatsapp", whatsapp("WhatsApp Pusat", NUMBER, "+6281119876543")),
        ("whatsapp2", whatsapp("WhatsApp Cabang", SECOND_NUMBER, "+6281119870001")),
        (
            "messenger",
            json!({
                "kind": "messenger", "name": "Halaman Toko Tani", "page_id": PAGE, "app_id": APP_ID,
                "page_access_token": ACCESS_TOKEN, "app_secret": APP_SECRET,
                "verify_token": "verify-token-of-the-tests",
            }),
        ),
        (
            "telegram",
            json!({
                "kind": "telegram", "name": "Bot Toko Tani", "bot_token": format!("{BOT}:{ACCESS_TOKEN}"),
                "webhook_secret": TELEGRAM_SECRET,
            }),
        ),
    ]
}

impl Deref for TestApp {
    type Target = Team;

    fn deref(&self) -> &Team {
        &self.team
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let (server, sandbox) = (self.server.take(), self.sandbox.take());
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                if let Some(sandbox) = sandbox {
                    sandbox.stop().await;
                }
                if let Some(server) = server {
                    server.stop().await;
                }
            });
        });
    }
}
