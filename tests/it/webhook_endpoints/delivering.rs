//! What endpoints are sent: the log, as an admin sees it.

use std::collections::HashSet;

use api::ops::webhooks;
use diesel::connection::SimpleConnection;
use harness::{Receiver, TestApp, eventually};
use serde_json::{Value, json};

use super::{Endpoint, label};
use crate::support::text;

/// The envelope as the stream has it, less what is the reader's own.
fn as_told(mut event: Value) -> Value {
    let fields = event.as_object_mut().unwrap();
    for own in ["op", "prev", "cursor"] {
        fields.remove(own);
    }
    event
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_sent_exactly_what_an_admin_is_told_each_event_once_and_signed() {
    let app = TestApp::with_sandbox().await;
    let receiver = Receiver::start().await;
    let log = app.follow().await;
    let endpoint = Endpoint::make(&app, &receiver, json!({})).await;
    let mut log = harness::Follower::from_cursor(app.admin(), log.cursor);
    let id = app.conversation("6281234567890", "Halo, apakah ada stok?").await;
    let conversation = format!("/v1/conversations/{id}");
    app.agent(0).act(format!("{conversation}/claim")).await.expect(200);
    app.agent(0).post(format!("{conversation}/messages"), text("Ada, kak")).await.expect(201);
    log.until("the reply is settled", |event| event["type"] == "message.updated").await;
    app.agent(0).act(format!("{conversation}/resolve")).await.expect(200);
    label(&app, "Penting").await;
    log.rest().await;
    // What is one member's own (notifications) is no endpoint's.
    let own = |event: &&Value| !event["type"].as_str().unwrap().starts_with("notification");
    let told: Vec<Value> = log.seen.iter().filter(own).cloned().map(as_told).collect();
    let received = receiver.first(told.len()).await;
    let mut sent: Vec<Value> = received.iter().map(|one| as_told(one.json())).collect();
    sent.sort_by_key(|event| event["seq"].as_i64());
    assert_eq!(sent, told);
    for one in &received {
        assert!(one.is_signed_by(&endpoint.secret));
        assert_eq!(json!(one.header("webhook-id")), one.json()["id"]);
        assert_eq!((one.header("content-type"), one.path.as_str()), ("application/json", "/hook"));
    }
    // Its cursor is one to go on from.
    let last = received.iter().find(|one| one.json()["type"] == "label.created").unwrap();
    let rest = app.admin().get(format!("/v1/events?since={}", last.json()["cursor"].as_str().unwrap())).await;
    assert_eq!((&rest["reset"], &rest["items"]), (&Value::Null, &json!([])));
    let ledger = endpoint.tried(&app, told.len()).await;
    assert!(
        ledger.iter().all(|one| one["state"] == "delivered" && one["attempts"][0]["status"] == 204),
        "{ledger:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_and_channels_narrow_what_is_sent_and_another_workspace_hears_nothing() {
    let app = TestApp::start().await;
    let [types, channel, all, elsewhere] =
        [Receiver::start().await, Receiver::start().await, Receiver::start().await, Receiver::start().await];
    Endpoint::make(&app, &types, json!({ "event_types": ["message.created", "label.created"] })).await;
    Endpoint::make(&app, &channel, json!({ "channel_ids": [app.channel("telegram")] })).await;
    Endpoint::make(&app, &all, json!({})).await;
    let stranger = app.another_team("dua").await.admin();
    stranger.post("/v1/webhook-endpoints", json!({ "url": elsewhere.url() })).await.expect(201);
    app.conversation("6281234567890", "Halo").await;
    let key = json!({ "name": "Kunci", "scopes": ["team:read"] });
    app.admin().post("/v1/api-keys", key).await.expect(201);
    label(&app, "Penting").await;
    let heard = |receiver: &Receiver| -> Vec<String> {
        receiver.received().iter().map(|one| one.json()["type"].as_str().unwrap().to_owned()).collect()
    };
    eventually("everybody heard of the label", async || {
        let everybody = [&types, &channel, &all];
        everybody.iter().all(|one| heard(one).contains(&"label.created".to_owned())).then_some(())
    })
    .await;
    let of_types: HashSet<String> = heard(&types).into_iter().collect();
    assert_eq!(of_types, HashSet::from(["message.created".to_owned(), "label.created".to_owned()]));
    assert_eq!(
        heard(&channel),
        ["label.created"],
        "nothing of another channel, and nothing that may be of any"
    );
    assert!(heard(&all).contains(&"api_key.created".to_owned()) && heard(&all).len() > 4);
    assert!(heard(&elsewhere).iter().all(|one| one == "webhook_endpoint.created"), "its own making");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_send_each_event_once() {
    let app = TestApp::start().await;
    let nodes = [app.node(|_| {}).await, app.node(|_| {}).await];
    let receiver = Receiver::start().await;
    Endpoint::make(&app, &receiver, json!({ "event_types": ["label.created"] })).await;
    let admins: Vec<_> = nodes.iter().map(|node| app.admin().at(node.wire())).collect();
    let names: Vec<String> = (0..60).map(|number| format!("Label {number}")).collect();
    for (number, name) in names.iter().enumerate() {
        admins[number % 2].post("/v1/labels", json!({ "name": name, "color": "#112233" })).await.expect(201);
    }
    let received = receiver.first(60).await;
    let ids: HashSet<String> = received.iter().map(|one| one.header("webhook-id").to_owned()).collect();
    eventually("all are settled", async || {
        (app.count("webhook_deliveries WHERE state = 'delivered'") == 60).then_some(())
    })
    .await;
    assert_eq!((ids.len(), receiver.received().len()), (60, 60));
}

/// What somebody commits between two looks of one look-through is not taken for forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_while_the_log_is_looked_through_is_not_lost() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::make(&app, &receiver, json!({ "event_types": ["label.created"] })).await;
    label(&app, "Satu").await;
    receiver.first(1).await;
    eventually("the log is looked through", async || {
        let behind = app
            .count("webhook_endpoints e JOIN event_counters c USING (workspace_id) WHERE e.position < c.seq");
        (behind == 0).then_some(())
    })
    .await;
    // The next event has its number, and nobody can ask for the last number until it is there.
    let mut other = app.database.connect();
    other
        .batch_execute(
            "BEGIN;
             UPDATE event_counters SET seq = seq + 1;
             INSERT INTO events SELECT (jsonb_populate_record(e, jsonb_build_object('seq', e.seq + 1, 'id', gen_random_uuid()))).*
             FROM events e WHERE e.type = 'label.created' ORDER BY e.seq DESC LIMIT 1;
             LOCK TABLE event_counters IN ACCESS EXCLUSIVE MODE",
        )
        .unwrap();
    let (shared, workspace) = (app.app().clone(), app.team.workspace);
    let look = tokio::spawn(async move { shared.write(move |tx| webhooks::fan_out(tx, workspace)).await });
    eventually("it asks for the last number", async || {
        let asks = "pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
             AND query = 'SELECT workspace_id, seq FROM event_counters WHERE workspace_id = $1'";
        (app.count(asks) > 0).then_some(())
    })
    .await;
    other.batch_execute("COMMIT").unwrap();
    look.await.unwrap().unwrap();
    assert_eq!(endpoint.read(&app).await["lost_events"], Value::Null);
    app.app().webhooks.changed_by_hand();
    receiver.first(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_far_behind_holds_up_no_other() {
    let app = TestApp::start().await;
    let (far, near) = (Receiver::start().await, Receiver::start().await);
    let behind = Endpoint::make(&app, &far, json!({ "event_types": ["label.created"] })).await;
    app.admin().patch(&behind.path, json!({ "active": false })).await.expect(200);
    Endpoint::make(&app, &near, json!({ "event_types": ["label.created"] })).await;
    // More than is looked through at once.
    let more = "INSERT INTO events SELECT (jsonb_populate_record(e, jsonb_build_object('seq', e.seq + n, 'id', gen_random_uuid()))).*
         FROM events e JOIN event_counters c ON c.workspace_id = e.workspace_id AND c.seq = e.seq, generate_series(1, 1200) n;
         UPDATE event_counters SET seq = seq + 1200";
    app.database.connect().batch_execute(more).unwrap();
    label(&app, "Satu").await;
    near.first(1).await;
    let (workspace, head) = (app.team.workspace, app.head(app.team.workspace).await);
    label(&app, "Dua").await;
    // Both are behind in a transaction of its own, which is looked through once.
    let positions = app
        .app()
        .write(move |tx| {
            let conn = &mut *tx.conn;
            let change = format!(
                "UPDATE webhook_endpoints SET position = {head} WHERE active;
                 UPDATE webhook_endpoints SET active = true, paused_reason = NULL WHERE NOT active"
            );
            conn.batch_execute(&change).map_err(persistence::error::StoreError::from)?;
            webhooks::fan_out(tx, workspace)?;
            let readers = persistence::webhooks::fan_out::lock_readers(tx.conn, workspace)?;
            Ok(readers.iter().map(|one| one.position).collect::<Vec<_>>())
        })
        .await;
    let [behind, told] = positions.unwrap()[..] else { panic!("there are two") };
    assert!(behind < told && told > head, "the one is told, the other gets on: {behind} {told} {head}");
    far.first(2).await;
    near.first(2).await;
}
