//! Ten thousand conversations that wait.

use harness::TestApp;
use serde_json::json;

use super::facts::{assert_sound, decisions, gives, holder, path, settled};
use super::{routed, says, set};

const WAITING: i64 = 10_000;
/// The oldest of them wait for a division: more than routing looks at in one transaction.
const OF_DIVISION: i64 = 450;

/// The conversations, oldest first, of which nothing is decided yet. By SQL: to receive them would take its time.
fn wait(app: &TestApp, division: &str) {
    let plan = format!(
        "SELECT n, md5('conversation ' || n)::uuid AS id, timestamptz '{now}' - ({WAITING} - n + 1) * interval '1 second' AS at
         FROM generate_series(1, {WAITING}) n",
        now = app.clock.now()
    );
    let (workspace, channel) = (app.workspace, app.channel("whatsapp"));
    for statement in [
        format!(
            "INSERT INTO contacts (workspace_id, id, name, created_at) SELECT '{workspace}', id, 'P', at FROM ({plan}) p"
        ),
        format!(
            "INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, created_at)
             SELECT '{workspace}', id, id, '{channel}', n, at FROM ({plan}) p"
        ),
        format!(
            "INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at,
                 waiting_since, waiting_cause, unanswered_since, division_id, last_activity_at, created_at)
             SELECT '{workspace}', id, '{channel}', id, id, id, at, at, 'session_started', at,
                 CASE WHEN n <= {OF_DIVISION} THEN '{division}'::uuid END, at, at
             FROM ({plan}) p"
        ),
    ] {
        app.database.execute(&statement);
    }
}

/// The conversation that began to wait as the n-th.
fn nth(app: &TestApp, n: i64) -> String {
    app.database.values(&format!("SELECT md5('conversation {n}')::uuid::text AS value")).remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_lose_none_of_10_000_and_each_slot_goes_to_the_oldest_that_can_have_it() {
    let app = routed(json!({ "auto_assign": false })).await;
    let division = app.admin().post("/v1/divisions", json!({ "name": "Gudang" })).await.expect(201).id();
    wait(&app, &division);
    // On, and changed while the queue is looked through; somebody comes and goes all the time.
    set(&app, json!({ "auto_assign": true, "max_conversations_per_agent": 1 })).await;
    for strategy in ["round_robin", "least_busy", "round_robin"] {
        set(&app, json!({ "auto_assign": true, "max_conversations_per_agent": 1, "strategy": strategy }))
            .await;
        says(&app.agent(1), "online").await;
        says(&app.agent(1), "offline").await;
    }
    settled(&app).await;
    let waiting = || app.count("conversations WHERE waiting_since IS NOT NULL");
    let held = app.count("conversations WHERE assignee_id IS NOT NULL");
    assert_eq!(waiting() + held, WAITING);
    assert!(held <= 1);
    assert_eq!(app.count("conversations WHERE waiting_since IS NOT NULL AND NOT waiting_decided"), 0);
    assert_eq!(app.count("routing_decisions WHERE outcome = 'queued'"), WAITING - held);
    // The oldest wait for a division without members: the next ones are not kept waiting by that.
    says(&app.agent(0), "online").await;
    settled(&app).await;
    let first = nth(&app, OF_DIVISION + 1 + held);
    assert_eq!(holder(&app, &first), app.agent(0).id());
    app.agent(0).act(format!("{}/resolve", path(&first))).await.expect(200);
    settled(&app).await;
    let second = nth(&app, OF_DIVISION + 2 + held);
    assert_eq!((holder(&app, &second), decisions(&app, &second).len()), (app.agent(0).id(), 2));
    // Somebody joins the division, and is given the oldest of all.
    let allocation = json!({ "channel_ids": [], "division_ids": [division] });
    app.admin().put(format!("/v1/agents/{}/allocation", app.agent(2).id()), allocation).await.expect(200);
    says(&app.agent(2), "online").await;
    settled(&app).await;
    assert_eq!(holder(&app, &nth(&app, 1)), app.agent(2).id());
    // One that is given by hand leaves no hole.
    gives(&app.admin(), &nth(&app, 2), &app.agent(0)).await;
    app.agent(2).act(format!("{}/resolve", path(&nth(&app, 1)))).await.expect(200);
    settled(&app).await;
    assert_eq!(holder(&app, &nth(&app, 3)), app.agent(2).id());
    assert_eq!(waiting() + app.count("conversations WHERE assignee_id IS NOT NULL"), WAITING - 2);
    // The last agents leave.
    for which in [0, 1, 2, 3] {
        app.admin().delete(format!("/v1/agents/{}", app.agent(which).id())).await.expect(204);
    }
    settled(&app).await;
    assert_eq!(waiting(), WAITING - 2);
    assert_sound(&app).await;
}
