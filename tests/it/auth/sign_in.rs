//! Signing in and out.

use harness::TestApp;
use harness::client::PASSWORD;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_and_unknown_addresses_get_the_same_answer() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let email = siti.me().email.clone();
    let sign_in = |workspace: Value, email: &str, password: &str| {
        app.anonymous()
            .post("/v1/auth/login", json!({ "workspace": workspace, "email": email, "password": password }))
    };
    let shown = |reply: harness::Reply| {
        let mut body = reply.problem(401, "invalid_credentials").json;
        body["request_id"] = Value::Null;
        body
    };
    let wrong = shown(sign_in(json!("satu"), &email, "salah-sekali").await);
    assert_eq!(wrong, shown(sign_in(json!("satu"), "siapa@tidak.example", PASSWORD).await));
    assert_eq!(wrong, shown(sign_in(json!("tidak-ada"), &email, PASSWORD).await));
    assert_eq!(wrong, shown(sign_in(json!("satu"), &email, "").await));
    let right = sign_in(Value::Null, &format!("  {} ", email.to_uppercase()), PASSWORD).await.expect(200);
    assert_eq!(
        (&right["agent"]["id"], &right["token_type"], &right["expires_in"]),
        (&json!(siti.id()), &json!("Bearer"), &json!(900))
    );
    assert_eq!(
        app.bearer(right["access_token"].as_str().unwrap()).get("/v1/me").await.expect(200)["email"],
        email
    );

    app.database.execute(&format!("UPDATE agents SET active = false WHERE id = '{}'", siti.id()));
    assert_eq!(wrong, shown(sign_in(json!("satu"), &email, PASSWORD).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_in_two_workspaces_needs_the_workspace() {
    let app = TestApp::start().await;
    let body = |slug: &str| json!({ "name": "Toko", "slug": slug, "admin": { "name": "Rini", "email": "rini@toko.example", "password": format!("kata-sandi-{slug}") } });
    for slug in ["toko-a", "toko-b"] {
        app.operator().post("/v1/workspaces", body(slug)).await.expect(201);
    }
    let login = |workspace: Value, password: &str| {
        let body = json!({ "workspace": workspace, "email": "rini@toko.example", "password": password });
        app.anonymous().post("/v1/auth/login", body)
    };
    login(Value::Null, "kata-sandi-toko-a").await.problem(422, "workspace_required");
    login(Value::Null, "kata-sandi-toko-b").await.problem(422, "workspace_required");
    // Who does not know a password is not told that there are two accounts.
    login(Value::Null, "kata-sandi-salah").await.problem(401, "invalid_credentials");
    let signed_in = login(json!("toko-b"), "kata-sandi-toko-b").await.expect(200);
    let token = signed_in["access_token"].as_str().unwrap();
    assert_eq!(app.bearer(token).get("/v1/workspace").await.expect(200)["slug"], "toko-b");
    login(json!("toko-b"), "kata-sandi-toko-a").await.problem(401, "invalid_credentials");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_08_signing_out_ends_this_device_and_its_stream_at_once_and_no_other() {
    let app = TestApp::start().await;
    let (one, other) = (app.agent(0).sign_in().await, app.agent(0).sign_in().await);
    let device = |tokens: &harness::Reply| app.bearer(tokens["access_token"].as_str().unwrap());
    let (mut stream, _) = harness::StreamClient::of(&app, &device(&one), None).await;
    device(&one).get("/v1/me").await.expect(200);
    let sign_out =
        || app.anonymous().post("/v1/auth/logout", json!({ "refresh_token": one["refresh_token"] }));
    sign_out().await.expect(204);
    device(&one).get("/v1/me").await.problem(401, "invalid_token");
    assert_eq!(stream.closed().await, Some(4403));
    let refresh = json!({ "refresh_token": one["refresh_token"] });
    app.anonymous().post("/v1/auth/refresh", refresh).await.problem(401, "invalid_refresh_token");
    device(&other).get("/v1/me").await.expect(200);
    sign_out().await.expect(204);
    app.anonymous().post("/v1/auth/logout", json!({ "refresh_token": "bukan-token" })).await.expect(204);
}
