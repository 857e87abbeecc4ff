//! Where endpoints may be.

use api::outbound_url::AllowedRanges;
use harness::{Receiver, TestApp, eventually};
use serde_json::json;

use super::label;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_11_no_address_inside_can_be_set_in_whatever_way_it_is_written() {
    let app = TestApp::options()
        .settings(|settings| settings.private_ranges_allowed = AllowedRanges::default())
        .start()
        .await;
    let inside = Receiver::start().await;
    let port = inside.url().rsplit(':').next().unwrap().to_owned();
    let rows = app.database.snapshot();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "a.localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "[fe80::1]",
        "[fd00::1]",
        "[2002:7f00:1::]",
        "user@crm.example",
        "user:word@crm.example",
        "1.1.1.1@127.0.0.1",
        "１２７.0.0.1",
    ] {
        for scheme in ["https", "http"] {
            let body = json!({ "url": format!("{scheme}://{host}:{port}") });
            let refused =
                app.admin().post("/v1/webhook-endpoints", body).await.problem(422, "validation_failed");
            assert_eq!(
                (&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]),
                (&json!("/url"), &json!("not_allowed"))
            );
        }
    }
    for url in [
        "",
        "crm.example",
        "//crm.example",
        "ftp://crm.example",
        "file:///etc/passwd",
        "http://crm.example",
        "data:,x",
    ] {
        app.admin()
            .post("/v1/webhook-endpoints", json!({ "url": url }))
            .await
            .problem(422, "validation_failed");
    }
    assert_eq!(app.database.snapshot(), rows);
    assert!(inside.received().is_empty());
}

/// An address that was allowed when it was set is looked at again with every call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_11_what_leads_inside_by_now_is_not_called() {
    let app = TestApp::options()
        .settings(|settings| settings.private_ranges_allowed = AllowedRanges::default())
        .start()
        .await;
    let inside = Receiver::start().await;
    let outside = json!({ "url": "https://crm.example/hook", "event_types": ["label.created"] });
    let made = app.admin().post("/v1/webhook-endpoints", outside).await.expect(201);
    app.database.execute(&format!("UPDATE webhook_endpoints SET url = '{}'", inside.url()));
    label(&app, "Satu").await;
    let path =
        format!("/v1/webhook-endpoints/{}/deliveries", made["webhook_endpoint"]["id"].as_str().unwrap());
    let delivery = eventually("it is tried", async || {
        let all = app.admin().all(&path).await;
        all.into_iter().find(|one| one["attempts"] != json!([]))
    })
    .await;
    assert_eq!(delivery["attempts"][0]["error"], "address_refused");
    assert_eq!((&delivery["attempts"][0]["status"], &delivery["state"]), (&json!(null), &json!("pending")));
    assert!(inside.received().is_empty());
}
