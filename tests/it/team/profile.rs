//! `PATCH /v1/me`.

use harness::TestApp;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_changes_its_name_and_nothing_else_of_itself() {
    let app = TestApp::start().await;
    let mut log = app.follow().await;
    let agus = app.agent(1);
    let before = agus.get("/v1/me").await.expect(200);
    let same = agus.patch("/v1/me", json!({})).await.expect(200);
    assert_eq!(same.json, before.json);
    agus.patch("/v1/me", json!({ "name": before["name"] })).await.expect(200);
    let renamed = agus.patch("/v1/me", json!({ "name": "  Agus Hartono " })).await.expect(200);
    assert_eq!(renamed["name"], "Agus Hartono");
    assert_eq!(renamed["version"], before["version"].as_i64().unwrap() + 1);
    assert_eq!(renamed.json, agus.get("/v1/me").await.expect(200).json);

    for (field, value) in [
        ("role", json!("admin")),
        ("email", json!("x@x.example")),
        ("view_all", json!(false)),
        ("availability", json!("away")),
        ("name", json!("")),
        ("name", json!(7)),
        ("name", json!("x".repeat(101))),
    ] {
        let refused = agus.patch("/v1/me", json!({ field: value })).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"].as_array().unwrap().len(), 1, "{field}");
    }
    agus.patch("/v1/me", json!({ "name": "Lain" })).if_match(1).await.problem(412, "version_mismatch");
    agus.patch("/v1/me", json!({ "name": "Agus" })).if_match(2).await.expect(200);

    // Told, and kept, once for each change, with who did it.
    let told: Vec<_> = log
        .rest()
        .await
        .iter()
        .map(|event| {
            assert_eq!((&event["type"], &event["actor"]["id"]), (&json!("agent.updated"), &json!(agus.id())));
            (event["previous"].clone(), event["data"]["name"].clone())
        })
        .collect();
    let names = [&before["name"], &json!("Agus Hartono"), &json!("Agus")];
    let expected: Vec<_> =
        names.windows(2).map(|pair| (json!({ "name": pair[0] }), pair[1].clone())).collect();
    assert_eq!(told, expected);
    let kept = app.database.values(&format!(
        "SELECT jsonb_build_array(before, after, actor_id, action)::text AS value FROM audit_entries
         WHERE subject_id = '{}' AND action <> 'created' ORDER BY id",
        agus.id()
    ));
    let kept: Vec<Value> = kept.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let expected: Vec<_> = names
        .windows(2)
        .map(|pair| json!([{ "name": pair[0] }, { "name": pair[1] }, agus.id(), "updated"]))
        .collect();
    assert_eq!(kept, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_member_does_next_carries_its_new_name() {
    let app = TestApp::start().await;
    let agus = app.agent(1);
    let id = app.conversation("6281234567890", "Halo").await;
    let mut log = app.follow().await;
    agus.patch("/v1/me", json!({ "name": "Agus N." })).await.expect(200);
    let _ = agus.act(format!("/v1/conversations/{id}/claim")).await.expect(200);
    let claimed = log.until("a claim", |event| event["type"] == "conversation.assigned").await;
    assert_eq!(claimed["actor"]["name"], "Agus N.");
    let told = log.until("its message", |event| event["type"] == "message.created").await;
    assert_eq!(told["data"]["text"], "Agus N. took the conversation");
}
