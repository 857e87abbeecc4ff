//! What is refused because of its words.

use harness::TestApp;
use serde_json::{Value, json};

use super::{new, path};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_03_bad_words_are_named_and_store_nothing() {
    let app = TestApp::start().await;
    let (admin, siti) = (app.admin(), path(&app.agent(0)));
    let rows = app.database.snapshot();
    let long = "a".repeat(10_000);
    let (over, address) = ("n".repeat(101), format!("{}@b.example", "a".repeat(300)));
    for (field, value, pointer) in [
        ("name", json!(""), "/name"),
        ("name", json!("   "), "/name"),
        ("name", json!(over), "/name"),
        ("name", json!(long), "/name"),
        ("name", json!("Si\u{0}ti"), "/name"),
        ("name", json!("Si\nti"), "/name"),
        ("name", json!("Si\u{200b}ti"), "/name"),
        ("name", json!("Si\u{202e}ti"), "/name"),
        ("name", json!(7), "/name"),
        ("email", json!(""), "/email"),
        ("email", json!("siti"), "/email"),
        ("email", json!("siti@"), "/email"),
        ("email", json!("@b.example"), "/email"),
        ("email", json!("a b@c.example"), "/email"),
        ("email", json!("siti@b.example\u{0}"), "/email"),
        ("email", json!("sítí@b.example"), "/email"),
        ("email", json!(address), "/email"),
        ("email", json!(["siti@b.example"]), "/email"),
        ("role", json!("owner"), "/role"),
        ("role", json!("Admin"), "/role"),
        ("role", json!(1), "/role"),
        ("view_all", json!("true"), "/view_all"),
        ("view_all", json!(1), "/view_all"),
    ] {
        let mut body = new("Andre", "andre", "agent");
        body[field] = value.clone();
        for reply in [admin.post("/v1/agents", body).await, admin.patch(&siti, json!({ field: value })).await]
        {
            let refused = reply.problem(422, "validation_failed");
            assert_eq!(refused["errors"][0]["pointer"], pointer, "{}", refused.json);
        }
    }
    for (field, value, pointer) in [
        ("password", json!("pendek7"), "/password"),
        ("password", json!("p".repeat(201)), "/password"),
        ("supervisor_id", json!("siti"), "/supervisor_id"),
        ("channel_ids", json!("satu"), "/channel_ids"),
        ("channel_ids", json!(["satu"]), "/channel_ids[0]"),
        ("division_ids", json!([null]), "/division_ids[0]"),
    ] {
        let mut body = new("Andre", "andre", "agent");
        body[field] = value;
        let refused = admin.post("/v1/agents", body).await.problem(422, "validation_failed");
        let found = refused["errors"][0]["pointer"].as_str().unwrap();
        assert_eq!(found.replace("/0", "[0]"), pointer);
    }
    for field in ["name", "email", "role"] {
        let mut body = new("Andre", "andre", "agent");
        body.as_object_mut().unwrap().remove(field);
        admin.post("/v1/agents", body).await.problem(422, "validation_failed");
    }
    // A forgotten field must not free anybody.
    for (part, body) in [
        ("supervisor", json!({})),
        ("supervisor", json!({ "supervisor_id": 5 })),
        ("allocation", json!({})),
        ("allocation", json!({ "channel_ids": [] })),
        ("allocation", json!({ "channel_ids": null, "division_ids": [] })),
        ("allocation", json!([[], []])),
    ] {
        admin.put(format!("{siti}/{part}"), body).await.problem(422, "validation_failed");
    }
    assert_eq!(app.database.snapshot(), rows);
    // What only looks odd is a name.
    for name in ["n".repeat(100), "Ñandú 🌾 O'Brien; DROP TABLE".to_owned(), "100%_\\".to_owned()] {
        assert_eq!(admin.patch(&siti, json!({ "name": name })).await.expect(200)["name"], name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_parameters_of_the_list_are_named() {
    let app = TestApp::start().await;
    let long = "a".repeat(101);
    for (query, pointer) in [
        ("q=%20%20", "?q"),
        ("q=a%00b", "?q"),
        (&format!("q={long}"), "?q"),
        ("role=owner", "?role"),
        ("role=", "?role"),
        ("division_id=x", "?division_id"),
        ("channel_id=1", "?channel_id"),
        ("supervisor_id=x", "?supervisor_id"),
        ("availability=busy", "?availability"),
        ("active=2", "?active"),
        ("sort=email", "?sort"),
        ("limit=0", "?limit"),
        ("limit=101", "?limit"),
    ] {
        let refused = app.admin().get(format!("/v1/agents?{query}")).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{query}: {}", refused.json);
    }
    app.admin().get("/v1/agents?nama=x").await.problem(422, "validation_failed");
    let names = |list: Vec<Value>| list.iter().map(|one| one["name"].clone()).collect::<Vec<_>>();
    for (n, name) in ["100% Rina", "snake_case", "back\\slash", "JOSÉ Ångström"].iter().enumerate() {
        let path = path(&app.agent(n));
        app.admin().patch(path, json!({ "name": name })).await.expect(200);
    }
    for (q, found) in [
        ("%25", vec!["100% Rina"]),
        ("_", vec!["snake_case"]),
        ("%5C", vec!["back\\slash"]),
        ("jose%20ang", vec!["JOSÉ Ångström"]),
        ("%C3%89", vec!["Dewi Lestari", "JOSÉ Ångström", "snake_case"]),
        ("'", vec![]),
    ] {
        let listed = names(app.admin().all(&format!("/v1/agents?q={q}")).await);
        assert_eq!(listed, found, "{q}");
    }
}
