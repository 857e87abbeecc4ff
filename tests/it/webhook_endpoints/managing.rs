//! Making, changing, rotating and deleting endpoints.

use chrono::TimeDelta;
use harness::receiver::{Answer, Received};
use harness::{Receiver, TestApp, eventually};
use serde_json::{Value, json};

use super::{Endpoint, label};
use crate::walks::NOBODY;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_are_made_read_changed_and_deleted_and_their_secret_is_shown_once() {
    let app = TestApp::start().await;
    let (admin, receiver) = (app.admin(), Receiver::start().await);
    let body = json!({ "url": receiver.url(), "description": "Sinkronisasi CRM", "event_types": ["label.created"],
        "channel_ids": [app.channel("telegram")] });
    let made = admin.post("/v1/webhook-endpoints", body.clone()).key("sekali").await.expect(201);
    let secret = made["secret"].as_str().unwrap();
    let endpoint = &made["webhook_endpoint"];
    assert!(secret.starts_with("whsec_") && secret.ends_with(endpoint["secret_ends_with"].as_str().unwrap()));
    assert_eq!((&endpoint["active"], &endpoint["paused_reason"]), (&json!(true), &Value::Null));
    let again = admin.post("/v1/webhook-endpoints", body).key("sekali").await.expect(201);
    assert_eq!(again.json, made.json, "a repeat shows it again");
    let rows = app
        .database
        .values("SELECT e::text || k::text AS value FROM webhook_endpoints e, idempotency_keys k");
    assert!(
        !rows.is_empty() && rows.iter().all(|row| !row.contains(&secret[6..])),
        "it is nowhere in plain text"
    );

    let path = format!("/v1/webhook-endpoints/{}", endpoint["id"].as_str().unwrap());
    let read = admin.get(&path).await.expect(200);
    assert_eq!((&read.json, read.header("etag")), (endpoint, Some("\"1\"")));
    assert_eq!(admin.all("/v1/webhook-endpoints?limit=1").await, std::slice::from_ref(endpoint));

    let change = json!({ "description": null, "event_types": [], "channel_ids": [], "active": false });
    let changed = admin.patch(&path, change.clone()).if_match(1).await.expect(200);
    assert_eq!((&changed["version"], &changed["paused_reason"]), (&json!(2), &json!("admin")));
    assert_eq!((&changed["channel_ids"], &changed["description"]), (&json!([]), &Value::Null));
    admin.patch(&path, json!({ "active": true })).if_match(1).await.problem(412, "version_mismatch");
    assert_eq!(admin.patch(&path, change).await.expect(200).json, changed.json, "changes nothing");
    let resumed = admin.patch(&path, json!({ "active": true })).await.expect(200);
    assert_eq!((&resumed["active"], &resumed["paused_reason"]), (&json!(true), &Value::Null));

    let stranger = app.another_team("dua").await.admin();
    stranger.get(&path).await.problem(404, "not_found");
    stranger.get(format!("{path}/deliveries")).await.problem(404, "not_found");
    admin.delete(&path).if_match(2).await.problem(412, "version_mismatch");
    admin.delete(&path).if_match(3).await.expect(204);
    for gone in [&path, &format!("{path}/deliveries")] {
        admin.get(gone).await.problem(404, "not_found");
    }
    admin.delete(&path).await.problem(404, "not_found");
    // Another one hears of what comes after, so there was time to send it to this one.
    let other = Receiver::start().await;
    Endpoint::make(&app, &other, json!({ "event_types": ["label.created"] })).await;
    label(&app, "Sesudahnya").await;
    other.first(1).await;
    assert!(receiver.received().iter().all(|one| one.json()["type"] != "label.created"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_set_is_refused_with_the_place_and_nothing_is_stored() {
    let app = TestApp::start().await;
    let (admin, url) = (app.admin(), "https://crm.example/hook");
    let rows = app.database.snapshot();
    let long = format!("https://crm.example/{}", "x".repeat(2000));
    // As it is stored: %C3%A9 for each.
    let longer_than_it_looks = format!("https://crm.example/{}", "é".repeat(400));
    for (body, pointer) in [
        (json!({ "url": long }), "/url"),
        (json!({ "url": longer_than_it_looks }), "/url"),
        (json!({ "url": url, "description": "" }), "/description"),
        (json!({ "url": url, "description": "x".repeat(201) }), "/description"),
        (json!({ "url": url, "event_types": ["label.created", "label.created"] }), "/event_types/1"),
        (json!({ "url": url, "channel_ids": [NOBODY] }), "/channel_ids/0"),
        (json!({ "url": url, "event_types": ["label.invented"] }), "/event_types/0"),
        (json!({ "url": url, "active": "ya" }), "/active"),
    ] {
        let refused =
            admin.post("/v1/webhook-endpoints", body.clone()).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(app.database.snapshot(), rows);
    for number in 0..100 {
        let body = json!({ "url": format!("https://crm.example/{number}") });
        admin.post("/v1/webhook-endpoints", body).await.expect(201);
    }
    let one_more = admin.post("/v1/webhook-endpoints", json!({ "url": url })).await;
    one_more.problem(409, "too_many_webhook_endpoints");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_09_after_a_rotation_both_secrets_sign_for_a_day_and_then_only_the_new_one() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::make(&app, &receiver, json!({ "event_types": ["label.created"] })).await;
    label(&app, "Satu").await;
    let first = receiver.first(1).await;
    let rotated = app.admin().act(format!("{}/rotate-secret", endpoint.path)).key("putar").await.expect(200);
    let new = rotated["secret"].as_str().unwrap();
    let again = app.admin().act(format!("{}/rotate-secret", endpoint.path)).key("putar").await.expect(200);
    assert_eq!(again.json, rotated.json);
    let until = app.clock.now().plus(TimeDelta::hours(24));
    assert_eq!(rotated["webhook_endpoint"]["previous_secret_until"], json!(until));
    label(&app, "Dua").await;
    let both = receiver.first(2).await;
    app.advance(TimeDelta::hours(24));
    label(&app, "Tiga").await;
    let after = receiver.first(3).await;
    let signed = |received: &harness::receiver::Received| {
        (received.is_signed_by(&endpoint.secret), received.is_signed_by(new))
    };
    assert_eq!(
        (signed(&first[0]), signed(&both[1]), signed(&after[2])),
        ((true, false), (true, true), (false, true))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_is_sent_to_that_endpoint_only_also_while_it_is_paused_and_is_in_no_log() {
    let app = TestApp::start().await;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let endpoint = Endpoint::make(&app, &receiver, json!({ "event_types": ["label.created"] })).await;
    Endpoint::make(&app, &other, json!({})).await;
    app.admin().patch(&endpoint.path, json!({ "active": false })).await.expect(200);
    other.first(2).await;
    let events = app.events().await.len();
    receiver.next([Answer::With(500, ("x-why", "because".to_owned()), "not yet".to_owned())]);
    let test = app.admin().act(format!("{}/test", endpoint.path)).await.expect(202);
    let path = format!("{}/deliveries/{}", endpoint.path, test.id());
    let failed = eventually("the test is over", async || {
        let delivery = app.admin().get(&path).await.expect(200);
        (delivery["state"] != "pending").then_some(delivery)
    })
    .await;
    assert_eq!((&failed["state"], &failed["seq"]), (&json!("failed"), &Value::Null), "it is not tried again");
    let attempt = &failed["attempts"][0];
    assert_eq!((&attempt["status"], &attempt["response_start"]), (&json!(500), &json!("not yet")));
    let sent = receiver.first(1).await.remove(0);
    assert!(sent.is_signed_by(&endpoint.secret));
    assert_eq!(
        (&sent.json()["type"], &sent.json()["data"]["active"]),
        (&json!("webhook_endpoint.tested"), &json!(false))
    );
    // It can be made again; and nobody else heard of it.
    app.admin().act(format!("{path}/redeliver")).await.expect(202);
    let twice = receiver.first(2).await;
    assert_eq!(twice[1].header("webhook-id"), twice[0].header("webhook-id"));
    eventually("it is taken", async || (app.admin().get(&path).await["state"] == "delivered").then_some(()))
        .await;
    assert_eq!((app.events().await.len(), other.received().len()), (events, 2));
    assert_eq!(endpoint.read(&app).await["failing_since"], Value::Null);
}

/// The path of an address is often a word that opens it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_are_told_where_an_endpoint_is_and_not_its_whole_address() {
    let app = TestApp::start().await;
    let (other, receiver) = (Receiver::start().await, Receiver::start().await);
    Endpoint::make(
        &app,
        &other,
        json!({ "event_types": ["webhook_endpoint.created", "webhook_endpoint.updated"] }),
    )
    .await;
    let endpoint = Endpoint::make(&app, &receiver, json!({ "event_types": ["label.created"] })).await;
    let secret = json!({ "url": "https://crm.example:8443/rahasia?kunci=1" });
    assert_eq!(app.admin().patch(&endpoint.path, secret.clone()).await.expect(200)["url"], secret["url"]);
    let moved = json!({ "url": "https://crm.example:8443/lain" });
    app.admin().patch(&endpoint.path, moved).await.expect(200);
    let own = endpoint.read(&app).await.id();
    let calls = other.first(4).await;
    let told: Vec<Value> = calls.iter().map(Received::json).filter(|one| one["data"]["id"] == own).collect();
    let here = receiver.url().strip_suffix("/hook").unwrap().to_owned();
    let urls: Vec<_> =
        told.iter().map(|one| (one["data"]["url"].clone(), one["previous"]["url"].clone())).collect();
    let there = json!("https://crm.example:8443");
    assert_eq!(urls, [(json!(here), Value::Null), (there.clone(), json!(here)), (there, Value::Null)]);
    app.admin().act(format!("{}/test", endpoint.path)).await.expect(202);
    let tested = app.database.values("SELECT body AS value FROM webhook_deliveries WHERE seq IS NULL");
    assert!(tested.iter().all(|body| !body.contains("/lain")));
}
