//! What operators and tools ask of the process itself.

use harness::TestApp;

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
