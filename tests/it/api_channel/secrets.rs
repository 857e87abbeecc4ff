//! The secret that signs, and the address that is called.

use chrono::TimeDelta;
use harness::{Receiver, TestApp};
use serde_json::{Value, json};

use super::{connect, handed};
use crate::support::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_12_the_secret_is_shown_once_and_lies_nowhere_in_plain() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let body = json!({ "kind": "api", "name": "Situs web", "callback_url": receiver.url() });
    let made = app.admin().post("/v1/channels", body.clone()).key("satu").await.expect(201);
    let again = app.admin().post("/v1/channels", body).key("satu").await.expect(201);
    assert_eq!(made.json, again.json);
    let secret = made["signing_secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() == 50);
    assert_eq!(made["external_id"], made["id"]);
    let path = format!("/v1/channels/{}", made.id());
    assert_eq!(made["webhook_url"], json!(format!("{}{path}/inbound", app.base())));
    let rotate = format!("{path}/rotate-secret");
    let rotated = app.admin().act(&rotate).key("dua").await.expect(200);
    let newer = rotated["signing_secret"].as_str().unwrap().to_owned();
    assert_ne!(newer, secret);
    assert_eq!(app.admin().act(&rotate).key("dua").await.expect(200).json, rotated.json);
    app.admin().act(&rotate).if_match(1).await.problem(412, "version_mismatch");

    let read = app.admin().get(&path).await.expect(200);
    let ends_with = &newer[newer.len() - 4..];
    assert_eq!(read["secrets"], json!([{ "name": "signing_secret", "ends_with": ends_with }]));
    assert_eq!(read["callback_url"], json!(receiver.url()));
    for reader in [app.agent(0), app.supervisor()] {
        let read = reader.get(&path).await.expect(200);
        assert_eq!((&read["secrets"], &read["callback_url"]), (&Value::Null, &Value::Null));
    }
    let events = app.events().await;
    let told: Vec<_> = events.iter().filter(|event| event["data"]["id"] == made["id"]).collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|event| event["data"]["callback_url"].is_null()));
    assert!(!events.iter().any(|event| event.to_string().contains(&receiver.url())));
    let trail = app.admin().all("/v1/audit-entries").await;
    let about: Vec<_> = trail.iter().filter(|entry| entry["subject"]["id"] == made["id"]).collect();
    assert_eq!(about.len(), 2);
    for secret in [&secret, &newer] {
        let random = &secret["whsec_".len()..];
        assert!(!json!(events).to_string().contains(random) && !json!(trail).to_string().contains(random));
        let tables = app.database.values(
            "SELECT table_name::text AS value FROM information_schema.tables WHERE table_schema = 'public'",
        );
        for table in tables {
            let rows = app.database.values(&format!("SELECT t::text AS value FROM {table} t")).concat();
            assert!(!rows.contains(random) && !rows.contains(&hex::encode(secret)), "{table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_rotation_both_secrets_sign_for_a_day() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let line = connect(&app, Some(&receiver)).await;
    let path = line.held(&app).await;
    let rotated = app.admin().act(format!("{}/rotate-secret", line.path())).await.expect(200);
    let newer = rotated["signing_secret"].as_str().unwrap();
    app.agent(0).post(format!("{path}/messages"), text("satu")).await.expect(201);
    let call = handed(&receiver, 1).await.remove(0);
    assert!(call.is_signed_by(newer) && call.is_signed_by(&line.secret));
    app.advance(TimeDelta::hours(24));
    app.agent(0).post(format!("{path}/messages"), text("dua")).await.expect(201);
    let call = handed(&receiver, 2).await.remove(1);
    assert!(call.is_signed_by(newer) && !call.is_signed_by(&line.secret));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_11_a_callback_leads_nowhere_inside() {
    let app = TestApp::options()
        .settings(|settings| settings.private_ranges_allowed = "127.0.0.1".parse().unwrap())
        .start()
        .await;
    let rows = app.database.snapshot();
    for url in [
        "",
        "chat.example",
        "ftp://chat.example/",
        "http://chat.example.invalid:99999/",
        "http://1.1.1.1/",
        "https://10.0.0.1/",
        "https://127.0.0.2/",
        "http://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://budi:kata@chat.example/",
        "https://0x7f000002/",
    ] {
        let body = json!({ "kind": "api", "name": "Situs web", "callback_url": url });
        let refused = app.admin().post("/v1/channels", body).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], "/callback_url", "{url}");
    }
    // The second as it is stored: %C3%A9 for each.
    for path in ["a".repeat(2000), "é".repeat(400)] {
        let long = format!("https://chat.example/{path}");
        let body = json!({ "kind": "api", "name": "Situs web", "callback_url": long });
        app.admin().post("/v1/channels", body).await.problem(422, "validation_failed");
    }
    assert_eq!(app.database.snapshot(), rows);
    let line = connect(&app, None).await;
    let refused = app.admin().patch(line.path(), json!({ "callback_url": "https://192.168.0.1/" })).await;
    refused.problem(422, "validation_failed");
    app.admin()
        .patch(line.path(), json!({ "callback_url": "https://chat.example/tanggap" }))
        .await
        .expect(200);
    let removed = app.admin().patch(line.path(), json!({ "callback_url": null })).await.expect(200);
    assert_eq!(removed["callback_url"], Value::Null);
}
