//! What the team writes down.

use harness::TestApp;
use harness::team::assignment_settings;
use serde_json::{Value, json};

use super::{contact_of, id, made};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_is_what_was_said_of_it_last() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let body = json!({ "name": " Ani Wijaya ", "phone": "+62 812-3456-7890", "email": "Ani@Toko.example",
        "company": "PT Tani", "attributes": { "tier": "gold", "orders": 12, "vip": true } });
    let made = siti.post("/v1/contacts", body).key("satu").await.expect(201);
    let path = format!("/v1/contacts/{}", made.id());
    let read = siti.get(&path).await.expect(200);
    assert_eq!(read.json, made.json);
    for (field, value) in [
        ("name", json!("Ani Wijaya")),
        ("phone", json!("6281234567890")),
        ("email", json!("ani@toko.example")),
        ("attributes", json!({ "tier": "gold", "orders": 12, "vip": true })),
        ("version", json!(1)),
        ("identities", json!([])),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let mut log = app.follow().await;
    let change =
        json!({ "company": null, "attributes": { "tier": "silver", "vip": null }, "email": "a@b.example" });
    let changed = siti.patch(&path, change.clone()).if_match(1).await.expect(200);
    assert_eq!(changed["attributes"], json!({ "tier": "silver", "orders": 12 }));
    assert_eq!((&changed["company"], &changed["email"]), (&Value::Null, &json!("a@b.example")));
    let told = log.until("the change", |event| event["type"] == "contact.updated").await;
    assert_eq!((&told["data"], &told["version"]), (&changed.json, &json!(2)));
    assert_eq!(told["previous"]["company"], "PT Tani");
    // The same again changes nothing, and who has seen an older one is refused.
    assert_eq!(siti.patch(&path, change).await.expect(200)["version"], 2);
    siti.patch(&path, json!({ "name": "X" })).if_match(1).await.problem(412, "version_mismatch");
    assert_eq!(siti.patch(&path, json!({ "attributes": null })).await.expect(200)["attributes"], json!({}));
    assert_eq!(log.rest().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_teams_name_stays_whatever_the_provider_tells_and_conversations_show_it() {
    let app = TestApp::start().await;
    let conversation = app.conversation("6281234567890", "Halo").await;
    let path = contact_of(&app, &conversation).await;
    let shown = || async { app.admin().get(format!("/v1/conversations/{conversation}")).await.expect(200) };
    let before = shown().await;
    app.admin().patch(&path, json!({ "name": "Bu Ani" })).await.expect(200);
    let after = shown().await;
    assert_eq!(after["contact"]["name"], "Bu Ani");
    assert_eq!(after["version"].as_i64(), before["version"].as_i64().map(|version| version + 1));
    let rename = "UPDATE contact_identities SET name = 'Nama lama'";
    app.database.execute(rename);
    app.conversation("6281234567890", "Halo lagi").await;
    let contact = app.admin().get(&path).await.expect(200);
    assert_eq!(
        (&contact["name"], &contact["identities"][0]["name"]),
        (&json!("Bu Ani"), &json!("Pelanggan 6281234567890"))
    );
    let thread = app.admin().get(format!("/v1/conversations/{conversation}/messages")).await.expect(200);
    assert_eq!(thread["items"][0]["author"]["name"], "Bu Ani");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_one_contacts_and_the_other_is_named_to_who_sees_it() {
    let app = TestApp::start().await;
    let first = made(&app, json!({ "name": "Ani", "phone": "6281234567890" })).await;
    let second = made(&app, json!({ "name": "Budi" })).await;
    let rows = app.database.snapshot();
    let again = json!({ "name": "Ani juga", "phone": "+6281234567890" });
    let refused = app.agent(0).post("/v1/contacts", again.clone()).await.problem(409, "contact_exists");
    assert_eq!(refused["errors"][0]["pointer"], "/phone");
    assert!(refused["errors"][0]["detail"].as_str().unwrap().contains(id(&first)), "{refused:?}");
    assert!(!refused.json.to_string().contains("6281234567890"));
    app.agent(0).patch(&second, json!({ "phone": "6281234567890" })).await.problem(409, "contact_exists");
    assert_eq!(app.database.snapshot(), rows);
    // Somebody who has written is not named to who is kept from the channel.
    app.conversation("6281234567890", "Halo").await;
    let restricted = assignment_settings(&json!({ "restrict_to_allocation": true }));
    app.admin().put("/v1/settings/assignment", restricted).await.expect(200);
    // Who may see what is read anew as soon as the log tells of it.
    harness::eventually("the narrower sight", || async {
        (app.agent(0).get(&first).await.status == 404).then_some(())
    })
    .await;
    let hidden = app.agent(0).post("/v1/contacts", again).await.problem(409, "contact_exists");
    assert_eq!(hidden["errors"], json!([]));
    app.agent(0).patch(&first, json!({ "name": "X" })).await.problem(404, "not_found");
    app.agent(0).act(format!("{first}/block")).await.problem(404, "not_found");
    // A number that is let go is free.
    app.admin().patch(&first, json!({ "phone": null })).await.expect(200);
    app.admin().patch(&second, json!({ "phone": "6281234567890" })).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_and_nothing_is_stored() {
    let app = TestApp::start().await;
    let path = made(&app, json!({ "name": "Ani" })).await;
    let rows = app.database.snapshot();
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("a{n}"), json!(n))).collect();
    for (pointer, body) in [
        ("/name", json!({ "name": "  " })),
        ("/name", json!({ "name": "x".repeat(201) })),
        ("/name", json!({ "name": "Ani\u{202E}" })),
        ("/phone", json!({ "name": "Ani", "phone": "0812" })),
        ("/phone", json!({ "name": "Ani", "phone": "6.28E+12" })),
        ("/email", json!({ "name": "Ani", "email": "ani" })),
        ("/company", json!({ "name": "Ani", "company": "" })),
        ("/attributes/Tier", json!({ "name": "Ani", "attributes": { "Tier": "x" } })),
        ("/attributes/a~1b", json!({ "name": "Ani", "attributes": { "a/b": "x" } })),
        ("/attributes/phone", json!({ "name": "Ani", "attributes": { "phone": "x" } })),
        ("/attributes/tier", json!({ "name": "Ani", "attributes": { "tier": ["x"] } })),
        ("/attributes/tier", json!({ "name": "Ani", "attributes": { "tier": "\u{0}" } })),
        ("/attributes/tier", json!({ "name": "Ani", "attributes": { "tier": 1e300 } })),
        ("/attributes", json!({ "name": "Ani", "attributes": many })),
    ] {
        for refused in [
            app.admin().post("/v1/contacts", body.clone()).await,
            app.admin().patch(&path, body.clone()).await,
        ] {
            let refused = refused.problem(422, "validation_failed");
            assert_eq!(refused["errors"][0]["pointer"], pointer, "{body}");
        }
    }
    app.admin()
        .post("/v1/contacts", json!({ "phone": "6281234567890" }))
        .await
        .problem(422, "validation_failed");
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_has_never_written_is_deleted() {
    let app = TestApp::start().await;
    let path = made(&app, json!({ "name": "Ani", "phone": "6281234567890" })).await;
    app.conversation("6281234567890", "Halo").await;
    app.admin().delete(&path).await.problem(409, "contact_has_conversations");
    app.supervisor().delete(&path).await.problem(403, "forbidden");
    let path = made(&app, json!({ "name": "Budi", "phone": "6281234567891" })).await;
    app.admin().delete(&path).if_match(2).await.problem(412, "version_mismatch");
    let mut log = app.follow().await;
    app.admin().delete(&path).if_match(1).await.expect(204);
    let told = log.until("the end", |event| event["type"] == "contact.deleted").await;
    assert_eq!((&told["data"]["name"], &told["version"]), (&json!("Budi"), &json!(2)));
    app.admin().get(&path).await.problem(404, "not_found");
    made(&app, json!({ "name": "Budi baru", "phone": "6281234567891" })).await;
}
