//! The audit trail: who changed what, once, and nothing else.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use harness::client::PASSWORD;
use harness::contract::{self, operations};
use harness::team::assignment_settings;
use harness::{Caller, Reply, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

const TRAIL: &str = "/v1/audit-entries";
const SETTINGS: &str = "/v1/settings/assignment";

fn settings(claim: bool) -> Value {
    assignment_settings(&json!({ "agents_may_claim": claim }))
}

fn fields(value: &Value) -> Option<BTreeSet<&str>> {
    value.as_object().map(|fields| fields.keys().map(String::as_str).collect())
}

/// An app whose operations are counted.
struct Trail {
    app: TestApp,
    seen: BTreeSet<String>,
    covered: BTreeSet<String>,
}

impl Trail {
    async fn begin() -> Self {
        let app = TestApp::start().await;
        let mut trail = Self { app, seen: BTreeSet::new(), covered: BTreeSet::new() };
        trail.news().await;
        trail
    }

    async fn news(&mut self) -> Vec<Value> {
        let all = self.app.admin().all(&format!("{TRAIL}?limit=100")).await;
        all.into_iter().filter(|entry| self.seen.insert(entry["id"].to_string())).collect()
    }

    /// The one entry that a call leaves: by the admin, of this action and kind.
    async fn leaves(&mut self, reply: &Reply, action: &str, kind: &str) -> Value {
        let (method, path) = reply.what.split_once(' ').unwrap();
        let operation = contract::operation(&Method::from_bytes(method.as_bytes()).unwrap(), path).unwrap();
        self.covered.insert(operation.spec["operationId"].as_str().unwrap().to_owned());
        let mut news = self.news().await;
        assert_eq!(news.len(), 1, "{}: {news:#?}", reply.what);
        let entry = news.remove(0);
        let admin = self.app.admin();
        let actor = json!({ "type": "agent", "id": admin.id(), "name": admin.me().name, "api_key": null });
        assert_eq!(entry["actor"], actor);
        assert_eq!(entry["at"], json!(self.app.clock.now()));
        assert_eq!((&entry["action"], &entry["subject"]["type"]), (&json!(action), &json!(kind)));
        entry
    }

    /// A call that is answered like this leaves nothing.
    async fn leaves_nothing(&mut self, reply: Reply, status: u16) {
        let reply = reply.expect(status);
        let news = self.news().await;
        assert!(news.is_empty(), "{}: {news:#?}", reply.what);
    }
}

async fn members_leave_entries(trail: &mut Trail) {
    let admin = trail.app.admin();
    let body = json!({ "name": "Nina", "email": "nina@satu.example", "role": "agent", "password": PASSWORD });
    let made = admin.post("/v1/agents", body).await.expect(201);
    let entry = trail.leaves(&made, "created", "agent").await;
    assert_eq!((&entry["subject"]["name"], &entry["after"]["role"]), (&json!("Nina"), &json!("agent")));
    let path = format!("/v1/agents/{}", made.id());
    let named = admin.patch(&path, json!({ "name": "Nina Kartika" })).await.expect(200);
    let entry = trail.leaves(&named, "updated", "agent").await;
    assert_eq!(
        (&entry["before"], &entry["after"]),
        (&json!({ "name": "Nina" }), &json!({ "name": "Nina Kartika" }))
    );
    let to = json!({ "supervisor_id": trail.app.supervisor().id() });
    let supervised = admin.put(format!("{path}/supervisor"), to).await.expect(200);
    let entry = trail.leaves(&supervised, "updated", "agent").await;
    assert_eq!(entry["after"], json!({ "supervisor": supervised["supervisor"] }));
    let body =
        json!({ "channel_ids": [trail.app.channel("telegram")], "division_ids": [trail.app.division] });
    let allocated = admin.put(format!("{path}/allocation"), body).await.expect(200);
    let entry = trail.leaves(&allocated, "updated", "agent").await;
    assert_eq!(entry["before"], json!({ "channels": [], "divisions": [] }));
    let left = admin.delete(&path).await.expect(204);
    let entry = trail.leaves(&left, "deleted", "agent").await;
    assert_eq!((&entry["before"]["active"], &entry["after"]["active"]), (&json!(true), &json!(false)));
}

async fn endpoints_leave_entries(trail: &mut Trail) {
    let admin = trail.app.admin();
    let body = json!({ "url": "http://127.0.0.1:9/rahasia", "event_types": ["webhook_endpoint.tested"] });
    let made = admin.post("/v1/webhook-endpoints", body).await.expect(201);
    let entry = trail.leaves(&made, "created", "webhook_endpoint").await;
    assert_eq!(entry["subject"]["name"], "127.0.0.1");
    let path = format!("/v1/webhook-endpoints/{}", made["webhook_endpoint"]["id"].as_str().unwrap());
    let paused = admin.patch(&path, json!({ "active": false })).await.expect(200);
    let entry = trail.leaves(&paused, "updated", "webhook_endpoint").await;
    assert_eq!(entry["after"], json!({ "active": false, "paused_reason": "admin" }));
    let rotated = admin.act(format!("{path}/rotate-secret")).await.expect(200);
    let entry = trail.leaves(&rotated, "updated", "webhook_endpoint").await;
    assert!(!entry.to_string().contains(rotated["secret"].as_str().unwrap()));
    // What is sent is in the ledger.
    let test = admin.act(format!("{path}/test")).await.expect(202);
    let delivery = format!("{path}/deliveries/{}", test.id());
    trail.leaves_nothing(test, 202).await;
    trail.leaves_nothing(admin.act(format!("{delivery}/redeliver")).await, 202).await;
    let range = json!({ "from_seq": 1, "to_seq": 9 });
    trail.leaves_nothing(admin.post(format!("{path}/redeliver"), range).await, 202).await;
    for operation in ["test_webhook_endpoint", "redeliver_webhook_delivery", "redeliver_webhook_range"] {
        trail.covered.insert(operation.to_owned());
    }
    let deleted = admin.delete(&path).await.expect(204);
    trail.leaves(&deleted, "deleted", "webhook_endpoint").await;
}

async fn channels_of_integrators_leave_entries(trail: &mut Trail) {
    let admin = trail.app.admin();
    let made = admin.post("/v1/channels", json!({ "kind": "api", "name": "Situs web" })).await.expect(201);
    let entry = trail.leaves(&made, "created", "channel").await;
    assert_eq!(entry["after"]["secrets"][0]["name"], "signing_secret");
    let path = format!("/v1/channels/{}", made.id());
    let rotated = admin.act(format!("{path}/rotate-secret")).await.expect(200);
    let entry = trail.leaves(&rotated, "updated", "channel").await;
    assert!(!entry.to_string().contains(rotated["signing_secret"].as_str().unwrap()));
    let url = json!({ "callback_url": "https://chat.example/tanggap" });
    let changed = admin.patch(&path, url.clone()).await.expect(200);
    let entry = trail.leaves(&changed, "updated", "channel").await;
    assert_eq!((&entry["before"], &entry["after"]), (&json!({ "callback_url": null }), &url));
    // What customers write is no administration.
    let body = json!({ "messages": [crate::api_channel::message("m-1", "Halo")] });
    trail.leaves_nothing(admin.post(format!("{path}/inbound"), body).await, 200).await;
    trail.covered.insert("deliver_inbound".to_owned());
}

/// Whoever made, changed or deleted a label of all is known.
async fn labels_leave_entries(trail: &mut Trail) {
    let admin = trail.app.admin();
    let made = admin.post("/v1/labels", json!({ "name": "VIP", "color": "#ff0000" })).await.expect(201);
    let entry = trail.leaves(&made, "created", "label").await;
    assert_eq!(entry["subject"], json!({ "type": "label", "id": made["id"], "name": "VIP" }));
    let path = format!("/v1/labels/{}", made.id());
    let changed = admin.patch(&path, json!({ "name": "VIP", "color": "#00FF00" })).await.expect(200);
    let entry = trail.leaves(&changed, "updated", "label").await;
    assert_eq!(
        (&entry["before"], &entry["after"]),
        (&json!({ "color": "#FF0000" }), &json!({ "color": "#00FF00" }))
    );
    let deleted = admin.delete(&path).await.expect(200);
    trail.leaves(&deleted, "deleted", "label").await;
}

async fn templates_leave_entries(trail: &mut Trail) {
    let admin = trail.app.admin();
    let body = crate::support::template(trail.app.channel("whatsapp"), "pesanan_dikirim");
    let made = admin.post("/v1/templates", body).await.expect(201);
    let entry = trail.leaves(&made, "created", "template").await;
    assert_eq!(
        entry["subject"],
        json!({ "type": "template", "id": made["id"], "name": "pesanan_dikirim (id)" })
    );
    let path = format!("/v1/templates/{}", made.id());
    let changed = admin.patch(&path, json!({ "initiate": false })).await.expect(200);
    let entry = trail.leaves(&changed, "updated", "template").await;
    assert_eq!(
        (&entry["before"], &entry["after"]),
        (&json!({ "initiate": true }), &json!({ "initiate": false }))
    );
    let deleted = admin.delete(&path).await.expect(204);
    trail.leaves(&deleted, "deleted", "template").await;
    // What the provider has is only read.
    let sync = format!("/v1/channels/{}/templates/sync", trail.app.channel("whatsapp"));
    trail.leaves_nothing(admin.act(sync).await, 202).await;
    trail.covered.insert("sync_templates".to_owned());
}

async fn policies_leave_entries(trail: &mut Trail) {
    let admin = trail.app.admin();
    let body = json!({ "name": "Setia", "channel_ids": [trail.app.channel("telegram")] });
    let made = admin.post("/v1/distribution-policies", body).await.expect(201);
    let path = format!("/v1/distribution-policies/{}", made.id());
    // The channel follows from it.
    let entry = trail.leaves(&made, "created", "distribution_policy").await;
    assert_eq!((&entry["subject"]["name"], &entry["before"]), (&json!("Setia"), &Value::Null));
    assert_eq!(entry["after"]["channels"], made["channels"]);
    let change = json!({ "channel_ids": [], "idle_transfer_minutes": 10 });
    let changed = admin.patch(&path, change).await.expect(200);
    let entry = trail.leaves(&changed, "updated", "distribution_policy").await;
    assert_eq!(entry["before"], json!({ "channels": made["channels"], "idle_transfer_minutes": null }));
    assert_eq!(entry["after"], json!({ "channels": [], "idle_transfer_minutes": 10 }));
    trail.leaves_nothing(admin.patch(&path, json!({ "idle_transfer_minutes": 10 })).await, 200).await;
    trail.leaves_nothing(admin.patch(&path, json!({ "idle_transfer_minutes": 4 })).await, 422).await;
    let deleted = admin.delete(&path).await.expect(200);
    let entry = trail.leaves(&deleted, "deleted", "distribution_policy").await;
    assert_eq!((&entry["before"]["name"], &entry["after"]), (&json!("Setia"), &Value::Null));
}

async fn contacts_leave_entries(trail: &mut Trail) {
    let admin = trail.app.admin();
    let mut paths = Vec::new();
    for name in ["Ani", "Budi"] {
        // What the team writes down every day is no administration.
        let made = admin.post("/v1/contacts", json!({ "name": name })).await.expect(201);
        trail.leaves_nothing(admin.get(format!("/v1/contacts/{}", made.id())).await, 200).await;
        paths.push((format!("/v1/contacts/{}", made.id()), made.id()));
    }
    let merged = admin.post(format!("{}/merge", paths[0].0), json!({ "contact_id": paths[1].1 }));
    let merged = merged.await.expect(200);
    let entry = trail.leaves(&merged, "created", "contact_merge").await;
    assert_eq!((&entry["subject"]["name"], &entry["after"]), (&json!("Budi into Ani"), &merged["merge"]));
    let body = json!({ "merge_id": merged["merge"]["id"] });
    let parted = admin.post(format!("{}/unmerge", paths[0].0), body).await.expect(200);
    trail.leaves(&parted, "deleted", "contact_merge").await;
    let deleted = admin.delete(&paths[1].0).await.expect(204);
    let entry = trail.leaves(&deleted, "deleted", "contact").await;
    assert_eq!((&entry["subject"]["name"], &entry["after"]), (&json!("Budi"), &Value::Null));
    let file = |text: &'static str| admin.act("/v1/contacts/import").bytes("text/csv", text);
    let entry =
        trail.leaves(&file("name\nCici\nDedi\n").await.expect(200), "created", "contact_import").await;
    assert_eq!(entry["after"], json!({ "created": 2, "updated": 0, "failed": 0 }));
    trail.leaves_nothing(file("name\n").await, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_administrative_operation_leaves_one_entry_with_who_what_before_and_after() {
    let mut trail = Trail::begin().await;
    let (admin, siti) = (trail.app.admin(), trail.app.agent(0));
    let workspace = trail.app.workspace.to_string();
    let body = json!({ "kind": "telegram", "name": "Bot kedua", "bot_token": "777:kanari-token-nomor-satu" });
    let made = admin.post("/v1/channels", body).await.expect(201);
    let entry = trail.leaves(&made, "created", "channel").await;
    let subject = json!({ "type": "channel", "id": made["id"], "name": "Bot kedua" });
    assert_eq!((&entry["subject"], &entry["before"]), (&subject, &Value::Null));
    assert_eq!(entry["after"]["external_id"], "777");
    let change = json!({ "name": "Bot cadangan", "bot_token": "777:kanari-token-nomor-dua" });
    let changed = admin.patch(format!("/v1/channels/{}", made.id()), change).await.expect(200);
    let entry = trail.leaves(&changed, "updated", "channel").await;
    assert_eq!(fields(&entry["before"]), Some(["name", "secrets"].into()));
    assert_eq!(
        (&entry["before"]["name"], &entry["after"]["name"]),
        (&json!("Bot kedua"), &json!("Bot cadangan"))
    );

    let body = json!({ "name": "Keluhan", "agent_ids": [siti.id()] });
    let made = admin.post("/v1/divisions", body).await.expect(201);
    let path = format!("/v1/divisions/{}", made.id());
    let entry = trail.leaves(&made, "created", "division").await;
    assert_eq!(entry["subject"], json!({ "type": "division", "id": made["id"], "name": "Keluhan" }));
    assert_eq!((&entry["before"], &entry["after"]["members"]), (&Value::Null, &made["members"]));
    let renamed = admin.patch(&path, json!({ "name": "Pengaduan" })).await.expect(200);
    let entry = trail.leaves(&renamed, "updated", "division").await;
    assert_eq!(entry["before"], json!({ "name": "Keluhan" }));
    assert_eq!(entry["after"], json!({ "name": "Pengaduan" }));
    let emptied = admin.put(format!("{path}/members"), json!({ "agent_ids": [] })).await.expect(200);
    let entry = trail.leaves(&emptied, "updated", "division").await;
    assert_eq!(entry["before"], json!({ "members": made["members"] }));
    assert_eq!(entry["after"], json!({ "members": [] }));
    let deleted = admin.delete(&path).await.expect(200);
    let entry = trail.leaves(&deleted, "deleted", "division").await;
    assert_eq!((&entry["before"]["name"], &entry["after"]), (&json!("Pengaduan"), &Value::Null));

    let set = admin.put(SETTINGS, settings(false)).await.expect(200);
    let entry = trail.leaves(&set, "updated", "assignment_settings").await;
    assert_eq!(entry["subject"]["id"], workspace);
    assert_eq!(entry["before"], json!({ "agents_may_claim": true }));
    assert_eq!(entry["after"], json!({ "agents_may_claim": false }));
    let limits = json!({ "image": 1000, "video": 1048576, "document": 1048576, "audio": 1048576 });
    let messaging = json!({ "reply_window_warning_minutes": null, "attachment_limits": limits });
    let set = admin.put("/v1/settings/messaging", messaging).await.expect(200);
    let entry = trail.leaves(&set, "updated", "messaging_settings").await;
    assert_eq!(
        (&entry["subject"]["id"], &entry["after"]),
        (&json!(workspace), &json!({ "attachment_limits": limits }))
    );
    let moved = admin.patch("/v1/workspace", json!({ "timezone": "Asia/Makassar" })).await.expect(200);
    let entry = trail.leaves(&moved, "updated", "workspace").await;
    assert_eq!(entry["subject"], json!({ "type": "workspace", "id": workspace, "name": "Toko satu" }));
    assert_eq!(entry["before"], json!({ "timezone": "Asia/Jakarta" }));

    members_leave_entries(&mut trail).await;
    policies_leave_entries(&mut trail).await;
    contacts_leave_entries(&mut trail).await;
    labels_leave_entries(&mut trail).await;
    templates_leave_entries(&mut trail).await;
    let body = json!({ "name": "Kasir", "scopes": ["team:read"] });
    let made = admin.post("/v1/api-keys", body).await.expect(201);
    let entry = trail.leaves(&made, "created", "api_key").await;
    assert_eq!(
        (&entry["subject"]["name"], &entry["after"]["scopes"]),
        (&json!("Kasir"), &json!(["team:read"]))
    );
    assert!(!entry.to_string().contains(made["key"].as_str().unwrap()));
    let path = format!("/v1/api-keys/{}", made["api_key"]["id"].as_str().unwrap());
    let ended = admin.delete(path).await.expect(204);
    trail.leaves(&ended, "deleted", "api_key").await;
    endpoints_leave_entries(&mut trail).await;
    channels_of_integrators_leave_entries(&mut trail).await;

    // Sending a mail again changes nothing.
    trail.covered.insert("invite_agent".to_owned());
    // Nor does trying something out.
    let body = json!({ "conversation": { "channel_id": trail.app.channel("whatsapp") } });
    trail.leaves_nothing(admin.post("/v1/routing/simulations", body).await, 200).await;
    trail.covered.insert("simulate_routing".to_owned());
    let administrative =
        operations().into_iter().filter(|one| one.method != "get" && one.spec["x-roles"] == json!(["admin"]));
    let missing: Vec<_> = administrative
        .map(|one| one.spec["operationId"].as_str().unwrap())
        .filter(|id| !trail.covered.contains(*id))
        .collect();
    assert!(missing.is_empty(), "no case tells what these leave in the trail: {missing:?}");
    let everything = trail.app.database.values("SELECT e::text AS value FROM audit_entries e").concat();
    assert!(everything.contains("Bot cadangan"));
    for secret in ["kanari-token", harness::hooks::ACCESS_TOKEN, harness::fixtures::APP_SECRET, "argon2"] {
        assert!(!everything.contains(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_repeated_or_changes_nothing_leaves_no_entry() {
    let mut trail = Trail::begin().await;
    let (admin, app_division) = (trail.app.admin(), format!("/v1/divisions/{}", trail.app.division));
    let siti = trail.app.agent(0);
    let channel = format!("/v1/channels/{}", trail.app.channel("telegram"));
    let call = admin.post("/v1/divisions", json!({ "name": "Sekali" })).key("kunci");
    let first = call.clone().await.expect(201);
    trail.leaves(&first, "created", "division").await;
    trail.leaves_nothing(call.await, 201).await;
    trail.leaves_nothing(admin.post("/v1/divisions", json!({ "name": "Sekali" })).await, 409).await;
    trail.leaves_nothing(admin.post("/v1/divisions", json!({ "name": "" })).await, 422).await;
    trail.leaves_nothing(siti.post("/v1/divisions", json!({ "name": "Lain" })).await, 403).await;
    trail.leaves_nothing(admin.patch(&app_division, json!({ "name": "Lain" })).if_match(9).await, 412).await;
    trail.leaves_nothing(admin.patch(&app_division, json!({ "name": "Penjualan" })).await, 200).await;
    let same = json!({ "agent_ids": [siti.id()] });
    trail.leaves_nothing(admin.put(format!("{app_division}/members"), same).await, 200).await;
    trail.leaves_nothing(admin.delete(&app_division).if_match(9).await, 412).await;
    trail.leaves_nothing(admin.put(SETTINGS, settings(true)).await, 200).await;
    trail.leaves_nothing(siti.put(SETTINGS, settings(false)).await, 403).await;
    trail.leaves_nothing(admin.patch("/v1/workspace", json!({ "name": "Toko satu" })).await, 200).await;
    let same = json!({ "name": "Bot Toko Tani", "webhook_secret": harness::hooks::TELEGRAM_SECRET });
    let before = admin.get(&channel).await.expect(200);
    let again = admin.patch(&channel, same).await;
    assert_eq!(again["version"], before["version"]);
    trail.leaves_nothing(again, 200).await;
    // What is done with conversations is no administration.
    let id = trail.app.conversation("6281234567890", "Halo").await;
    trail.leaves_nothing(siti.act(format!("/v1/conversations/{id}/claim")).await, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_is_for_admins_and_of_one_workspace() {
    let app = TestApp::start().await;
    for who in [app.supervisor(), app.agent(0), app.narrow_agent()] {
        who.get(TRAIL).await.problem(403, "forbidden");
    }
    let other = app.another_team("dua").await;
    other.admin().put(SETTINGS, settings(false)).await.expect(200);
    let own = app.admin().all(&format!("{TRAIL}?limit=100")).await;
    let theirs = other.admin().all(&format!("{TRAIL}?limit=100")).await;
    assert!(own.iter().all(|entry| entry["subject"]["type"] != "assignment_settings"));
    assert_eq!(theirs.iter().filter(|entry| entry["actor"]["id"] == other.admin().id()).count(), 1);
    // Nor by asking for it by name, or with the other's cursor.
    for filter in ["actor_id", "subject_id"] {
        let path = format!("{TRAIL}?{filter}={}", other.admin().id());
        assert_eq!(app.admin().get(path).await.expect(200)["items"], json!([]));
    }
    let page = other.admin().get(format!("{TRAIL}?limit=1")).await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    app.admin().get(format!("{TRAIL}?limit=1&cursor={cursor}")).await.problem(422, "invalid_cursor");
}

/// The names of what the entries tell of.
async fn told(who: &Caller, filter: &str) -> Vec<String> {
    let entries = who.all(&format!("{TRAIL}?limit=2&{filter}")).await;
    entries.iter().map(|entry| entry["subject"]["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_is_read_newest_first_by_who_what_and_when() {
    let app = TestApp::start().await;
    let admin = app.admin();
    // Wati becomes an admin too.
    let wati = app.lone_supervisor();
    app.database.execute(&format!("UPDATE agents SET role = 'admin' WHERE id = '{}'", wati.id()));
    app.clock.advance(TimeDelta::hours(1));
    let mut times = vec![app.clock.now()];
    let mut divisions = Vec::new();
    for (name, by) in [("A", &admin), ("B", &wati), ("C", &admin), ("D", &wati), ("E", &wati)] {
        divisions.push(by.post("/v1/divisions", json!({ "name": name })).await.expect(201).id());
        app.clock.advance(TimeDelta::microseconds(400));
        times.push(app.clock.now());
    }
    admin.put(SETTINGS, settings(false)).await.expect(200);
    let from = format!("from={}", times[0]);
    let (a, w) = (format!("actor_id={}", admin.id()), format!("actor_id={}", wati.id()));
    let of = |which: usize| format!("subject_id={}", divisions[which]);
    let workspace = format!("subject_id={}", app.workspace);
    let kinds = "subject_type=assignment_settings&subject_type=division";
    for (filter, expected) in [
        (from.clone(), vec!["assignment settings", "E", "D", "C", "B", "A"]),
        (format!("{from}&{a}"), vec!["assignment settings", "C", "A"]),
        (format!("{from}&{a}&{w}"), vec!["assignment settings", "E", "D", "C", "B", "A"]),
        (format!("{from}&{a}&{a}"), vec!["assignment settings", "C", "A"]),
        (format!("{from}&{a}&subject_type=division"), vec!["C", "A"]),
        (format!("{from}&{kinds}"), vec!["assignment settings", "E", "D", "C", "B", "A"]),
        ("subject_type=assignment_settings".to_owned(), vec!["assignment settings"]),
        ("subject_type=api_key".to_owned(), vec![]),
        (workspace, vec!["assignment settings"]),
        (format!("{}&{}", of(0), of(3)), vec!["D", "A"]),
        (format!("{}&{}&{w}", of(0), of(3)), vec!["D"]),
        (format!("{}&subject_type=channel", of(0)), vec![]),
        // From is in, to is not; several of them are of one millisecond.
        (format!("from={}&to={}", times[1], times[3]), vec!["C", "B"]),
        (format!("from={}&to={}&{w}", times[1], times[3]), vec!["B"]),
        (format!("from={}&to={}", times[1], times[1]), vec![]),
        (format!("{from}&to={}", times[0]), vec![]),
        ("from=2027-01-01T00:00:00Z".to_owned(), vec![]),
        ("to=1969-12-31T23:59:59Z".to_owned(), vec![]),
        ("from=0000-01-01T00:00:00Z&to=0001-01-01T00:00:00Z".to_owned(), vec![]),
        ("from=9999-12-31T23:59:59Z".to_owned(), vec![]),
    ] {
        assert_eq!(told(&admin, &filter).await, expected, "{filter}");
    }
    let all = admin.all(&format!("{TRAIL}?limit=3&from=0000-01-01T00:00:00Z&to=9999-12-31T23:59:59Z")).await;
    let ids: Vec<_> = all.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted_by(|newer, older| newer > older));
    assert_eq!(all.len() as i64, app.count("audit_entries"));

    let page = admin.get(format!("{TRAIL}?limit=1&{a}")).await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    admin.get(format!("{TRAIL}?limit=1&{w}&cursor={cursor}")).await.problem(422, "invalid_cursor");
    for (wrong, pointer) in [
        ("actor_id=siti", "?actor_id"),
        ("subject_id=7", "?subject_id"),
        ("subject_type=conversation", "?subject_type"),
        ("from=kemarin", "?from"),
        ("to=2026-11-20", "?to"),
        ("from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z", "?to"),
        ("limit=0", "?limit"),
        ("limit=101", "?limit"),
        ("q=x", "?q"),
    ] {
        let refused = admin.get(format!("{TRAIL}?{wrong}")).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{wrong}");
    }
}
