//! A member changes its own password.

use std::time::Duration;

use chrono::TimeDelta;
use harness::client::PASSWORD;
use harness::{Caller, MailServer, Reply, StreamClient, TestApp, eventually};
use serde_json::{Value, json};

use super::{ask_reset, confirm, login};

const NEW: &str = "kata-sandi-baru";

fn change(caller: &Caller, current: &str, new: &str) -> harness::client::Call {
    caller.put("/v1/me/password", json!({ "current_password": current, "new_password": new }))
}

fn device(app: &TestApp, tokens: &Reply) -> Caller {
    app.bearer(tokens["access_token"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_08_changing_it_ends_every_other_sign_in_on_every_node_and_not_ones_own() {
    let mails = MailServer::start().await;
    let app = TestApp::options()
        .mail(&mails)
        .settings(|settings| settings.stream.poll = Duration::from_millis(50))
        .start()
        .await;
    let node = app.node(|_| {}).await;
    let (own, other) = (app.agent(0).sign_in().await, app.agent(0).sign_in().await);
    let (mut mine, _) = StreamClient::of(&app, &device(&app, &own), None).await;
    let (mut here, _) = StreamClient::of(&app, &device(&app, &other), None).await;
    let away = device(&app, &other).at(node.wire());
    let (mut there, _) = StreamClient::of(&node, &away, None).await;
    away.get("/v1/me").await.expect(200);
    let colleague = app.agent(1).sign_in().await;
    ask_reset(&app.anonymous(), &app.agent(0).me().email).await.expect(202);
    let link = mails.next().await.token();

    change(&device(&app, &own), PASSWORD, NEW).await.expect(204);
    device(&app, &other).get("/v1/me").await.problem(401, "invalid_token");
    assert_eq!((here.closed().await, there.closed().await), (Some(4403), Some(4403)));
    eventually("the other node refuses the token", || async {
        (away.get("/v1/me").await.status == 401).then_some(())
    })
    .await;
    let refresh = |tokens: &Reply| {
        let body = json!({ "refresh_token": tokens["refresh_token"] });
        app.anonymous().post("/v1/auth/refresh", body)
    };
    refresh(&other).await.problem(401, "invalid_refresh_token");
    device(&app, &own).get("/v1/me").await.expect(200);
    device(&app, &colleague).get("/v1/me").await.expect(200);
    refresh(&own).await.expect(200);
    // The stream of one's own goes on.
    app.conversation("6281234567890", "Halo").await;
    mine.next_event().await;

    let email = app.agent(0).me().email.clone();
    login(&app.anonymous(), &email, PASSWORD).await.problem(401, "invalid_credentials");
    login(&app.anonymous(), &email, NEW).await.expect(200);
    // A link asked for before would have changed it again.
    confirm(&app.anonymous(), &link, PASSWORD).await.problem(401, "invalid_one_time_token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_a_wrong_present_password_is_told_counts_like_a_wrong_sign_in_and_changes_nothing() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let (other, email) = (siti.sign_in().await, siti.me().email.clone());
    siti.get("/v1/me").await.expect(200);
    let rows = app.database.snapshot();
    for _ in 0..5 {
        let refused = change(&siti, "salah-sekali", NEW).await.problem(422, "validation_failed");
        assert_eq!(
            (&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]),
            (&json!("/current_password"), &json!("wrong_password"))
        );
    }
    let refused = change(&siti, PASSWORD, NEW).await.problem(429, "too_many_requests");
    assert_eq!(refused.header("retry-after"), Some("1"));
    login(&app.anonymous(), &email, PASSWORD).await.problem(429, "too_many_requests");
    device(&app, &other).get("/v1/me").await.expect(200);
    assert_eq!(app.database.snapshot(), rows);
    app.advance(TimeDelta::seconds(1));
    change(&siti, PASSWORD, NEW).await.expect(204);
    change(&siti, "salah-sekali", NEW).await.problem(422, "validation_failed");
    login(&app.anonymous(), &email, NEW).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_in_the_request_is_said_and_counts_nothing() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    siti.get("/v1/me").await.expect(200);
    let rows = app.database.snapshot();
    for (body, pointer) in [
        (json!({ "current_password": PASSWORD, "new_password": "pendek" }), "/new_password"),
        (json!({ "current_password": PASSWORD, "new_password": "x".repeat(201) }), "/new_password"),
        (json!({ "current_password": PASSWORD, "new_password": 7 }), "/new_password"),
        (json!({ "current_password": 7, "new_password": NEW }), "/current_password"),
        (json!({ "current_password": PASSWORD }), ""),
        (json!({ "new_password": NEW }), ""),
        (json!({ "current_password": PASSWORD, "new_password": NEW, "x": 1 }), "/x"),
    ] {
        for _ in 0..2 {
            let refused = siti.put("/v1/me/password", body.clone()).await.problem(422, "validation_failed");
            assert_eq!(refused["errors"][0]["pointer"], Value::from(pointer), "{body}");
        }
    }
    assert_eq!(app.database.snapshot(), rows);
    change(&siti, PASSWORD, NEW).await.expect(204);
}
