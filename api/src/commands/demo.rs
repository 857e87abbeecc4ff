//! The demo workspace of `tanggap dev`: a team, channels, and customers who have written.
//!
//! The team is made by the operations; everything else by the API and the sandbox, as a front end and
//! customers would do it.

use std::net::SocketAddr;

use domain::agent::Role;
use domain::id::WorkspaceId;
use domain::input;
use persistence::accounts;
use persistence::error::Failure;
use persistence::{channels, contacts, conversations};
use serde_json::{Value, json};

use super::Failed;
use crate::auth::password;
use crate::ops::agents::AgentDraft;
use crate::ops::channels::{ChannelSecrets, open, shape};
use crate::ops::workspaces::WorkspaceDraft;
use crate::ops::{agents as agent_ops, divisions as division_ops, workspaces as workspace_ops};
use crate::sandbox::{Sandbox, SandboxChannel};
use crate::state::App;
use domain::resource::EventActor;

const SLUG: &str = "demo";
const PASSWORD: &str = "tanggap-demo";
const ADMIN: (&str, &str) = ("Dewi Lestari", "admin@demo.example");
const SUPERVISOR: (&str, &str) = ("Budi Santoso", "supervisor@demo.example");
const AGENTS: [(&str, &str); 2] =
    [("Siti Rahmawati", "siti@demo.example"), ("Agus Wijaya", "agus@demo.example")];

/// Makes the demo workspace if it is not there, and connects its channels to the sandbox.
pub(super) async fn prepare(app: &App, addr: SocketAddr, sandbox: &Sandbox) -> Result<(), Failed> {
    let found =
        app.db.read(|conn| Ok(accounts::logins(conn, Some(SLUG.to_owned()), ADMIN.1.to_owned(), 1)?)).await?;
    let workspace = match found.first() {
        Some(admin) => admin.workspace_id,
        None => make_team(app).await?,
    };
    let api = Client::new(addr)?;
    let admin = api.sign_in(ADMIN.1).await?;
    let has_channels =
        !app.db.read(move |conn| Ok(channels::list(conn, workspace, None, None, 1)?)).await?.is_empty();
    if !has_channels {
        for channel in channel_bodies() {
            api.post(&admin, "/v1/channels", &channel).await?;
        }
    }
    connect(app, workspace, sandbox).await?;
    if !app.db.read(move |conn| Ok(conversations::any(conn, workspace)?)).await? {
        make_conversations(&api, &sandbox.base_url()).await?;
    }
    Ok(())
}

async fn make_team(app: &App) -> Result<WorkspaceId, Failed> {
    let hash = password::hash_in_background(PASSWORD.to_owned()).await?;
    let made = app
        .write(move |tx| {
            let draft = WorkspaceDraft {
                name: "Toko Tani".to_owned(),
                slug: SLUG.to_owned(),
                timezone: None,
                admin_name: ADMIN.0.to_owned(),
                admin_email: ADMIN.1.to_owned(),
                admin_password_hash: hash.clone(),
            };
            let (workspace, _) = workspace_ops::create(tx, &draft)?;
            let actor = EventActor::operator();
            let member = |(name, email): (&str, &str), role, supervisor_id| {
                Ok::<_, Failure>(AgentDraft {
                    name: input::name("", name)?,
                    email: input::email("", email)?,
                    password_hash: Some(hash.clone()),
                    role,
                    supervisor_id,
                    view_all: true,
                    max_conversations: None,
                })
            };
            let supervisor = member(SUPERVISOR, Role::Supervisor, None)?;
            let supervisor = agent_ops::create(tx, workspace.id, &supervisor, &actor)?;
            let mut team = Vec::new();
            for person in AGENTS {
                let draft = member(person, Role::Agent, Some(supervisor.id))?;
                team.push(agent_ops::create(tx, workspace.id, &draft, &actor)?.id);
            }
            division_ops::create(tx, workspace.id, "Penjualan", vec![team[0], supervisor.id], &actor)?;
            division_ops::create(tx, workspace.id, "Komplain", vec![team[1]], &actor)?;
            Ok(workspace.id)
        })
        .await?;
    Ok(made)
}

fn channel_bodies() -> [Value; 3] {
    [
        json!({
            "kind": "whatsapp", "name": "WhatsApp Pusat", "phone_number_id": "115029384756102",
            "waba_id": "104859203847561", "display_phone_number": "+6281119876543",
            "access_token": "demo-whatsapp-access-token", "app_secret": "demo-whatsapp-app-secret",
            "verify_token": "demo-verify-token",
        }),
        json!({
            "kind": "messenger", "name": "Halaman Toko Tani", "page_id": "108273645501928", "app_id": "1517776481860111",
            "page_access_token": "demo-page-access-token", "app_secret": "demo-messenger-app-secret",
            "verify_token": "demo-verify-token",
        }),
        json!({
            "kind": "telegram", "name": "Bot Toko Tani", "bot_token": "6900112233:demo-telegram-bot-token",
            "webhook_secret": "demo-telegram-secret",
        }),
    ]
}

/// The most customers that the sandbox is told of.
const REMEMBERED: i64 = 1000;

/// The sandbox forgets when it stops: it is told of the stored channels and customers at every start.
async fn connect(app: &App, workspace: WorkspaceId, sandbox: &Sandbox) -> Result<(), Failed> {
    let writers = app.db.read(move |conn| Ok(contacts::writers(conn, workspace, REMEMBERED)?)).await?;
    for stored in app.db.read(move |conn| Ok(channels::list(conn, workspace, None, None, 100)?)).await? {
        for writer in writers.iter().filter(|writer| writer.channel_id == stored.id) {
            sandbox.remember_customer(&stored.external_id, &writer.address, &writer.name, writer.wrote_at);
        }
        let secrets = open(app, &stored)?;
        let channel = shape(app, stored);
        let account = |name: &str| channel.account[name].as_str().unwrap_or_default().to_owned();
        let webhook_url = channel.webhook_url.clone();
        sandbox.connect_channel(match secrets {
            ChannelSecrets::WhatsApp { access_token, app_secret, .. } => SandboxChannel::Whatsapp {
                phone_number_id: channel.external_id.clone(),
                display_phone_number: account("display_phone_number"),
                waba_id: account("waba_id"),
                access_token,
                app_secret,
                webhook_url,
            },
            ChannelSecrets::Messenger { page_access_token, app_secret, .. } => SandboxChannel::Messenger {
                page_id: channel.external_id.clone(),
                app_id: account("app_id"),
                page_access_token,
                app_secret,
                webhook_url,
            },
            // Its provider is the integrator.
            ChannelSecrets::Api { .. } => continue,
            ChannelSecrets::Telegram { bot_token, webhook_secret } => SandboxChannel::Telegram {
                bot_token,
                webhook_secret: Some(webhook_secret),
                webhook_url: Some(webhook_url),
            },
        });
    }
    Ok(())
}

/// Customers write; some are waiting, one is being helped, one has been helped.
async fn make_conversations(api: &Client, sandbox: &str) -> Result<(), Failed> {
    let customers = [
        ("6281234567890", "whatsapp", "Siti Aminah", "Selamat pagi kak, paket saya kok belum sampai ya?"),
        ("6285711223344", "whatsapp", "Pak Hendra", "Ini stok pupuk 25 kg masih ada?"),
        ("7412583690147258", "messenger", "Rina Marlina", "Halo admin, ongkir ke Malang berapa ya?"),
        ("7512345678", "telegram", "Joko", "Min, bisa COD area Sleman?"),
    ];
    for (id, channel, name, text) in customers {
        let url = format!("{sandbox}/sandbox/customers/{id}/messages");
        let body = json!({ "channel": channel, "name": name, "text": text });
        let answer: Value = api.http.post(url).json(&body).send().await?.error_for_status()?.json().await?;
        if answer["delivered"] != json!(true) {
            return Err(format!("the sandbox could not hand a message over: {answer}").into());
        }
    }
    let siti = api.sign_in(AGENTS[0].1).await?;
    let agus = api.sign_in(AGENTS[1].1).await?;
    let page = api.get(&siti, "/v1/conversations?tab=unassigned").await?;
    let of = |name: &str| {
        let items = page["items"].as_array().into_iter().flatten();
        items
            .clone()
            .find(|one| one["contact"]["name"] == name)
            .map(|one| one["id"].as_str().unwrap_or_default().to_owned())
    };
    if let Some(id) = of("Pak Hendra") {
        let reply = json!({ "kind": "text", "text": "Masih ada pak, mau pesan berapa karung?" });
        api.post(&siti, &format!("/v1/conversations/{id}/messages"), &reply).await?;
    }
    if let Some(id) = of("Joko") {
        let reply = json!({ "kind": "text", "text": "Bisa kak, ongkirnya Rp 18.000." });
        api.post(&agus, &format!("/v1/conversations/{id}/messages"), &reply).await?;
        api.post(&agus, &format!("/v1/conversations/{id}/resolve"), &Value::Null).await?;
    }
    Ok(())
}

/// Says where everything is and what to try first.
pub(super) fn explain(addr: SocketAddr, sandbox: &Sandbox) {
    let sandbox = sandbox.base_url();
    let people = [("admin", ADMIN), ("supervisor", SUPERVISOR), ("agent", AGENTS[0]), ("agent", AGENTS[1])];
    println!("\nTanggap is ready.\n");
    println!(
        "  API          http://{addr}/v1        documents: http://{addr}/docs/  http://{addr}/openapi.json"
    );
    println!("  Live stream  ws://{addr}/v1/stream");
    println!("  Sandbox      {sandbox}        plays WhatsApp, Messenger and Telegram\n");
    println!("Sign in (workspace `{SLUG}`, password `{PASSWORD}`):");
    for (role, (name, email)) in people {
        println!("  {role:<11} {email:<24} {name}");
    }
    println!("\nA customer writes:\n");
    println!("  curl -s {sandbox}/sandbox/customers/6281234567890/messages \\");
    println!("    -H 'content-type: application/json' -d '{{\"text\": \"Halo, ada yang bisa bantu?\"}}'\n");
    println!("Ctrl-C stops it; the data stays.\n");
}

/// A small client of our own API.
struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    fn new(addr: SocketAddr) -> Result<Self, Failed> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, base: format!("http://{addr}") })
    }

    async fn sign_in(&self, email: &str) -> Result<String, Failed> {
        let body = json!({ "workspace": SLUG, "email": email, "password": PASSWORD });
        let answer = self.http.post(format!("{}/v1/auth/login", self.base)).json(&body).send().await?;
        if !answer.status().is_success() {
            return Err(format!("{email} cannot sign in with the demo password; was it changed?").into());
        }
        let answer: Value = answer.json().await?;
        Ok(answer["access_token"].as_str().unwrap_or_default().to_owned())
    }

    async fn get(&self, token: &str, path: &str) -> Result<Value, Failed> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(token);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    async fn post(&self, token: &str, path: &str, body: &Value) -> Result<Value, Failed> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(token);
        let answer = request.json(body).send().await?;
        let (status, body): (_, Value) = (answer.status(), answer.json().await?);
        if status.is_success() { Ok(body) } else { Err(format!("{path} answered {status}: {body}").into()) }
    }
}
