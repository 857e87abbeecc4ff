//! Routing: who is given which conversation, why, and what happens when nobody answers.

mod assigning;
mod simulations;

use harness::team::assignment_settings;
use harness::{Caller, TestApp};
use serde_json::{Value, json};

const SETTINGS: &str = "/v1/settings/assignment";

/// Sets the assignment settings: as a new workspace has them, but for these.
async fn set(app: &TestApp, changes: Value) {
    app.admin().put(SETTINGS, assignment_settings(&changes)).await.expect(200);
}

/// A workspace where members are online as they say, and waiting conversations are assigned; everybody is offline.
async fn routed(changes: Value) -> TestApp {
    let app = TestApp::start().await;
    app.admin().patch("/v1/workspace", json!({ "presence": "availability" })).await.expect(200);
    app.database.execute("UPDATE agents SET availability = 'offline'");
    let mut settings = json!({ "auto_assign": true });
    for (name, value) in changes.as_object().unwrap() {
        settings[name] = value.clone();
    }
    set(&app, settings).await;
    app
}

/// Says whether a member wants conversations.
async fn says(who: &Caller, availability: &str) {
    who.put("/v1/me/availability", json!({ "availability": availability })).await.expect(200);
}
