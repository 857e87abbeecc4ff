//! Labels: made, found, changed, put on conversations, deleted while they are put on.

mod attaching;
mod naming;
mod races;

use harness::{Caller, TestApp};
use serde_json::json;

/// A new label; answers its id.
pub async fn label(by: &Caller, name: &str) -> String {
    by.post("/v1/labels", json!({ "name": name, "color": "#336699" })).await.expect(201).id()
}

/// Where a label of a conversation is.
pub fn place(conversation: &str, label: &str) -> String {
    format!("/v1/conversations/{conversation}/labels/{label}")
}

/// How many conversations have a label, by the database.
pub fn wearers(app: &TestApp, label: &str) -> i64 {
    app.count(&format!("conversation_labels WHERE label_id = '{label}'"))
}
