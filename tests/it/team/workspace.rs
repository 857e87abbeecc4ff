//! The workspace itself: its name, its time zone, what makes its members count as online.

use std::collections::BTreeMap;

use harness::{Follower, TestApp};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workspace_is_changed_by_admins_with_names_and_zones_that_exist() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let read = app.agent(0).get("/v1/workspace").await.expect(200);
    assert_eq!((read.header("etag"), &read["presence"]), (Some("\"1\""), &json!("connection")));
    let rows = app.database.snapshot();
    for (pointer, wrong) in [
        ("/name", json!({ "name": "" })),
        ("/name", json!({ "name": " \t " })),
        ("/name", json!({ "name": "x".repeat(201) })),
        ("/name", json!({ "name": "x".repeat(10_000) })),
        ("/name", json!({ "name": "To\u{0}ko" })),
        ("/name", json!({ "name": "To\u{200d}ko" })),
        ("/name", json!({ "name": 7 })),
        ("/timezone", json!({ "timezone": "Asia/Atlantis" })),
        ("/timezone", json!({ "timezone": "asia/jakarta" })),
        ("/timezone", json!({ "timezone": "+07:00" })),
        ("/timezone", json!({ "timezone": "" })),
        ("/timezone", json!({ "timezone": "x".repeat(10_000) })),
        ("/presence", json!({ "presence": "always" })),
        ("/slug", json!({ "slug": "lain" })),
    ] {
        let refused = admin.patch("/v1/workspace", wrong).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    for same in [json!({}), json!({ "name": " Toko satu " }), json!({ "timezone": "Asia/Jakarta" })] {
        assert_eq!(admin.patch("/v1/workspace", same).await.expect(200).json, read.json);
    }
    assert_eq!(app.database.snapshot(), rows);
    let mut log = app.follow().await;
    let change = json!({ "name": "Toko Tani", "timezone": "Asia/Jayapura" });
    let changed = admin.patch("/v1/workspace", change).if_match(1).await.expect(200);
    assert_eq!(changed.header("etag"), Some("\"2\""));
    assert_eq!((&changed["name"], &changed["timezone"]), (&json!("Toko Tani"), &json!("Asia/Jayapura")));
    assert_eq!(app.agent(0).get("/v1/workspace").await.expect(200).json, changed.json);
    let rows = app.database.snapshot();
    admin
        .patch("/v1/workspace", json!({ "name": "Lain" }))
        .if_match(1)
        .await
        .problem(412, "version_mismatch");
    assert_eq!(app.database.snapshot(), rows);
    assert_eq!(log.rest().await.len(), 1);
    assert_eq!(log.seen[0]["data"], changed.json);
    assert_eq!(log.seen[0]["previous"], json!({ "name": "Toko satu", "timezone": "Asia/Jakarta" }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_who_turn_online_by_another_presence_mode_are_told() {
    let app = TestApp::start().await;
    let (siti, agus, rina) = (app.agent(0), app.agent(1), app.agent(2));
    for (who, change) in
        [(&agus, "availability = 'away'"), (&rina, "present = true"), (&app.narrow_agent(), "active = false")]
    {
        app.database.execute(&format!("UPDATE agents SET {change} WHERE id = '{}'", who.id()));
    }
    let mut log = app.follow().await;
    let turn = async |log: &mut Follower, presence: &str| {
        log.seen.clear();
        app.admin().patch("/v1/workspace", json!({ "presence": presence })).await.expect(200);
        let told = log.rest().await.iter().filter(|event| event["type"] == "agent.updated");
        told.map(|event| (event["data"]["id"].as_str().unwrap().to_owned(), event["data"]["online"] == true))
            .collect::<BTreeMap<_, _>>()
    };
    for (presence, online) in [("availability", true), ("connection", false)] {
        let told = turn(&mut log, presence).await;
        let now = app.admin().get(format!("/v1/agents/{}", siti.id())).await.expect(200);
        assert_eq!(now["online"], online);
        assert_eq!(told.get(&siti.id()), Some(&online), "{presence}");
        assert_eq!((told.get(&agus.id()), told.get(&rina.id())), (None, None), "{presence}");
        assert_eq!(told.get(&app.narrow_agent().id()), None);
    }
}
