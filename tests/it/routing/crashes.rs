//! kill -9 of the server in the middle of transfers and of a queue that empties. The server is a process of its own and
//! lives by the clock of the machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use api::channels::signature::sign;
use harness::app::channels;
use harness::database::Database;
use harness::eventually;
use harness::fixtures::APP_SECRET;
use harness::hooks::whatsapp_message;
use harness::process::{Launch, OPERATOR_KEY, Tanggap, demand, sign_in};
use harness::team::assignment_settings;
use harness::wire::{Connection, request};
use serde_json::{Value, json};

use super::facts::{assert_log, assert_rows};

const PASSWORD: &str = "rahasia-sekali";
const CONVERSATIONS: usize = 600;
const AGENTS: usize = 4;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A workspace on a server that can be killed.
struct Site {
    database: Database,
    launch: Launch,
    server: Tanggap,
    admin: String,
    _folder: Folder,
}

impl Site {
    async fn build(settings: Value) -> Self {
        let database = Database::migrated();
        let name = format!("tanggap-routing-{}-{}", std::process::id(), rand::random::<u32>());
        let folder = Folder(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).unwrap();
        let launch = Launch::test("faults::tanggap", &folder.0, database.url.clone()).unwrap();
        let server = launch.start().await.unwrap();
        let admin = json!({ "name": "Dewi", "email": "dewi@toko.example", "password": PASSWORD });
        let body = json!({ "name": "Toko", "slug": "satu", "admin": admin });
        demand(server.addr, "POST", "/v1/workspaces", OPERATOR_KEY, &body).await.unwrap();
        let admin = sign_in(server.addr, "satu", "dewi@toko.example", PASSWORD).await.unwrap();
        let site = Self { database, launch, server, admin, _folder: folder };
        site.call("PATCH", "/v1/workspace", &json!({ "presence": "availability" })).await;
        site.database.execute(&format!(
            "INSERT INTO agents (workspace_id, id, name, email, password_hash, role, availability, created_at)
             SELECT workspace_id, gen_random_uuid(), 'Agen ' || n, 'agen' || n || '@toko.example', password_hash, 'agent', 'offline', now()
             FROM agents, generate_series(1, {AGENTS}) n"
        ));
        site.database.execute(
            "INSERT INTO agent_counts (workspace_id, agent_id) SELECT workspace_id, id FROM agents ON CONFLICT DO NOTHING",
        );
        site.call("PUT", "/v1/settings/assignment", &assignment_settings(&settings)).await;
        let (_, body) = channels().into_iter().find(|(kind, _)| *kind == "whatsapp").unwrap();
        let made = site.call("POST", "/v1/channels", &body).await;
        for n in 0..CONVERSATIONS {
            site.writes(made["id"].as_str().unwrap(), n).await;
        }
        site
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        demand(self.server.addr, method, path, &self.admin, body).await.unwrap()
    }

    async fn writes(&self, channel: &str, n: usize) {
        let now = api::clock::Clock::system().now().unix_seconds();
        let body = whatsapp_message(&format!("62814{n:08}"), &format!("wamid.d{n}"), now, "Halo").to_string();
        let signature = sign(body.as_bytes(), APP_SECRET);
        let path = format!("/hooks/whatsapp/{channel}");
        let bytes = request("POST", &path, &[("x-hub-signature-256", &signature)], body.as_bytes());
        let answer = Connection::open(self.server.addr).await.unwrap().call(&bytes).await.unwrap();
        assert_eq!(answer.status, 200);
    }

    async fn comes(&self, which: usize, availability: &str) {
        let email = format!("agen{which}@toko.example");
        let token = sign_in(self.server.addr, "satu", &email, PASSWORD).await.unwrap();
        let body = json!({ "availability": availability });
        demand(self.server.addr, "PUT", "/v1/me/availability", &token, &body).await.unwrap();
    }

    fn count(&self, from: &str) -> usize {
        let query = format!("SELECT count(*)::text AS value FROM {from}");
        self.database.values(&query)[0].parse().unwrap()
    }

    /// Kills the server when so many rows fit, and starts it again.
    async fn killed_at(mut self, from: &str, rows: usize) -> Self {
        eventually(from, || async { (self.count(from) >= rows).then_some(()) }).await;
        let launch = self.launch.clone();
        self.server.kill().unwrap();
        self.server = launch.start().await.unwrap();
        self
    }

    async fn settled(&self) {
        eventually("routing has nothing to do", || async {
            let left = self.count("routing_requests")
                + self.count("timers WHERE state = 'armed' AND due_at <= now() - interval '2 seconds'");
            (left == 0).then_some(())
        })
        .await;
    }

    fn assert_sound(&self) {
        assert_rows(&|query| self.database.values(query));
        // The envelope is stored without its beginning.
        let events = self.database.values("SELECT '{' || body AS value FROM events ORDER BY seq");
        let events: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        assert_log(&events);
        let gaps = self.database.values(
            "SELECT c.seq::text AS value FROM event_counters c JOIN events e ON e.workspace_id = c.workspace_id
             GROUP BY c.workspace_id, c.seq HAVING count(*) <> c.seq OR max(e.seq) <> c.seq",
        );
        assert!(gaps.is_empty(), "{gaps:?}");
    }

    /// How many decisions of a kind each conversation has had.
    fn decided(&self, condition: &str) -> BTreeMap<String, usize> {
        let rows = self.database.values(&format!(
            "SELECT conversation_id || ' ' || count(*) AS value FROM routing_decisions WHERE {condition}
             GROUP BY conversation_id"
        ));
        let pair = |row: &String| {
            let (id, count) = row.split_once(' ').unwrap();
            (id.to_owned(), count.parse().unwrap())
        };
        rows.iter().map(pair).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_empties_while_the_server_is_killed_loses_and_doubles_nothing() {
    let mut site = Site::build(json!({ "auto_assign": true, "max_conversations_per_agent": 140 })).await;
    site.settled().await;
    assert_eq!(
        site.count("conversations WHERE waiting_since IS NOT NULL AND waiting_decided"),
        CONVERSATIONS
    );
    for which in 1..=AGENTS {
        site.comes(which, "online").await;
        let so_far = site.count("conversations WHERE assignee_id IS NOT NULL");
        // At once, or in the middle.
        let rows = if which % 2 == 0 { so_far } else { so_far.min(140 * AGENTS - 1) + 1 };
        site = site.killed_at("conversations WHERE assignee_id IS NOT NULL", rows).await;
    }
    site.settled().await;
    assert_eq!(site.count("conversations WHERE assignee_id IS NOT NULL"), 140 * AGENTS);
    assert_eq!(site.count("conversations WHERE waiting_since IS NOT NULL"), CONVERSATIONS - 140 * AGENTS);
    let assigned = site.decided("outcome = 'assigned'");
    assert_eq!((assigned.len(), assigned.values().all(|count| *count == 1)), (140 * AGENTS, true));
    site.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_and_handovers_while_the_server_is_killed_happen_once_each() {
    let mut site = Site::build(json!({ "auto_assign": true, "unanswered_transfer_minutes": 60,
        "notify_supervisor_minutes": 60, "auto_handover": true, "handover_grace_seconds": 1 }))
    .await;
    site.comes(1, "online").await;
    site.settled().await;
    eventually("all are held", || async {
        (site.count("conversations WHERE assignee_id IS NOT NULL") == CONVERSATIONS).then_some(())
    })
    .await;
    site.comes(2, "online").await;
    site.settled().await;
    // An hour passes: as far as anybody can see, all of it was an hour ago.
    site.database.execute(
        "WITH moved AS (UPDATE conversations SET unanswered_since = unanswered_since - interval '1 hour',
                            assigned_at = assigned_at - interval '1 hour' RETURNING 1)
         UPDATE timers SET running_since = running_since - interval '1 hour', due_at = due_at - interval '1 hour'
         WHERE conversation_id IS NOT NULL AND (SELECT count(*) FROM moved) > 0",
    );
    for rows in [1, 250, 450] {
        site = site.killed_at("routing_decisions WHERE trigger = 'unanswered'", rows).await;
    }
    site.settled().await;
    let moved = site.decided("trigger = 'unanswered'");
    assert_eq!((moved.len(), moved.values().all(|count| *count == 1)), (CONVERSATIONS, true));
    assert_eq!(site.count("notifications WHERE kind = 'unanswered'"), CONVERSATIONS);
    let held = |which: usize| {
        format!("conversations c JOIN agents a ON a.id = c.assignee_id WHERE a.name = 'Agen {which}'")
    };
    assert_eq!(site.count(&held(2)), CONVERSATIONS);
    site.assert_sound();
    // And all of it is handed over.
    site.comes(2, "offline").await;
    for rows in [1, 300] {
        site = site.killed_at("routing_decisions WHERE trigger = 'handover'", rows).await;
    }
    eventually("all are handed over", || async { (site.count(&held(1)) == CONVERSATIONS).then_some(()) })
        .await;
    site.settled().await;
    let moved = site.decided("trigger = 'handover'");
    assert_eq!((moved.len(), moved.values().all(|count| *count == 1)), (CONVERSATIONS, true));
    site.assert_sound();
}
