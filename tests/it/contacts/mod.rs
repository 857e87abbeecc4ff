//! Customers as the team knows them.

mod awaited;
mod blocking;
mod edits;
mod files;
mod merging;
mod names;
mod races;

use harness::{Reply, TestApp};
use serde_json::{Value, json};

/// Makes a contact and answers its path.
async fn made(app: &TestApp, body: Value) -> String {
    let made = app.admin().post("/v1/contacts", body).await.expect(201);
    format!("/v1/contacts/{}", made.id())
}

/// The path of the contact whose conversation this is.
async fn contact_of(app: &TestApp, conversation: &str) -> String {
    let read = app.admin().get(format!("/v1/conversations/{conversation}")).await.expect(200);
    format!("/v1/contacts/{}", read["contact"]["id"].as_str().unwrap())
}

/// The id at the end of a path.
fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// Makes one contact of two, given by their paths.
async fn merged(app: &TestApp, stays: &str, goes: &str) -> Reply {
    let body = json!({ "contact_id": id(goes) });
    app.admin().post(format!("{stays}/merge"), body).await.expect(200)
}
