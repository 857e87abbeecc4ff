//! Tenants: made by the operator only.

use harness::TestApp;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_makes_a_workspace_whose_admin_can_sign_in() {
    let app = TestApp::start().await;
    let body = |slug: &str| json!({ "name": "Toko Baru", "slug": slug, "admin": { "name": "Rini", "email": "Rini@Baru.example", "password": "kata-sandi-panjang" } });
    for nobody in [app.admin(), app.bearer("operator-key-of-the-test"), app.agent(0)] {
        nobody.post("/v1/workspaces", body("baru")).await.problem(401, "invalid_token");
    }
    let made = app.operator().post("/v1/workspaces", body("baru")).await.expect(201);
    assert_eq!(
        (&made["workspace"]["slug"], &made["workspace"]["timezone"]),
        (&json!("baru"), &json!("Asia/Jakarta"))
    );
    assert_eq!(
        (&made["agent"]["role"], &made["agent"]["email"]),
        (&json!("admin"), &json!("rini@baru.example"))
    );
    app.operator().post("/v1/workspaces", body("baru")).await.problem(409, "slug_taken");
    let login =
        json!({ "workspace": "baru", "email": "RINI@baru.example", "password": "kata-sandi-panjang" });
    let signed_in = app.anonymous().post("/v1/auth/login", login).await.expect(200);
    let rini = app.bearer(signed_in["access_token"].as_str().unwrap());
    assert_eq!(rini.get("/v1/workspace").await.expect(200)["id"], made["workspace"]["id"]);
    assert_eq!(rini.all("/v1/agents").await.len(), 1);
    // The operator is no member of anything.
    app.operator().get("/v1/workspace").await.problem(401, "invalid_token");

    for (pointer, change) in [
        ("/slug", json!({ "slug": "Huruf Besar" })),
        ("/slug", json!({ "slug": "-awal" })),
        ("/name", json!({ "name": " " })),
        ("/timezone", json!({ "timezone": "jakarta" })),
        (
            "/admin/email",
            json!({ "admin": { "name": "R", "email": "bukan", "password": "kata-sandi-panjang" } }),
        ),
        (
            "/admin/password",
            json!({ "admin": { "name": "R", "email": "r@r.example", "password": "pendek" } }),
        ),
        (
            "/admin/name",
            json!({ "admin": { "name": "", "email": "r@r.example", "password": "kata-sandi-panjang" } }),
        ),
    ] {
        let mut wrong = body("lain");
        wrong.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = app.operator().post("/v1/workspaces", wrong).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    assert_eq!(app.count("workspaces"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_operator_key_nobody_makes_workspaces() {
    for key in [None, Some(String::new())] {
        let app = TestApp::options().settings(move |settings| settings.operator_key = key).start().await;
        for token in ["", "x", "operator-key-of-the-tests"] {
            let body = json!({ "name": "X", "slug": "x", "admin": { "name": "X", "email": "x@x.example", "password": "kata-sandi" } });
            app.bearer(token).post("/v1/workspaces", body).await.problem(401, "invalid_token");
        }
    }
}
