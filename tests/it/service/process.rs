//! What operators and tools ask of the process itself.

use diesel::connection::SimpleConnection;
use harness::team::assignment_settings;
use harness::{TestApp, eventually};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_readiness_and_metrics_answer() {
    let app = TestApp::start().await;
    app.anonymous().get("/healthz").await.expect(200);
    app.anonymous().get("/readyz").await.expect(200);
    app.conversation("6281234567890", "Halo, kata rahasia").await;
    let metrics = app.anonymous().get("/metrics").await.expect(200);
    let text = String::from_utf8(metrics.body).unwrap();
    assert!(text.contains("http_request_seconds") && text.contains("ingest_batch_webhooks"), "{text}");
    for secret in ["6281234567890", "rahasia", app.channel("whatsapp")] {
        assert!(!text.contains(secret), "metrics tell {secret}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_tell_who_waits_and_what_routing_has_still_to_look_at() {
    let app = TestApp::start().await;
    let settings = assignment_settings(&json!({ "auto_assign": true }));
    app.admin().put("/v1/settings/assignment", settings).await.expect(200);
    // While another router works on the workspace, this one waits.
    let mut other = app.database.connect();
    other.batch_execute("BEGIN; UPDATE routing_states SET run = run + 1").unwrap();
    for number in 0..3 {
        app.conversation(&format!("628120000000{number}"), "Halo").await;
    }
    let archived = app.conversation("6281200000009", "Halo").await;
    app.admin().act(format!("/v1/conversations/{archived}/archive")).await.expect(200);
    // What a process counts is of all its servers; each asks its own database.
    eventually("the queue and the requests", || async {
        let metrics = app.anonymous().get("/metrics").await.expect(200);
        let text = String::from_utf8(metrics.body).unwrap();
        let value = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(ToOwned::to_owned)
        };
        let requests = app.count("routing_requests");
        let told = value("conversations_waiting").as_deref() == Some("3");
        (told && requests > 0 && value("routing_requests_waiting") == Some(requests.to_string()))
            .then_some(())
    })
    .await;
    other.batch_execute("ROLLBACK").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_with_a_key_demand_it() {
    let app = TestApp::options()
        .settings(|settings| settings.metrics_key = Some("kunci-metrik".into()))
        .start()
        .await;
    app.anonymous().get("/metrics").await.problem(401, "missing_credentials");
    app.admin().get("/metrics").await.problem(401, "invalid_token");
    app.bearer("kunci-metrik").get("/metrics").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_ids_are_taken_over_if_they_are_sane() {
    let app = TestApp::start().await;
    let asked = |id: &str| app.admin().get("/v1/me").header("X-Request-Id", id);
    assert_eq!(asked("permintaan-42").await.expect(200).header("x-request-id"), Some("permintaan-42"));
    for odd in ["", "ada spasi", &"x".repeat(129), "a\"b"] {
        let answered = asked(odd).await.expect(200);
        assert_ne!(answered.header("x-request-id"), Some(odd));
    }
}
