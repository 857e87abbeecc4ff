//! Customers' files, from every provider: links that run out, providers that are slow, lie and refuse.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::TimeDelta;
use harness::{Customer, TestApp, eventually};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{PNG, png, sha256, stored};

const NUMBER: &str = "6281234567890";

/// What is known of the newest file, once it has this state.
async fn file(app: &TestApp, state: &str) -> Value {
    let admin = app.admin();
    eventually(&format!("a file that is {state}"), || async {
        let ids = app.database.values("SELECT id::text AS value FROM attachments ORDER BY id DESC LIMIT 1");
        let read = admin.get(format!("/v1/attachments/{}", ids.first()?)).await.expect(200);
        (read["state"] == state).then_some(read.json)
    })
    .await
}

/// The job was tried so often and waits.
async fn postponed(app: &TestApp, attempts: u32) {
    let waiting =
        format!("jobs WHERE kind = 'fetch_media' AND attempts = {attempts} AND claimed_until IS NULL");
    eventually(&waiting, || async { (app.count(&waiting) == 1).then_some(()) }).await;
}

async fn bytes_of(app: &TestApp, file: &Value) -> Vec<u8> {
    app.admin().get(file["url"].as_str().unwrap()).await.expect(200).body
}

fn with_bytes(bytes: &[u8]) -> Value {
    json!({ "kind": "image", "bytes": BASE64_STANDARD.encode(bytes) })
}

async fn sends(customer: &Customer, message: Value) {
    assert_eq!(customer.sends(message).await["delivered"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_every_provider_come_and_are_told() {
    let app = TestApp::with_sandbox().await;
    for (channel, id) in [("whatsapp", NUMBER), ("telegram", "7512345678"), ("messenger", "7412583690147258")]
    {
        let customer = app.customer(channel, id);
        for (kind, content_type) in [
            ("image", "image/jpeg"),
            ("video", "video/mp4"),
            ("document", "application/pdf"),
            ("audio", "audio/mpeg"),
            ("voice", "audio/ogg"),
            ("sticker", "image/webp"),
        ] {
            let mut log = app.follow().await;
            sends(&customer, json!({ "kind": kind })).await;
            let told = log
                .until("the file", |event| {
                    event["type"] == "message.updated" && event["data"]["attachment"]["state"] == "stored"
                })
                .await
                .clone();
            let attachment = &told["data"]["attachment"];
            assert_eq!(attachment["content_type"], content_type, "{channel} {kind}");
            assert_eq!((&told["data"]["version"], &told["actor"]["type"]), (&json!(2), &json!("system")));
            let read = file(&app, "stored").await;
            assert_eq!((&read["id"], &read["url"]), (&attachment["id"], &attachment["url"]));
            assert_eq!(read["sha256"], sha256(&bytes_of(&app, &read).await));
            let path = format!("/v1/conversations/{}", told["conversation_id"].as_str().unwrap());
            let message = format!("{path}/messages/{}", told["data"]["id"].as_str().unwrap());
            assert_eq!(app.admin().get(message).await.expect(200).json, told["data"]);
        }
    }
    assert_eq!(app.count("jobs"), 0);
    // The bot's token is in no row: neither link nor path was kept.
    let rows =
        app.database.values("SELECT coalesce(string_agg(a::text, ' '), '') AS value FROM attachments a");
    assert!(!rows[0].contains(harness::hooks::ACCESS_TOKEN));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_ran_out_is_asked_for_anew() {
    let app = TestApp::with_sandbox().await;
    let customer = app.customer("whatsapp", NUMBER);
    // Neither the link nor the question for a new one is answered at first.
    app.faults(json!([
        { "target": "media", "times": 1, "action": { "type": "drop" } },
        { "target": "media_link", "times": 1, "action": { "type": "server_error_html" } },
    ]))
    .await;
    sends(&customer, json!({ "kind": "document", "filename": "../faktur\u{202e}.pdf" })).await;
    postponed(&app, 1).await;
    let waits = file(&app, "pending").await;
    assert_eq!((&waits["url"], &waits["filename"]), (&Value::Null, &json!("faktur.pdf")));
    assert!(stored(&app).is_empty());
    // The link of the webhook is void by now; the id is not.
    app.advance(TimeDelta::minutes(6));
    let here = file(&app, "stored").await;
    assert_eq!(app.faults_used().await, [1, 1]);
    assert!(bytes_of(&app, &here).await.starts_with(b"%PDF"));
    // A webhook without a link is as good.
    sends(&customer, json!({ "kind": "image", "without_link": true })).await;
    file(&app, "stored").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_had_says_why() {
    let app = TestApp::with_sandbox().await;
    let whatsapp = app.customer("whatsapp", NUMBER);
    let telegram = app.customer("telegram", "7512345678");
    let messenger = app.customer("messenger", "7412583690147258");
    sends(&telegram, json!({ "kind": "video", "size_bytes": 20 * 1024 * 1024 + 1 })).await;
    assert_eq!(file(&app, "failed").await["failure"], "too_large");
    sends(&whatsapp, json!({ "kind": "image", "bytes": "" })).await;
    assert_eq!(file(&app, "failed").await["failure"], "empty");
    let refuse = |target: &str, status: u16| json!([{ "target": target, "action": { "type": "refuse", "status": status, "code": 100 } }]);
    app.faults(refuse("media", 404)).await;
    sends(&messenger, json!({ "kind": "image" })).await;
    assert_eq!(file(&app, "failed").await["failure"], "gone");
    // Whatever the link answers, WhatsApp is asked for another.
    app.faults(json!([{ "target": "media", "times": 1, "action": { "type": "refuse", "status": 404, "code": 100 } }])).await;
    sends(&whatsapp, json!({ "kind": "image" })).await;
    file(&app, "stored").await;
    app.faults(json!([
        { "target": "media", "action": { "type": "refuse", "status": 404, "code": 100 } },
        { "target": "media_link", "action": { "type": "refuse", "status": 400, "code": 100 } },
    ]))
    .await;
    sends(&whatsapp, json!({ "kind": "image" })).await;
    assert_eq!(file(&app, "failed").await["failure"], "gone");
    app.no_faults().await;
    // Bytes that are not the announced ones are fetched again, and then no more.
    sends(&whatsapp, json!({ "kind": "image", "sha256": BASE64_STANDARD.encode([7; 32]) })).await;
    for attempts in 1..4 {
        postponed(&app, attempts).await;
        assert!(!stored(&app).iter().any(|name| name.contains('#')));
        app.advance(TimeDelta::minutes(2));
    }
    assert_eq!(file(&app, "failed").await["failure"], "damaged");
    // What never answers is given up after seven days.
    app.faults(json!([{ "target": "media_link", "action": { "type": "drop" } }])).await;
    sends(&telegram, json!({ "kind": "image" })).await;
    postponed(&app, 1).await;
    app.advance(TimeDelta::days(7));
    let failed = file(&app, "failed").await;
    assert_eq!((&failed["failure"], &failed["url"]), (&json!("unavailable"), &Value::Null));
    app.admin()
        .get(format!("/v1/attachments/{}/content", failed["id"].as_str().unwrap()))
        .await
        .problem(404, "not_found");
    assert_eq!((app.count("jobs"), stored(&app).len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customers_file_is_kept_whatever_it_is_and_only_shown_if_it_is_harmless() {
    let app = TestApp::with_sandbox().await;
    let customer = app.customer("whatsapp", NUMBER);
    let html = b"<html><script>alert(1)</script></html>".as_slice();
    let large = png(30_000, 30_000);
    for (bytes, content_type, how) in [
        (html, "text/html", "attachment"),
        (PNG, "image/png", "inline"),
        (&large, "image/png", "attachment"),
        (b"\x01\x02\x03", "application/octet-stream", "attachment"),
    ] {
        sends(&customer, with_bytes(bytes)).await;
        let here = file(&app, "stored").await;
        let reply = app.admin().get(here["url"].as_str().unwrap()).await.expect(200);
        assert_eq!((reply.body.as_slice(), reply.header("content-type")), (bytes, Some(content_type)));
        assert_eq!(reply.header("content-disposition"), Some(how));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_files_hold_up_no_message() {
    let app = TestApp::with_sandbox().await;
    let customer = app.customer("whatsapp", NUMBER);
    app.faults(json!([{ "target": "media", "action": { "type": "accept_then_hang", "ms": 600_000 } }])).await;
    // More than are fetched at once.
    for _ in 0..12 {
        sends(&customer, with_bytes(PNG)).await;
    }
    let under_way = "jobs WHERE kind = 'fetch_media' AND claimed_until IS NOT NULL";
    eventually("as many files as are fetched at once", || async {
        (app.count(under_way) == 8).then_some(())
    })
    .await;
    let path = crate::support::claimed(&app, &app.agent(0), "whatsapp").await;
    app.agent(0).post(format!("{path}/messages"), crate::support::text("Siap")).await.expect(201);
    assert_eq!(customer.receives(1).await, ["Siap"]);
    assert_eq!(app.count(under_way), 8);
    // They hold no connection to the database either.
    let held = "pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    eventually("that nobody is in a transaction", || async { (app.count(held) == 0).then_some(()) }).await;
    assert_eq!(app.count(under_way), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_11_a_link_into_the_network_of_the_server_is_not_called() {
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = inside.local_addr().unwrap().port();
    let app = TestApp::options()
        .settings(|settings| settings.private_ranges_allowed = "".parse().unwrap())
        .start()
        .await;
    for (number, host) in
        ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"].iter().enumerate()
    {
        let at = app.clock.now().unix_seconds();
        let mut body =
            harness::hooks::messenger_message("7412583690147258", &format!("m_{number}"), at * 1000, "");
        let url = format!("http://{host}:{port}/secret");
        let message = &mut body["entry"][0]["messaging"][0]["message"];
        message.as_object_mut().unwrap().remove("text");
        message["attachments"] = json!([{ "type": "image", "payload": { "url": url } }]);
        app.hook("messenger", body.to_string()).await.expect(200);
        let failed = "attachments WHERE failure = 'refused'";
        let expected = i64::try_from(number).unwrap() + 1;
        eventually("the refusal", || async { (app.count(failed) == expected).then_some(()) }).await;
    }
    let waited = tokio::time::timeout(std::time::Duration::from_millis(50), inside.accept()).await;
    assert!(waited.is_err(), "somebody connected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_process_was_fetching_is_fetched_again() {
    let app = TestApp::with_sandbox().await;
    let customer = app.customer("whatsapp", NUMBER);
    app.faults(
        json!([{ "target": "media", "times": 1, "action": { "type": "accept_then_hang", "ms": 600_000 } }]),
    )
    .await;
    sends(&customer, with_bytes(PNG)).await;
    eventually("half of the file", || async { (app.faults_used().await == [1]).then_some(()) }).await;
    file(&app, "pending").await;
    // Its claim runs out: to the others it is dead. What it wrote of the file is in nobody's way.
    app.advance(TimeDelta::minutes(10));
    let here = file(&app, "stored").await;
    assert_eq!(bytes_of(&app, &here).await, PNG);
}
