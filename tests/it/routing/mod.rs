//! Routing: who is given which conversation, why, and what happens when nobody answers.

mod assigning;
mod crashes;
mod decisions;
mod facts;
mod handover;
mod histories;
mod limits;
mod long_queue;
mod nodes;
mod policies;
mod queue;
mod races;
mod settings;
mod timers;
mod timers_read;

use harness::team::assignment_settings;
use harness::{Caller, Options, TestApp, eventually};
use serde_json::{Value, json};

const SETTINGS: &str = "/v1/settings/assignment";

/// Sets the assignment settings: as a new workspace has them, but for these.
async fn set(app: &TestApp, changes: Value) {
    app.admin().put(SETTINGS, assignment_settings(&changes)).await.expect(200);
}

/// A workspace where members are online as they say, and waiting conversations are assigned; everybody is offline.
async fn routed(changes: Value) -> TestApp {
    let app = prepared(TestApp::options()).await;
    set_routed(&app, changes).await;
    app
}

/// A workspace where members are online as they say; everybody is offline.
async fn prepared(options: Options) -> TestApp {
    let app = options.start().await;
    app.admin().patch("/v1/workspace", json!({ "presence": "availability" })).await.expect(200);
    app.database.execute("UPDATE agents SET availability = 'offline'");
    app
}

/// Waiting conversations are assigned from now on.
async fn set_routed(app: &TestApp, changes: Value) {
    let mut settings = json!({ "auto_assign": true });
    for (name, value) in changes.as_object().unwrap() {
        settings[name] = value.clone();
    }
    set(app, settings).await;
}

/// Says whether a member wants conversations.
async fn says(who: &Caller, availability: &str) {
    who.put("/v1/me/availability", json!({ "availability": availability })).await.expect(200);
}

/// Routing has looked at everything that there is to look at.
async fn settled(app: &TestApp) {
    let now = json!(app.clock.now());
    let due = format!("timers WHERE state = 'armed' AND due_at <= '{}'", now.as_str().unwrap());
    eventually("routing to rest", || async {
        (app.count("routing_requests") + app.count(&due) == 0).then_some(())
    })
    .await;
}
