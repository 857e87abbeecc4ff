//! `/v1/agents`.

use harness::client::PASSWORD;
use harness::{Caller, Follower, Reply, TestApp};
use serde_json::{Value, json};

mod changes;
mod counts;
mod input;
mod lists;
mod races;
mod removal;
mod rights;

/// An id of nothing.
const NOBODY: &str = "0192f000-0000-7000-8000-000000000000";

/// The body that makes a member whose address begins with `local`.
fn new(name: &str, local: &str, role: &str) -> Value {
    json!({ "name": name, "email": format!("{local}@baru.example"), "role": role, "password": PASSWORD })
}

/// Makes a member who signs in at once.
async fn hired(app: &TestApp, local: &str, role: &str) -> (Reply, Caller) {
    let made = app.admin().post("/v1/agents", new(local, local, role)).await.expect(201);
    let caller = signed_in(app, made["email"].as_str().unwrap()).await;
    (made, caller)
}

async fn signed_in(app: &TestApp, email: &str) -> Caller {
    let tokens = login(app, email).await.expect(200);
    app.bearer(tokens["access_token"].as_str().unwrap())
}

async fn login(app: &TestApp, email: &str) -> Reply {
    let body = json!({ "workspace": app.slug, "email": email, "password": PASSWORD });
    app.anonymous().post("/v1/auth/login", body).await
}

fn path(caller: &Caller) -> String {
    format!("/v1/agents/{}", caller.id())
}

async fn read(app: &TestApp, path: &str) -> Value {
    app.admin().get(path).await.expect(200).json
}

/// What was told since: types and ids.
async fn told(log: &mut Follower) -> Vec<(String, String)> {
    let events = log.rest().await;
    let told = events
        .iter()
        .map(|event| (harness::events::name(event), event["data"]["id"].as_str().unwrap().to_owned()))
        .collect();
    log.seen.clear();
    told
}
