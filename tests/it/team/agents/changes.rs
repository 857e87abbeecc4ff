//! Making and changing members, and what follows from it.

use harness::TestApp;
use serde_json::{Value, json};

use super::{NOBODY, hired, new, path, read, signed_in, told};

fn event(name: &str, id: impl Into<String>) -> (String, String) {
    (name.to_owned(), id.into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_member_signs_in_at_once_and_works_for_what_was_named() {
    let app = TestApp::start().await;
    let (telegram, division) = (app.channel("telegram"), app.division.to_string());
    let mut body = new("Ándre Wibowo", "Andre.Wibowo", "agent");
    body["view_all"] = json!(false);
    body["supervisor_id"] = json!(app.supervisor().id());
    body["channel_ids"] = json!([telegram, telegram]);
    body["division_ids"] = json!([division]);
    let before = read(&app, &format!("/v1/channels/{telegram}")).await["version"].as_i64().unwrap();
    let mut log = app.follow().await;
    let made = app.admin().post("/v1/agents", body.clone()).key("satu").await.expect(201);
    let id = made.id();
    assert_eq!(made["email"], "andre.wibowo@baru.example");
    assert_eq!(
        (&made["view_all"], &made["role"], &made["joined"]),
        (&json!(false), &json!("agent"), &json!(true))
    );
    assert_eq!(made["supervisor"], json!({ "id": app.supervisor().id(), "name": "Budi Santoso" }));
    assert_eq!(made["channels"], json!([{ "id": telegram, "kind": "telegram", "name": "Bot Toko Tani" }]));
    assert_eq!(made["divisions"], json!([{ "id": division, "name": "Penjualan" }]));
    assert_eq!(made["counts"], json!({ "assigned": 0, "handled": 0, "resolved": 0 }));
    assert_eq!(
        told(&mut log).await,
        [
            event("agent.created", &id),
            event("channel.updated", telegram),
            event("division.updated", &division)
        ]
    );
    let channel = read(&app, &format!("/v1/channels/{telegram}")).await;
    assert_eq!((channel["version"].as_i64(), &channel["agents"][0]["id"]), (Some(before + 1), &json!(id)));
    assert_eq!(
        read(&app, &format!("/v1/divisions/{division}")).await["members"].as_array().unwrap().len(),
        2
    );
    let andre = signed_in(&app, "andre.wibowo@baru.example").await;
    assert_eq!(andre.get("/v1/me").await.expect(200)["id"], id);
    // The same request again has no further effect.
    let again = app.admin().post("/v1/agents", body.clone()).key("satu").await.expect(201);
    assert_eq!((again.json, told(&mut log).await), (made.json, vec![]));
    app.admin().post("/v1/agents", body).await.problem(409, "email_taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_password_nobody_is_made_as_long_as_no_mail_can_be_sent() {
    let app = TestApp::start().await;
    let mut body = new("Andre", "andre", "agent");
    body.as_object_mut().unwrap().remove("password");
    let rows = app.database.snapshot();
    app.admin().post("/v1/agents", body).await.problem(409, "mail_not_configured");
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_told_and_kept_and_no_change_is_neither() {
    let app = TestApp::start().await;
    let (siti, admin) = (path(&app.agent(0)), app.admin());
    let before = read(&app, &siti).await;
    let mut log = app.follow().await;
    let change = json!({ "name": "Siti Aminah", "email": "SITI@baru.example", "view_all": false });
    let after = admin.patch(&siti, change.clone()).await.expect(200);
    assert_eq!((&after["name"], &after["email"]), (&json!("Siti Aminah"), &json!("siti@baru.example")));
    assert_eq!(after["version"].as_i64(), before["version"].as_i64().map(|version| version + 1));
    assert_eq!(after["supervisor"], before["supervisor"]);
    let events = log.rest().await;
    assert_eq!(events.len(), 1);
    let previous = json!({ "name": "Siti Rahmawati", "email": before["email"], "view_all": true });
    assert_eq!((&events[0]["type"], &events[0]["previous"]), (&json!("agent.updated"), &previous));
    assert_eq!((&events[0]["data"]["counts"], &events[0]["actor"]["id"]), (&Value::Null, &json!(admin.id())));
    assert_eq!(app.count("audit_entries WHERE subject_name = 'Siti Aminah' AND action = 'updated'"), 1);
    let rows = app.database.snapshot();
    for same in [change, json!({}), json!({ "role": "agent" })] {
        assert_eq!(admin.patch(&siti, same).await.expect(200).json, after.json);
    }
    let supervisor = json!({ "supervisor_id": app.supervisor().id() });
    assert_eq!(admin.put(format!("{siti}/supervisor"), supervisor).await.expect(200).json, after.json);
    let allocation = json!({ "channel_ids": [], "division_ids": [app.division, app.division] });
    assert_eq!(admin.put(format!("{siti}/allocation"), allocation).await.expect(200).json, after.json);
    assert_eq!(app.database.snapshot(), rows);
    assert_eq!(signed_in(&app, "siti@baru.example").await.get("/v1/me").await.expect(200)["id"], after["id"]);
    let taken = json!({ "email": app.agent(1).me().email.to_uppercase() });
    admin.patch(&siti, taken).await.problem(409, "email_taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_begins_and_ends_supervision() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let (budi, wati) = (path(&app.supervisor()), app.lone_supervisor().id());
    let (siti, agus, rina) = (path(&app.agent(0)), path(&app.agent(1)), path(&app.agent(2)));
    let under = |supervisor: Value| json!({ "supervisor_id": supervisor });
    let looked_after = admin.put(format!("{rina}/supervisor"), under(json!(wati))).await.expect(200);
    assert_eq!(looked_after["supervisor"]["id"], wati);
    // Who becomes a supervisor has none, and may have agents.
    let promoted = admin.patch(&rina, json!({ "role": "supervisor" })).await.expect(200);
    assert_eq!(promoted["supervisor"], Value::Null);
    admin.put(format!("{siti}/supervisor"), under(json!(app.agent(2).id()))).await.expect(200);
    admin.put(format!("{rina}/supervisor"), under(json!(wati))).await.problem(409, "not_supervisable");
    admin.put(format!("{rina}/supervisor"), under(Value::Null)).await.expect(200);
    for (path, to) in [(&budi, "agent"), (&rina, "admin")] {
        let freed = if *path == budi { &agus } else { &siti };
        assert_ne!(read(&app, freed).await["supervisor"], Value::Null);
        let mut log = app.follow().await;
        let changed = admin.patch(path, json!({ "role": to })).await.expect(200);
        assert_eq!(changed["role"], to);
        let free = read(&app, freed).await;
        assert_eq!((&free["supervisor"], &free["active"]), (&Value::Null, &json!(true)), "{to}");
        let ids = [changed.id(), free["id"].as_str().unwrap().to_owned()];
        assert_eq!(told(&mut log).await, ids.map(|id| event("agent.updated", id)));
    }
    for (supervisor, code) in [
        (json!(NOBODY), "unknown"),
        (json!(app.agent(1).id()), "not_a_supervisor"),
        (json!(app.supervisor().id()), "not_a_supervisor"),
        (json!(admin.id()), "not_a_supervisor"),
    ] {
        let rows = app.database.snapshot();
        let mut body = new("Andre", "andre", "agent");
        body["supervisor_id"] = supervisor.clone();
        let refusals = [
            admin.put(format!("{agus}/supervisor"), under(supervisor)).await,
            admin.post("/v1/agents", body).await,
        ];
        for refused in refusals {
            let refused = refused.problem(422, "validation_failed");
            assert_eq!(refused["errors"][0]["pointer"], "/supervisor_id");
            assert_eq!(refused["errors"][0]["code"], code);
        }
        assert_eq!(app.database.snapshot(), rows);
    }
    let mut body = new("Andre", "andre", "supervisor");
    body["supervisor_id"] = json!(wati);
    admin.post("/v1/agents", body).await.problem(409, "not_supervisable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allocation_changes_the_member_and_what_it_joins_and_leaves() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let siti = path(&app.agent(0));
    let (telegram, messenger, whatsapp) =
        (app.channel("telegram"), app.channel("messenger"), app.channel("whatsapp"));
    let put = |channels: Value, divisions: Value| {
        let body = json!({ "channel_ids": channels, "division_ids": divisions });
        admin.put(format!("{siti}/allocation"), body)
    };
    put(json!([telegram, messenger]), json!([])).await.expect(200);
    assert_eq!(read(&app, &format!("/v1/divisions/{}", app.division)).await["members"], json!([]));
    let versions = || async {
        let mut versions = Vec::new();
        for id in [telegram, messenger, whatsapp] {
            versions.push(read(&app, &format!("/v1/channels/{id}")).await["version"].as_i64().unwrap());
        }
        versions
    };
    let before = versions().await;
    let mut log = app.follow().await;
    let moved = put(json!([whatsapp, messenger]), json!([app.division])).await.expect(200);
    let names: Vec<_> =
        moved["channels"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Halaman Toko Tani", "WhatsApp Pusat"]);
    assert_eq!(versions().await, [before[0] + 1, before[1], before[2] + 1]);
    let mut told = told(&mut log).await;
    told.sort();
    let mut expected = vec![
        event("agent.updated", app.agent(0).id()),
        event("channel.updated", telegram),
        event("channel.updated", whatsapp),
        event("division.updated", app.division.to_string()),
    ];
    expected.sort();
    assert_eq!(told, expected);
    let left = read(&app, &format!("/v1/channels/{telegram}")).await;
    assert_eq!(left["agents"], json!([]));
    let rows = app.database.snapshot();
    for (channels, divisions, pointer) in [
        (json!([NOBODY]), json!([]), "/channel_ids/0"),
        (json!([telegram, app.division]), json!([]), "/channel_ids/1"),
        (json!([telegram]), json!([app.division, NOBODY]), "/division_ids/1"),
    ] {
        let refused = put(channels, divisions).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer);
        assert_eq!(refused["errors"][0]["code"], "unknown");
    }
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_05_a_change_from_a_version_that_is_no_more_is_refused() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let rina = path(&app.agent(2));
    let stale = read(&app, &rina).await["version"].clone();
    admin.patch(&rina, json!({ "name": "Rina" })).if_match(&stale).await.expect(200);
    let fresh = read(&app, &rina).await["version"].clone();
    assert_ne!(fresh, stale);
    let supervisor = json!({ "supervisor_id": app.supervisor().id() });
    let allocation = json!({ "channel_ids": [app.channel("whatsapp")], "division_ids": [] });
    let rows = app.database.snapshot();
    for call in [
        admin.patch(&rina, json!({ "name": "R" })),
        admin.put(format!("{rina}/supervisor"), supervisor.clone()),
        admin.put(format!("{rina}/allocation"), allocation.clone()),
        admin.delete(&rina),
    ] {
        let refused = call.if_match(&stale).await.problem(412, "version_mismatch");
        assert!(refused["detail"].as_str().unwrap().contains(&fresh.to_string()));
    }
    assert_eq!(app.database.snapshot(), rows);
    let next = admin.put(format!("{rina}/supervisor"), supervisor).if_match(&fresh).await.expect(200);
    let next =
        admin.put(format!("{rina}/allocation"), allocation).if_match(&next["version"]).await.expect(200);
    assert_eq!(next.header("etag"), Some(format!("\"{}\"", next["version"]).as_str()));
    admin.delete(&rina).if_match(&next["version"]).await.expect(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_admin_stays() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let own = path(&admin);
    let rows = app.database.snapshot();
    for role in ["agent", "supervisor"] {
        admin.patch(&own, json!({ "role": role })).await.problem(409, "last_admin");
    }
    admin.delete(&own).await.problem(409, "last_admin");
    assert_eq!(app.database.snapshot(), rows);
    admin.patch(&own, json!({ "role": "admin", "name": "Dewi" })).await.expect(200);
    let (second, caller) = hired(&app, "kedua", "admin").await;
    admin.patch(&own, json!({ "role": "agent" })).await.expect(200);
    let path = format!("/v1/agents/{}", second.id());
    caller.patch(&path, json!({ "role": "agent" })).await.problem(409, "last_admin");
    caller.delete(&path).await.problem(409, "last_admin");
}
