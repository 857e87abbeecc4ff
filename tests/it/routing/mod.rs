//! Routing: who is given which conversation, why, and what happens when nobody answers.

mod assigning;
mod crashes;
mod decisions;
mod facts;
mod handover;
mod histories;
mod left_alone;
mod limits;
mod long_queue;
mod nodes;
mod policies;
mod queue;
mod races;
mod settings;
mod simulations;
mod sticky;
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

/// The path of a conversation.
fn path(id: &str) -> String {
    format!("/v1/conversations/{id}")
}

/// Who holds a conversation, once routing rests.
async fn holder(app: &TestApp, id: &str) -> Value {
    settled(app).await;
    app.admin().get(path(id)).await.expect(200)["assignee"]["id"].clone()
}

/// The newest decision about a conversation, once routing rests, as it was told. It is what is stored.
async fn decision(app: &TestApp, id: &str) -> Value {
    settled(app).await;
    let told = app.events().await;
    let about = |event: &&Value| {
        event["conversation_id"] == id && event["type"].as_str().unwrap().starts_with("routing.")
    };
    let mut told = told.iter().rfind(about).expect("no decision")["data"].clone();
    let (workspace, conversation) = (app.workspace, id.parse().unwrap());
    let read = app
        .app()
        .db
        .read(move |conn| Ok(persistence::routing::decisions_of(conn, workspace, conversation, None, 1)?));
    let stored = json!(read.await.unwrap()[0]);
    for field in ["candidates", "omitted"] {
        told[field] = stored[field].clone();
    }
    assert_eq!(told, stored);
    told
}

/// Gives a conversation to a member by hand.
async fn gives(app: &TestApp, id: &str, to: &Caller) {
    app.admin().post(format!("{}/assign", path(id)), json!({ "agent_id": to.id() })).await.expect(200);
}
