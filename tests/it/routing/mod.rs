//! Routing: who is given which conversation, why, and what happens when nobody answers.

mod assigning;
mod histories;
mod left_alone;

use harness::team::assignment_settings;
use harness::{Caller, TestApp, eventually};
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

/// Until routing has nothing to look at, and no timer is due.
async fn settled(app: &TestApp) {
    let now = app.clock.now();
    eventually("routing settles", || async {
        // In one look: what was due leaves requests behind.
        let open = app.count(&format!(
            "(SELECT id FROM routing_requests UNION ALL
              SELECT id FROM timers WHERE state = 'armed' AND due_at <= '{now}') open"
        ));
        (open == 0).then_some(())
    })
    .await;
}
