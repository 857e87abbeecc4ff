//! Where it is measured: a durable PostgreSQL in a temporary folder, the real binary, and workspaces
//! made by its API.

use std::fs;
use std::path::{Path, PathBuf};

use api::channels::signature::sign;
use api::clock::Clock;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use harness::process::{Failed, Launch, OPERATOR_KEY, Tanggap, demand, sign_in};
use harness::wire::request;
use persistence::local_postgres::{LocalPostgres, LocalPostgresOptions};
use serde_json::json;

/// The password of everybody.
pub const PASSWORD: &str = "a password for measuring";
const APP_SECRET: &str = "app-secret-for-measuring";

/// Names a folder to keep what was made in: the next run goes on with it, which saves making millions of rows again.
const KEPT: &str = "TANGGAP_BENCH_FOLDER";

/// Everything that is started, in a folder that goes with it unless it is to be kept.
pub struct Stage {
    local: LocalPostgres,
    url: String,
    // Last, so that PostgreSQL has left it when it goes.
    folder: Folder,
}

/// A folder that is removed when dropped, unless it is to be kept.
struct Folder(PathBuf, bool);

impl Drop for Folder {
    fn drop(&mut self) {
        if self.1 {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} could not be removed: {error}", self.0.display());
        }
    }
}

/// A workspace with a WhatsApp number.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its id.
    pub id: String,
    /// Its name in sign-ins.
    pub slug: String,
    /// Its channel.
    pub channel_id: String,
    account: String,
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    text: String,
}

impl Stage {
    /// Starts PostgreSQL and makes the schema.
    pub fn build() -> Result<Self, Failed> {
        let folder = match std::env::var_os(KEPT) {
            Some(kept) => Folder(kept.into(), true),
            None => Folder(std::env::temp_dir().join(format!("tanggap-bench-{}", std::process::id())), false),
        };
        fs::create_dir_all(&folder.0)?;
        let options = LocalPostgresOptions {
            discard_on_stop: !folder.1,
            max_connections: 400,
            ..LocalPostgresOptions::durable(&folder.0)
        };
        let local = LocalPostgres::start(options)?;
        local.ensure_database("bench")?;
        let url = local.url("bench");
        let stage = Self { local, url, folder };
        stage.launch()?.migrate()?;
        Ok(stage)
    }

    /// The address of the database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What PostgreSQL logs.
    pub fn database_log(&self) -> PathBuf {
        self.folder.0.join("postgres").join("server.log")
    }

    /// A program of this PostgreSQL.
    pub fn program(&self, name: &str) -> PathBuf {
        self.local.program(name)
    }

    /// The folder for files of a measurement.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// How the server is started.
    pub fn launch(&self) -> Result<Launch, Failed> {
        Launch::binary(&self.folder.0, self.url.clone())
    }

    /// A server that is ready.
    pub async fn serve(&self) -> Result<Tanggap, Failed> {
        self.launch()?.start().await
    }

    /// Runs statements.
    pub fn sql(&self, statements: &str) -> Result<(), Failed> {
        Ok(PgConnection::establish(&self.url)?.batch_execute(statements)?)
    }

    /// The column `text` of the one row of a query.
    pub fn text(&self, query: &str) -> Result<String, Failed> {
        let mut conn = PgConnection::establish(&self.url)?;
        Ok(sql_query(query).get_result::<TextRow>(&mut conn)?.text)
    }

    /// The same as a number.
    pub fn number(&self, query: &str) -> Result<i64, Failed> {
        Ok(self.text(query)?.parse()?)
    }

    /// Makes a workspace with a WhatsApp number, through the API.
    pub async fn tenant(&self, server: &Tanggap, slug: &str) -> Result<Tenant, Failed> {
        let body = json!({ "name": slug, "slug": slug, "admin": {
            "name": "Dewi Lestari", "email": "admin@bench.example", "password": PASSWORD } });
        let made = demand(server.addr, "POST", "/v1/workspaces", OPERATOR_KEY, &body).await?;
        let id = made["workspace"]["id"].as_str().ok_or("a workspace without an id")?.to_owned();
        let token = sign_in(server.addr, slug, "admin@bench.example", PASSWORD).await?;
        // An account number that no other workspace of the run has.
        let account = format!("1150{:011}", u64::from_str_radix(&id[24..], 16)? % 100_000_000_000);
        let body = json!({ "kind": "whatsapp", "name": "WhatsApp", "phone_number_id": account, "waba_id": "104859203847561",
            "display_phone_number": "+6281119876543", "access_token": "token", "app_secret": APP_SECRET, "verify_token": "verify" });
        let channel = demand(server.addr, "POST", "/v1/channels", &token, &body).await?;
        let channel_id = channel["id"].as_str().ok_or("a channel without an id")?.to_owned();
        Ok(Tenant { id, slug: slug.to_owned(), channel_id, account })
    }
}

impl Tenant {
    /// A signed webhook in which a customer writes one message: a whole request.
    pub fn webhook(&self, customer: usize, message: u64) -> Vec<u8> {
        let phone = format!("62812{customer:08}");
        let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "104859203847561", "changes": [{
            "value": {
                "messaging_product": "whatsapp",
                "metadata": { "display_phone_number": "6281119876543", "phone_number_id": self.account },
                "contacts": [{ "profile": { "name": format!("Customer {customer}") }, "wa_id": phone,
                    "user_id": format!("ID.88{customer:014}") }],
                "messages": [{ "from": phone, "from_user_id": format!("ID.88{customer:014}"),
                    "id": format!("wamid.HBgNNjI4MTIzNDU2Nzg5MBUCABIYF{message:020}A=="),
                    "timestamp": Clock::system().now().unix_seconds().to_string(), "type": "text",
                    "text": { "body": "Selamat pagi kak, paket saya resi JP8812349907 kok belum sampai ya? 🙏" } }],
            },
            "field": "messages",
        }] }] })
        .to_string();
        let signature = sign(body.as_bytes(), APP_SECRET);
        let path = format!("/hooks/whatsapp/{}", self.channel_id);
        request("POST", &path, &[("x-hub-signature-256", &signature)], body.as_bytes())
    }
}
