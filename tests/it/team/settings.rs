//! The assignment settings: who may set them, and what agents may do under them.

use harness::team::assignment_settings;
use harness::{Caller, TestApp};
use serde_json::{Value, json};

use crate::support::text;

pub(super) const SETTINGS: &str = "/v1/settings/assignment";

/// All settings, as they are set.
pub(super) fn settings(claim: bool, transfer: bool, restrict: bool) -> Value {
    assignment_settings(&json!({
        "agents_may_claim": claim, "agents_may_transfer": transfer, "restrict_to_allocation": restrict
    }))
}

/// The same person at a new device, of whom the server believes nothing yet.
async fn fresh(app: &TestApp, who: &Caller) -> Caller {
    app.bearer(who.sign_in().await["access_token"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_read_and_set_by_admins_only() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let read = admin.get(SETTINGS).await.expect(200);
    assert_eq!(read.header("etag"), Some("\"1\""));
    let mut expected = settings(true, true, false);
    expected["version"] = json!(1);
    assert_eq!(read.json, expected);
    for who in [app.supervisor(), app.agent(0), app.narrow_agent()] {
        who.get(SETTINGS).await.problem(403, "forbidden");
    }
    let rows = app.database.snapshot();
    for who in [app.supervisor(), app.agent(0)] {
        who.put(SETTINGS, settings(false, false, true)).await.problem(403, "forbidden");
        who.patch("/v1/workspace", json!({ "name": "Diambil alih" })).await.problem(403, "forbidden");
    }
    let mut missing = settings(true, true, true);
    missing.as_object_mut().unwrap().remove("agents_may_claim");
    let mut unknown = settings(true, true, true);
    unknown["version"] = json!(1);
    let mut word = settings(true, true, true);
    word["agents_may_claim"] = json!("ya");
    let mut nothing = settings(true, true, true);
    nothing["restrict_to_allocation"] = Value::Null;
    for wrong in [missing, unknown, word, nothing, json!({}), json!([])] {
        admin.put(SETTINGS, wrong).await.problem(422, "validation_failed");
    }
    let same = admin.put(SETTINGS, settings(true, true, false)).await.expect(200);
    assert_eq!(same["version"], 1);
    assert_eq!(app.database.snapshot(), rows, "what changes nothing is told nobody");

    let mut log = app.follow().await;
    let set = admin.put(SETTINGS, settings(false, true, false)).if_match(1).await.expect(200);
    assert_eq!((set.header("etag"), &set["agents_may_claim"]), (Some("\"2\""), &json!(false)));
    let rows = app.database.snapshot();
    admin.put(SETTINGS, settings(true, false, true)).if_match(1).await.problem(412, "version_mismatch");
    assert_eq!(app.database.snapshot(), rows);
    let told = log.until("the settings", |event| event["type"] == "settings.updated").await;
    assert_eq!((&told["data"], &told["previous"]), (&set.json, &json!({ "agents_may_claim": true })));
    // They are those of one workspace.
    let other = app.another_team("dua").await.admin();
    assert_eq!(other.get(SETTINGS).await.expect(200)["agents_may_claim"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_take_nothing_where_they_may_not_claim() {
    let app = TestApp::start().await;
    let waiting = format!("/v1/conversations/{}", app.conversation("6281200000001", "Halo").await);
    let held = format!("/v1/conversations/{}", app.conversation("6281200000002", "Halo").await);
    let siti = app.agent(0);
    let to_siti = json!({ "agent_id": siti.id() });
    app.admin().post(format!("{held}/assign"), to_siti.clone()).await.expect(200);
    app.admin().put(SETTINGS, settings(false, true, false)).await.expect(200);
    let rows = app.database.snapshot();
    siti.act(format!("{waiting}/claim")).await.problem(403, "forbidden");
    siti.post(format!("{waiting}/messages"), text("Saya bantu")).await.problem(403, "forbidden");
    siti.post(format!("{waiting}/assign"), to_siti.clone()).await.problem(403, "forbidden");
    assert_eq!(app.database.snapshot(), rows);
    // What it holds it answers, and hands on; what it only sees it reads.
    siti.get(&waiting).await.expect(200);
    siti.post(format!("{held}/messages"), text("Sebentar")).await.expect(201);
    siti.post(format!("{held}/assign"), json!({ "agent_id": app.agent(1).id() })).await.expect(200);
    siti.post(format!("{waiting}/assign"), json!({ "agent_id": app.agent(1).id() })).await.expect(200);
    // Those above it are free to.
    for who in [app.supervisor(), app.admin()] {
        app.admin().act(format!("{waiting}/unassign")).await.expect(200);
        who.post(format!("{waiting}/messages"), text("Saya bantu")).await.expect(201);
        app.admin().act(format!("{waiting}/unassign")).await.expect(200);
        who.act(format!("{waiting}/claim")).await.expect(200);
    }
    app.admin().act(format!("{waiting}/unassign")).await.expect(200);
    app.admin().put(SETTINGS, settings(true, true, false)).await.expect(200);
    fresh(&app, &siti).await.act(format!("{waiting}/claim")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_hand_nothing_on_where_they_may_not_transfer() {
    let app = TestApp::start().await;
    let waiting = format!("/v1/conversations/{}", app.conversation("6281200000001", "Halo").await);
    let held = format!("/v1/conversations/{}", app.conversation("6281200000002", "Halo").await);
    let siti = app.agent(0);
    app.admin().post(format!("{held}/assign"), json!({ "agent_id": siti.id() })).await.expect(200);
    app.admin().put(SETTINGS, settings(true, false, false)).await.expect(200);
    let rows = app.database.snapshot();
    let to_agus = json!({ "agent_id": app.agent(1).id() });
    let to_division = json!({ "division_id": app.division });
    for path in [&held, &waiting] {
        for to in [&to_agus, &to_division] {
            siti.post(format!("{path}/assign"), to.clone()).await.problem(403, "forbidden");
        }
    }
    assert_eq!(app.database.snapshot(), rows);
    // Taking is not handing on, nor is giving back.
    siti.post(format!("{waiting}/assign"), json!({ "agent_id": siti.id() })).await.expect(200);
    siti.act(format!("{waiting}/unassign")).await.expect(200);
    siti.act(format!("{waiting}/claim")).await.expect(200);
    for who in [app.supervisor(), app.admin()] {
        who.post(format!("{held}/assign"), to_division.clone()).await.expect(200);
        who.post(format!("{held}/assign"), to_agus.clone()).await.expect(200);
    }
    app.admin().put(SETTINGS, settings(false, false, false)).await.expect(200);
    let siti = fresh(&app, &siti).await;
    app.admin().act(format!("{held}/unassign")).await.expect(200);
    for to in [&to_agus, &to_division, &json!({ "agent_id": app.agent(0).id() })] {
        siti.post(format!("{held}/assign"), to.clone()).await.problem(403, "forbidden");
    }
}
