//! Channels: their secrets stay secret, and two changes do not overwrite each other.

use harness::TestApp;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_12_secrets_are_never_read_back_and_never_stored_in_the_clear() {
    let app = TestApp::start().await;
    let canary = "EAAkanariRahasiaNomorSatu7788";
    let body = json!({
        "kind": "whatsapp", "name": "Kenari", "phone_number_id": "100000000000001", "waba_id": "100000000000002",
        "display_phone_number": "+6281100000001", "access_token": canary, "app_secret": "kanari-app-secret-9911",
        "verify_token": "pendek",
    });
    let made = app.admin().post("/v1/channels", body.clone()).await.expect(201);
    app.admin().post("/v1/channels", body.clone()).await.problem(409, "channel_exists");
    let path = format!("/v1/channels/{}", made.id());
    let mut shown = vec![made.json.clone()];
    shown.push(app.admin().get(&path).await.expect(200).json);
    shown.push(app.admin().patch(&path, json!({ "name": "Kenari 2" })).await.expect(200).json);
    shown.extend(app.admin().all("/v1/channels").await);
    shown.extend(app.events().await);
    for one in &shown {
        let text = one.to_string();
        assert!(!text.contains(canary) && !text.contains("kanari-app-secret"), "{text}");
    }
    let hints = shown[0]["secrets"].as_array().unwrap();
    assert!(hints.contains(&json!({ "name": "access_token", "ends_with": "7788" })));
    assert!(
        hints.contains(&json!({ "name": "verify_token", "ends_with": null })),
        "a short one shows nothing"
    );
    for reader in [app.agent(0), app.supervisor()] {
        assert_eq!(reader.get(&path).await.expect(200)["secrets"], Value::Null);
        assert!(reader.all("/v1/channels").await.iter().all(|one| one["secrets"].is_null()));
        assert!(
            !harness::Follower::from_cursor(reader, harness_start(&app))
                .rest()
                .await
                .iter()
                .any(|event| event["data"]["secrets"].is_array())
        );
    }
    let tables = app.database.values(
        "SELECT table_name::text AS value FROM information_schema.tables WHERE table_schema = 'public'",
    );
    for table in tables {
        let rows = app.database.values(&format!("SELECT t::text AS value FROM {table} t")).concat();
        let hex = hex::encode(canary);
        for plain in [canary, "kanari-app-secret", &hex] {
            assert!(!rows.contains(plain), "{table} holds {plain}");
        }
    }
}

fn harness_start(app: &TestApp) -> String {
    api::stream::cursor::StreamCursor::new(app.app().epoch, 0).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_05_a_change_of_an_older_version_is_refused() {
    let app = TestApp::start().await;
    let path = format!("/v1/channels/{}", app.channel("telegram"));
    let read = app.admin().get(&path).await.expect(200);
    let version = read["version"].as_i64().unwrap();
    assert_eq!(read.header("etag"), Some(format!("\"{version}\"").as_str()));
    let change =
        |name: &str, version: i64| app.admin().patch(&path, json!({ "name": name })).if_match(version);
    let first = change("satu", version).await.expect(200);
    assert_eq!(first.header("etag"), Some(format!("\"{}\"", version + 1).as_str()));
    let rows = app.database.snapshot();
    let late = change("dua", version).await.problem(412, "version_mismatch");
    assert!(late["detail"].as_str().unwrap().contains(&(version + 1).to_string()));
    assert_eq!(app.database.snapshot(), rows);
    change("dua", version + 1).await.expect(200);
    assert_eq!(app.admin().get(&path).await.expect(200)["name"], "dua");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_admins_connect_and_change_channels() {
    let app = TestApp::start().await;
    let path = format!("/v1/channels/{}", app.channel("telegram"));
    let rows = app.database.snapshot();
    for caller in [app.supervisor(), app.agent(0), app.narrow_agent()] {
        caller.patch(&path, json!({ "name": "Diambil" })).await.problem(403, "forbidden");
        caller.post("/v1/channels", harness::app::channels().remove(0).1).await.problem(403, "forbidden");
    }
    for wrong in [
        json!({ "app_secret": "x" }),
        json!({ "bot_token": "1:x" }),
        json!({ "webhook_secret": "tidak boleh" }),
    ] {
        app.admin().patch(&path, wrong).await.problem(422, "validation_failed");
    }
    assert_eq!(app.database.snapshot(), rows);
}
