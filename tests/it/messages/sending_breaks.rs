//! Providers refuse, hang and lie; processes die. No message is lost, doubled or out of order unseen.

use chrono::TimeDelta;
use diesel::Connection;
use harness::{Customer, TestApp, eventually};
use persistence::jobs;
use serde_json::{Value, json};

use crate::support::{claimed, text};

/// A conversation with a customer on WhatsApp that agent 0 holds.
async fn held(app: &TestApp, number: &str) -> (Customer, String) {
    let customer = app.customer("whatsapp", number);
    customer.writes("Halo").await;
    (customer, claimed(app, &app.agent(0), "whatsapp").await)
}

async fn send(app: &TestApp, path: &str, words: &str) -> String {
    app.agent(0).post(format!("{path}/messages"), text(words)).await.expect(201).id()
}

async fn message(app: &TestApp, path: &str, id: &str) -> Value {
    let all = app.agent(0).all_messages(path).await;
    all.into_iter().find(|one| one["id"] == id).unwrap()
}

use crate::support::Messages;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_is_kept_while_the_first_is_tried_again() {
    let app = TestApp::with_sandbox().await;
    let (customer, path) = held(&app, "6281234567890").await;
    let (other, elsewhere) = held(&app, "6281390011223").await;
    app.faults(json!([{ "target": "send", "customer": "6281234567890", "times": 2,
        "action": { "type": "refuse", "status": 400, "code": 130429 } }]))
        .await;
    let ids =
        [send(&app, &path, "satu").await, send(&app, &path, "dua").await, send(&app, &path, "tiga").await];
    eventually("the first attempt", || async { (app.faults_used().await == [1]).then_some(()) }).await;
    eventually("its postponement", || async {
        (app.count("jobs WHERE attempts = 1 AND claimed_until IS NULL AND due_at > created_at") == 1)
            .then_some(())
    })
    .await;
    // A worker that looks for work now would find "dua" first.
    send(&app, &elsewhere, "penanda").await;
    other.receives(1).await;
    assert!(customer.received().await.is_empty(), "a later message overtook the first");
    assert_eq!(message(&app, &path, &ids[0]).await["status"], "queued");

    app.advance(TimeDelta::seconds(1));
    eventually("the second attempt", || async { (app.faults_used().await == [2]).then_some(()) }).await;
    eventually("its postponement", || async {
        (app.count("jobs WHERE attempts = 2 AND claimed_until IS NULL") == 1).then_some(())
    })
    .await;
    app.advance(TimeDelta::seconds(4));
    assert_eq!(customer.receives(3).await, ["satu", "dua", "tiga"]);
    let mut log = app.follow().await;
    let _ = log.rest().await;
    let failed = app.events().await.iter().any(|event| event["data"]["status"] == "failed");
    assert!(!failed, "being asked to wait is no failure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_message_fails_with_advice_and_can_be_sent_again_by_hand() {
    let app = TestApp::with_sandbox().await;
    let (customer, path) = held(&app, "6281234567890").await;
    let mut log = app.follow().await;
    app.faults(json!([{ "target": "send", "times": 1, "action": { "type": "refuse", "status": 400, "code": 131047 } }]))
        .await;
    let id = send(&app, &path, "Halo kak").await;
    let failed = log.until("failure", |event| event["data"]["status"] == "failed").await["data"].clone();
    assert_eq!(failed["id"], id);
    let error = &failed["error"];
    assert_eq!((&error["code"], &error["provider_code"]), (&json!("reply_window_closed"), &json!("131047")));
    assert!(error["detail"].as_str().unwrap().contains("template"));
    assert_ne!(failed["status_times"]["failed"], Value::Null);
    assert!(customer.received().await.is_empty());
    assert_eq!(app.count("jobs"), 0);

    let again = app.agent(0).act(format!("{path}/messages/{id}/retry")).await.expect(200);
    assert_eq!(
        (&again["id"], &again["status"], &again["error"]),
        (&json!(id), &json!("queued"), &Value::Null)
    );
    assert_eq!(customer.receives(1).await, ["Halo kak"]);
    log.until("arrival", |event| event["data"]["id"] == id && event["data"]["status"] == "read").await;
    let refused = app.agent(0).act(format!("{path}/messages/{id}/retry")).await.problem(409, "not_retryable");
    assert!(refused["detail"].as_str().unwrap().contains("read"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_15_a_lost_answer_is_unknown_never_sent_again_and_settled_by_the_status() {
    let app = TestApp::with_sandbox().await;
    let (customer, path) = held(&app, "6281234567890").await;
    let mut log = app.follow().await;
    app.faults(json!([
        { "target": "send", "times": 1, "action": { "type": "accept_then_hang", "ms": 20 } },
        { "target": "webhook", "event": "status", "action": { "type": "drop" } },
    ]))
    .await;
    let id = send(&app, &path, "Sekali saja").await;
    let unknown = log.until("doubt", |event| event["data"]["status"] == "unknown").await["data"].clone();
    assert_eq!((&unknown["id"], &unknown["error"]["code"]), (&json!(id), &json!("outcome_unknown")));
    assert_eq!(unknown["provider_message_id"], Value::Null);
    app.advance(TimeDelta::hours(1));
    let after = send(&app, &path, "Yang berikutnya").await;
    assert_eq!(customer.receives(2).await, ["Sekali saja", "Yang berikutnya"]);
    assert_eq!(message(&app, &path, &id).await["status"], "unknown");
    assert_ne!(id, after);

    let at_customer = customer.received().await.remove(0);
    assert_eq!(at_customer["our_reference"], id);
    let provider_id = at_customer["provider_message_id"].as_str().unwrap();
    let mut body = harness::hooks::whatsapp_status(
        "6281234567890",
        provider_id,
        app.clock.now().unix_seconds(),
        "delivered",
    );
    body["entry"][0]["changes"][0]["value"]["statuses"][0]["biz_opaque_callback_data"] = json!(id);
    app.hook("whatsapp", body.to_string()).await.expect(200);
    let settled = message(&app, &path, &id).await;
    assert_eq!(
        (&settled["status"], &settled["provider_message_id"]),
        (&json!("delivered"), &json!(provider_id))
    );
    assert_eq!(settled["error"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_15_a_process_that_died_while_sending_leaves_the_message_unknown() {
    let app = TestApp::with_sandbox().await;
    let (customer, path) = held(&app, "6281234567890").await;
    // The claim of a process that then dies, made before any living worker can: its channel waits meanwhile.
    app.database.execute("UPDATE channels SET state = 'needs_attention'");
    let id = send(&app, &path, "Apakah sampai?").await;
    let (now, lives) = (app.clock.now(), TimeDelta::seconds(60));
    let claimed = app
        .database
        .connect()
        .transaction::<_, persistence::error::StoreError, _>(|conn| {
            diesel::RunQueryDsl::execute(diesel::sql_query("UPDATE channels SET state = 'connected'"), conn)?;
            jobs::claim_sends(conn, &jobs::UnderWay::new(), now, now.plus(lives), 10)
        })
        .unwrap();
    assert_eq!(claimed.len(), 1);
    let second = send(&app, &path, "Menunggu giliran").await;
    let (other, elsewhere) = held(&app, "6281390011223").await;
    send(&app, &elsewhere, "penanda").await;
    other.receives(1).await;
    assert_eq!(message(&app, &path, &id).await["status"], "queued");
    assert_eq!(message(&app, &path, &second).await["status"], "queued");

    let mut log = app.follow().await;
    app.advance(lives);
    log.until("doubt", |event| event["data"]["id"] == id && event["data"]["status"] == "unknown").await;
    assert_eq!(customer.receives(1).await, ["Menunggu giliran"]);
    app.agent(0).act(format!("{path}/messages/{id}/retry")).await.expect(200);
    assert_eq!(customer.receives(2).await, ["Menunggu giliran", "Apakah sampai?"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_stop_the_channel_and_new_ones_send_what_waited() {
    let app = TestApp::with_sandbox().await;
    let (customer, path) = held(&app, "6281234567890").await;
    let (other, elsewhere) = held(&app, "6281390011223").await;
    let mut log = app.follow().await;
    app.faults(json!([{ "target": "send", "action": { "type": "refuse", "status": 401, "code": 190 } }]))
        .await;
    let first = send(&app, &path, "satu").await;
    let stopped = log.until("the stop", |event| event["type"] == "channel.updated").await;
    assert_eq!(stopped["data"]["status"]["state"], "needs_attention");
    assert_eq!(stopped["data"]["secrets"], Value::Null, "events never hint at secrets");
    let second = send(&app, &elsewhere, "dua").await;
    app.advance(TimeDelta::hours(1));
    // Telegram works on, and its message is later in the queue than those that wait.
    app.no_faults().await;
    app.customer("telegram", "7512345678").writes("Halo").await;
    let telegram = claimed(&app, &app.agent(0), "telegram").await;
    send(&app, &telegram, "penanda").await;
    app.customer("telegram", "7512345678").receives(1).await;
    for (path, id) in [(&path, &first), (&elsewhere, &second)] {
        assert_eq!(message(&app, path, id).await["status"], "queued");
    }
    assert!(customer.received().await.is_empty() && other.received().await.is_empty());

    let channel = format!("/v1/channels/{}", app.channel("whatsapp"));
    let shown = app.agent(0).get(&channel).await.expect(200);
    assert_eq!((&shown["status"]["state"], &shown["secrets"]), (&json!("needs_attention"), &Value::Null));
    let change = json!({ "access_token": "another-token-of-the-tests-0002" });
    app.reconnect_sandbox("whatsapp", &change).await;
    app.agent(0).patch(&channel, change.clone()).await.problem(403, "forbidden");
    let changed = app.admin().patch(&channel, change).await.expect(200);
    assert_eq!(changed["status"], json!({ "state": "connected", "detail": null }));
    let hints = changed["secrets"].as_array().unwrap();
    assert!(hints.contains(&json!({ "name": "access_token", "ends_with": "0002" })), "{hints:?}");
    assert_eq!(customer.receives(1).await, ["satu"]);
    assert_eq!(other.receives(1).await, ["dua"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_overtakes_the_answer_counts_and_is_not_undone() {
    let app = TestApp::with_sandbox().await;
    let (customer, path) = held(&app, "6281234567890").await;
    let mut log = app.follow().await;
    app.faults(json!([{ "target": "send", "action": { "type": "status_before_response" } }])).await;
    let id = send(&app, &path, "Cepat sekali").await;
    log.until("reading", |event| event["data"]["id"] == id && event["data"]["status"] == "read").await;
    eventually("the answer", || async { (app.count("jobs") == 0).then_some(()) }).await;
    let now = message(&app, &path, &id).await;
    assert_eq!(now["status"], "read");
    assert_eq!(now["provider_message_id"], customer.received().await[0]["provider_message_id"]);
    assert_eq!(customer.receives(1).await, ["Cepat sekali"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watermark_that_overtakes_the_answer_counts_once_the_answer_came() {
    let app = TestApp::with_sandbox().await;
    let customer = app.customer("messenger", "7412583690147258");
    customer.writes("Halo").await;
    let path = claimed(&app, &app.agent(0), "messenger").await;
    let mut log = app.follow().await;
    app.faults(json!([{ "target": "send", "action": { "type": "status_before_response" } }])).await;
    let id = send(&app, &path, "Cepat sekali").await;
    log.until("reading", |event| event["data"]["id"] == id && event["data"]["status"] == "read").await;
    let times = &message(&app, &path, &id).await["status_times"];
    assert!(["sent", "delivered", "read"].iter().all(|status| times[status].is_string()), "{times}");
    assert_eq!(customer.receives(1).await, ["Cepat sekali"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_telegram_customer_who_blocked_the_bot_is_told_to_the_agent() {
    let app = TestApp::with_sandbox().await;
    let customer = app.customer("telegram", "7512345678");
    customer.writes("Halo").await;
    let path = claimed(&app, &app.agent(0), "telegram").await;
    customer.is(json!({ "blocked": true })).await;
    let mut log = app.follow().await;
    send(&app, &path, "Halo juga").await;
    let failed = log.until("failure", |event| event["data"]["status"] == "failed").await;
    let error = &failed["data"]["error"];
    assert_eq!((&error["code"], &error["provider_code"]), (&json!("recipient_blocked"), &json!("403")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_window_closes_while_it_waits_fails_without_a_call() {
    let app = TestApp::with_sandbox().await;
    let (customer, path) = held(&app, "6281234567890").await;
    app.faults(json!([{ "target": "send", "action": { "type": "rate_limit", "retry_after": 5 } }])).await;
    send(&app, &path, "Menunggu").await;
    eventually("an attempt", || async {
        (app.count("jobs WHERE attempts = 1 AND claimed_until IS NULL") == 1).then_some(())
    })
    .await;
    let mut log = app.follow().await;
    app.advance(TimeDelta::hours(25));
    let failed = log.until("failure", |event| event["data"]["status"] == "failed").await;
    assert_eq!(failed["data"]["error"]["code"], "reply_window_closed");
    assert_eq!(app.faults_used().await, [1]);
    assert!(customer.received().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_the_moment_too_often_fails_in_the_end() {
    let app = TestApp::with_sandbox().await;
    let (_, path) = held(&app, "6281234567890").await;
    app.faults(json!([{ "target": "send", "action": { "type": "refuse", "status": 500, "code": 131016 } }]))
        .await;
    send(&app, &path, "Sia-sia").await;
    let mut log = app.follow().await;
    for attempt in 1..8 {
        eventually(&format!("attempt {attempt}"), || async {
            (app.count(&format!("jobs WHERE attempts = {attempt} AND claimed_until IS NULL")) == 1)
                .then_some(())
        })
        .await;
        app.advance(TimeDelta::minutes(15));
    }
    let failed = log.until("failure", |event| event["data"]["status"] == "failed").await;
    assert_eq!(failed["data"]["error"]["code"], "provider_unavailable");
    assert_eq!((app.faults_used().await, app.count("jobs")), (vec![8], 0));
}
