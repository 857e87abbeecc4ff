//! A whole installation: a durable PostgreSQL that can be killed and stopped, how to start the server, and
//! the sandbox as the provider.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use api::channels::signature::sign;
use api::clock::Clock;
use api::sandbox::{Sandbox, SandboxConfig};
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use harness::app;
use harness::fixtures::APP_SECRET;
use harness::hooks::{NUMBER, whatsapp_message};
use harness::process::{self, Launch, OPERATOR_KEY, demand, sign_in, signal};
use harness::wire::{Answer, Connection as Wire, request};
use persistence::local_postgres::{LocalPostgres, LocalPostgresOptions};
use serde_json::{Value, json};

use super::items;

/// How long a single answer may take before it counts as none. Deadlines in these tests are far below.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const DATABASE: &str = "tanggap";
const SLUG: &str = "satu";
const PASSWORD: &str = "rahasia-sekali";
pub const CUSTOMERS: usize = 30;
pub const AGENTS: usize = 3;

/// Everything of one test. It ends with the value.
pub struct World {
    pub site: Site,
    pub launch: Launch,
    pub sandbox: Sandbox,
    pub postgres: Postgres,
    _folder: Folder,
}

/// What callers need to know.
#[derive(Debug, Clone)]
pub struct Site {
    pub addr: SocketAddr,
    pub admin: String,
    agents: Arc<Vec<String>>,
    channel_id: String,
    /// The conversation of each customer.
    conversations: Arc<Vec<String>>,
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} could not be removed: {error}", self.0.display());
        }
    }
}

/// The number of a customer.
pub fn customer(number: usize) -> String {
    format!("62812{:08}", number % CUSTOMERS)
}

impl World {
    /// An installation with a team, a WhatsApp number, and a conversation with each customer. No server runs.
    pub async fn build(settings: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tanggap-faults-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Folder(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).unwrap();
        let mut postgres = Postgres { folder: folder.0.clone(), running: None };
        postgres.start();
        postgres.running().ensure_database(DATABASE).unwrap();
        let sandbox = start_sandbox().await;
        let mut launch = Launch::test("faults::tanggap", &folder.0, postgres.url())
            .unwrap()
            .with("TANGGAP_GRAPH_URL", sandbox.base_url())
            .with("TANGGAP_PROVIDER_TIMEOUT", "1s")
            .with("TANGGAP_JOB_POLL", "100ms");
        for (variable, value) in settings {
            launch = launch.with(variable, *value);
        }
        launch.migrate().unwrap();
        let site = settle_in(&launch, &postgres, &sandbox).await;
        Self { site, launch, sandbox, postgres, _folder: folder }
    }

    /// The answer to a query of one column called `value`.
    pub fn values(&self, query: &str) -> Vec<String> {
        self.postgres.values(query)
    }

    /// The place in the log before a test begins.
    pub async fn cursor(&self) -> String {
        let server = self.launch.start().await.unwrap();
        let page = demand(server.addr, "GET", "/v1/events", &self.site.admin, &Value::Null).await.unwrap();
        page["cursor"].as_str().unwrap().to_owned()
    }

    /// A provider that takes its time, so that some kills hit while it is being called, and that tells of half
    /// of its customers never what became of a message: nothing but the claim shows that it was sent.
    pub async fn make_provider_slow_and_silent(&self) {
        let slow = json!({ "target": "send", "action": { "type": "delay", "ms": 15 } });
        let silent = (0..CUSTOMERS).step_by(2).map(|number| {
            json!({ "target": "webhook", "event": "status", "customer": customer(number), "action": { "type": "drop" } })
        });
        let body = json!({ "rules": silent.chain([slow]).collect::<Vec<_>>() });
        demand(self.sandbox.addr, "PUT", "/sandbox/faults", "", &body).await.unwrap();
    }

    /// What customers have received, per reference of ours.
    pub async fn received(&self) -> BTreeMap<String, usize> {
        let mut received = BTreeMap::new();
        for number in 0..CUSTOMERS {
            let path = format!("/sandbox/customers/{}/messages?direction=outbound", customer(number));
            let chat = process::get(self.sandbox.addr, &path).await.unwrap().json();
            for message in items(&chat) {
                let reference = message["our_reference"].as_str().unwrap().to_owned();
                *received.entry(reference).or_default() += 1;
            }
        }
        received
    }

    /// Waits until no message is on its way to the provider.
    pub async fn until_sent(&self) {
        eventually("no message waits to be sent", || async {
            (self.values("SELECT count(*)::text AS value FROM jobs") == ["0"]).then_some(())
        })
        .await;
    }
}

impl Site {
    /// A customer writes.
    pub async fn webhook(&self, customer: &str, id: &str) -> io::Result<Answer> {
        let now = Clock::system().now().unix_seconds();
        let body = whatsapp_message(customer, id, now, "Halo kak").to_string();
        let signature = sign(body.as_bytes(), APP_SECRET);
        let path = format!("/hooks/whatsapp/{}", self.channel_id);
        let bytes = request("POST", &path, &[("x-hub-signature-256", &signature)], body.as_bytes());
        within(async { Wire::open(self.addr).await?.call(&bytes).await }).await
    }

    /// The agent of a customer answers.
    pub async fn reply(&self, customer: usize, client_message_id: &str) -> io::Result<Answer> {
        let body = json!({ "kind": "text", "text": "Siap kak", "client_message_id": client_message_id });
        self.act(customer, "messages", &body).await
    }

    /// The agent of a customer answers, with an `Idempotency-Key`.
    pub async fn reply_once(&self, customer: usize, key: &str, text: &str) -> io::Result<Answer> {
        let authorization = format!("Bearer {}", self.agents[customer % AGENTS]);
        let headers = [("authorization", authorization.as_str()), ("idempotency-key", key)];
        let body = json!({ "kind": "text", "text": text }).to_string();
        let path = format!("/v1/conversations/{}/messages", self.conversations[customer]);
        let bytes = request("POST", &path, &headers, body.as_bytes());
        within(async { Wire::open(self.addr).await?.call(&bytes).await }).await
    }

    /// The agent of a customer says that it is done.
    pub async fn resolve(&self, customer: usize) -> io::Result<Answer> {
        self.act(customer, "resolve", &Value::Null).await
    }

    async fn act(&self, customer: usize, what: &str, body: &Value) -> io::Result<Answer> {
        let customer = customer % CUSTOMERS;
        let agent = &self.agents[customer % AGENTS];
        let path = format!("/v1/conversations/{}/{what}", self.conversations[customer]);
        within(process::call(self.addr, "POST", &path, agent, body)).await
    }

    /// An agent looks at the list.
    pub async fn list(&self) -> io::Result<Answer> {
        within(process::call(self.addr, "GET", "/v1/conversations", &self.admin, &Value::Null)).await
    }
}

async fn within(call: impl Future<Output = io::Result<Answer>>) -> io::Result<Answer> {
    tokio::time::timeout(ANSWER_WITHIN, call).await.expect("a request was not answered within its deadline")
}

async fn start_sandbox() -> Sandbox {
    let clock = Clock::system();
    let config = SandboxConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        clock: Arc::new(move || clock.now()),
        webhook_timeout: Duration::from_secs(5),
    };
    Sandbox::start(config).await.unwrap()
}

/// Makes the team, the channel and the conversations, by a server that ends afterwards.
async fn settle_in(launch: &Launch, postgres: &Postgres, sandbox: &Sandbox) -> Site {
    let server = launch.start().await.unwrap();
    let addr = server.addr;
    let admin = json!({ "name": "Dewi", "email": "dewi@toko.example", "password": PASSWORD });
    let body = json!({ "name": "Toko", "slug": SLUG, "admin": admin });
    demand(addr, "POST", "/v1/workspaces", OPERATOR_KEY, &body).await.unwrap();
    postgres.execute(&format!(
        "INSERT INTO agents (workspace_id, id, name, email, password_hash, role, created_at)
         SELECT workspace_id, gen_random_uuid(), 'Agent ' || n, 'agent' || n || '@toko.example', password_hash, 'agent', now()
         FROM agents, generate_series(0, {AGENTS} - 1) n"
    ));
    postgres.execute(
        "INSERT INTO agent_counts (workspace_id, agent_id)
         SELECT workspace_id, id FROM agents ON CONFLICT DO NOTHING",
    );
    let admin = sign_in(addr, SLUG, "dewi@toko.example", PASSWORD).await.unwrap();
    let mut agents = Vec::new();
    for number in 0..AGENTS {
        let email = format!("agent{number}@toko.example");
        agents.push(sign_in(addr, SLUG, &email, PASSWORD).await.unwrap());
    }
    let channel_id = connect(addr, &admin, sandbox).await;
    let mut site = Site { addr, admin, agents: Arc::new(agents), channel_id, conversations: Arc::default() };
    for number in 0..CUSTOMERS {
        let (id, now) = (customer(number), Clock::system().now());
        assert_eq!(site.webhook(&id, &format!("wamid.first{number}")).await.unwrap().status, 200);
        sandbox.remember_customer(NUMBER, &id, "Pelanggan", now);
    }
    site.conversations = Arc::new(postgres.values(
        "SELECT c.id::text AS value FROM conversations c JOIN contact_identities i
             ON i.workspace_id = c.workspace_id AND i.id = c.identity_id ORDER BY i.phone",
    ));
    site
}

/// Connects the WhatsApp number of the fixtures to the sandbox.
async fn connect(addr: SocketAddr, admin: &str, sandbox: &Sandbox) -> String {
    let (_, mut body) = app::channels().into_iter().find(|(kind, _)| *kind == "whatsapp").unwrap();
    let made = demand(addr, "POST", "/v1/channels", admin, &body).await.unwrap();
    let account = body.as_object_mut().unwrap();
    account.remove("name");
    account.remove("verify_token");
    account.insert("webhook_url".to_owned(), made["webhook_url"].clone());
    sandbox.connect_channel(serde_json::from_value(body).unwrap());
    made["id"].as_str().unwrap().to_owned()
}

/// The database's server.
pub struct Postgres {
    folder: PathBuf,
    running: Option<LocalPostgres>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    value: String,
}

impl Postgres {
    /// Starts it on what it left behind.
    pub fn start(&mut self) {
        self.running = Some(LocalPostgres::start(LocalPostgresOptions::durable(&self.folder)).unwrap());
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let running = self.running.take().unwrap();
        signal(running.pid(), "KILL").unwrap();
        running.stop().unwrap();
    }

    /// Stops the server and all its sessions until the value is dropped: nothing ends, nothing answers.
    pub fn freeze(&self) -> Frozen {
        let postmaster = self.running().pid();
        signal(postmaster, "STOP").unwrap();
        let sessions = children(postmaster);
        for session in &sessions {
            signal(*session, "STOP").unwrap();
        }
        Frozen { postmaster, sessions }
    }

    fn running(&self) -> &LocalPostgres {
        self.running.as_ref().expect("PostgreSQL does not run")
    }

    fn url(&self) -> String {
        self.running().url(DATABASE)
    }

    fn values(&self, query: &str) -> Vec<String> {
        let mut conn = PgConnection::establish(&self.url()).unwrap();
        let rows = sql_query(query).load::<Row>(&mut conn);
        rows.unwrap_or_else(|error| panic!("{query}: {error}")).into_iter().map(|row| row.value).collect()
    }

    /// Runs statements.
    pub fn execute(&self, statements: &str) {
        PgConnection::establish(&self.url()).unwrap().batch_execute(statements).unwrap();
    }
}

/// A stopped PostgreSQL.
pub struct Frozen {
    postmaster: u32,
    sessions: Vec<u32>,
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for process in self.sessions.iter().chain([&self.postmaster]) {
            if let Err(error) = signal(*process, "CONT") {
                eprintln!("process {process} stays stopped: {error}");
            }
        }
    }
}

fn children(parent: u32) -> Vec<u32> {
    let printed = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let pair = |line: &str| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u32>().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap())
    };
    printed.lines().map(pair).filter(|(_, of)| *of == parent).map(|(id, _)| id).collect()
}

/// How many threads a process has; 0 where the system does not tell.
pub fn threads(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    line.map_or(0, |count| count.trim().parse().unwrap())
}

/// Asks until there is an answer, with a deadline that nothing here comes near to.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
