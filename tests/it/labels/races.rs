//! Labels that go away or change while they are put on conversations.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use futures_util::future::{join, join_all};
use harness::{Caller, TestApp, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use super::{label, place, wearers};

/// What a client that follows the log shows of conversations' labels, by conversation.
fn folded(events: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let mut shown: BTreeMap<String, (i64, Vec<Value>)> = BTreeMap::new();
    for event in events {
        let (kind, what) = event["type"].as_str().unwrap().split_once('.').unwrap();
        let data = &event["data"];
        match (kind, what) {
            ("conversation", _) => {
                let held = shown.entry(data["id"].as_str().unwrap().to_owned()).or_default();
                if held.0 < event["version"].as_i64().unwrap() {
                    *held = (event["version"].as_i64().unwrap(), data["labels"].as_array().unwrap().clone());
                }
            }
            ("label", "deleted") => {
                shown.values_mut().for_each(|(_, labels)| labels.retain(|label| label["id"] != data["id"]));
            }
            ("label", _) => {
                for label in shown.values_mut().flat_map(|(_, labels)| labels.iter_mut()) {
                    if label["id"] == data["id"] {
                        label["name"] = data["name"].clone();
                        label["color"] = data["color"].clone();
                    }
                }
            }
            _ => {}
        }
    }
    let sorted = |mut labels: Vec<Value>| {
        labels.sort_by_key(ToString::to_string);
        labels
    };
    shown.into_iter().map(|(id, (_, labels))| (id, sorted(labels))).collect()
}

/// The log, folded, is what is loaded.
async fn assert_told(app: &TestApp) {
    let folded = folded(&app.events().await);
    for conversation in app.admin().all("/v1/conversations?tab=all&limit=100").await {
        let mut labels = conversation["labels"].as_array().unwrap().clone();
        labels.sort_by_key(ToString::to_string);
        assert_eq!(folded[conversation["id"].as_str().unwrap()], labels, "{}", conversation["id"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_label_deleted_while_it_is_put_on_is_on_nothing_and_nobody_is_left_believing_it() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let ids = join_all((0..4).map(|n| {
        let app = &app;
        async move { app.conversation(&format!("628120000000{n}"), "Halo").await }
    }))
    .await;
    let (mut put, mut late) = (0, 0);
    for round in 0..50 {
        let label = label(&admin, &format!("Sebentar {round}")).await;
        let attach = |id: &String| admin.put(place(id, &label), json!({})).into_future();
        let detach = admin.delete(place(&ids[0], &label)).into_future();
        let delete = admin.delete(format!("/v1/labels/{label}")).into_future();
        let provider_id = format!("wamid.l{round}");
        let write = app.whatsapp_text("6281200000001", &provider_id, "Halo");
        // Sometimes the deletion is called first.
        let (attached, deleted) = if round % 2 == 0 {
            join(join_all(ids.iter().map(attach)), join(delete, join(detach, write))).await
        } else {
            let (deleted, attached) =
                join(join(delete, join(detach, write)), join_all(ids.iter().map(attach))).await;
            (attached, deleted)
        };
        deleted.0.expect(200);
        for reply in attached {
            match reply.status {
                200 => put += 1,
                404 => late += 1,
                other => panic!("{}: {other} {}", reply.what, reply.json),
            }
        }
        assert_eq!(wearers(&app, &label), 0);
    }
    assert!(put > 0 && late > 0, "no race: {put} before, {late} after");
    assert_eq!(app.count("conversation_labels"), 0);
    assert_told(&app).await;
}

/// Puts labels on and takes them off at random.
async fn sort(who: Caller, ids: &[String], labels: &[String], rounds: usize) {
    for _ in 0..rounds {
        let path =
            place(&ids[rand::random_range(0..ids.len())], &labels[rand::random_range(0..labels.len())]);
        let call = if rand::random_bool(0.6) { who.put(path, json!({})) } else { who.delete(path) };
        call.await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_renamed_while_they_are_put_on_are_told_as_they_are() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let (mut ids, mut labels) = (Vec::new(), Vec::new());
    for n in 0..3 {
        ids.push(app.conversation(&format!("628120000000{n}"), "Halo").await);
        labels.push(label(&admin, &format!("Label {n}")).await);
    }
    let rename = async {
        for n in 0..30 {
            let path = format!("/v1/labels/{}", labels[n % 3]);
            let body = json!({ "name": format!("Nama {n}"), "color": format!("#0000{n:02}") });
            admin.patch(path, body).await.expect(200);
        }
    };
    let work = join_all((0..4).map(|n| sort(app.agent(n % 3), &ids, &labels, 25)));
    let write = async {
        for n in 0..30 {
            app.whatsapp_text("6281200000001", &format!("wamid.r{n}"), "Halo").await;
        }
    };
    join(rename, join(work, write)).await;
    assert_told(&app).await;
}

/// Somebody has read the conversation with its label and is held up before it is told; the label changes meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_label_changes_after_what_is_about_to_be_told_with_it() {
    let app = TestApp::start().await;
    let (admin, siti) = (app.admin(), app.agent(0));
    let id = app.conversation("6281234567890", "Halo").await;
    let waiting = "pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    for change in [Method::PATCH, Method::DELETE] {
        let label = label(&admin, &format!("Sebelum {change}")).await;
        let to = json!({ "agent_id": siti.id() });
        admin.post(format!("/v1/conversations/{id}/assign"), to).await.expect(200);
        admin.put(place(&id, &label), json!({})).await.expect(200);
        let mut other = app.database.connect();
        other.batch_execute("BEGIN; UPDATE agent_counts SET assigned = assigned").unwrap();
        let resolving = tokio::spawn(admin.act(format!("/v1/conversations/{id}/resolve")).into_future());
        eventually("that resolving waits", || async { (app.count(waiting) == 1).then_some(()) }).await;
        let call = admin.call(change, format!("/v1/labels/{label}"));
        let changing = tokio::spawn(call.bytes("application/json", r#"{"name":"Sesudah"}"#).into_future());
        let waits = || async { (changing.is_finished() || app.count(waiting) == 2).then_some(()) };
        eventually("that the change waits too", waits).await;
        other.batch_execute("ROLLBACK").unwrap();
        resolving.await.unwrap().expect(200);
        changing.await.unwrap().expect(200);
        assert_told(&app).await;
    }
}
