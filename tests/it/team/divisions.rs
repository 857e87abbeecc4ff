//! Divisions: made, found, filled, renamed.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use harness::{Caller, Reply, TestApp};
use serde_json::{Value, json};

/// A division with these members; answers its path.
pub(super) async fn division(app: &TestApp, name: &str, members: &[&Caller]) -> String {
    let members: Vec<String> = members.iter().map(|member| member.id()).collect();
    let body = json!({ "name": name, "agent_ids": members });
    format!("/v1/divisions/{}", app.admin().post("/v1/divisions", body).await.expect(201).id())
}

pub(super) fn names(members: &Value) -> Vec<&str> {
    members.as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap()).collect()
}

pub(super) async fn agent(app: &TestApp, who: &Caller) -> Reply {
    app.admin().get(format!("/v1/agents/{}", who.id())).await.expect(200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_division_and_its_members_know_of_each_other_and_everybody_is_told() {
    let app = TestApp::start().await;
    let (admin, siti, budi, rina) = (app.admin(), app.agent(0), app.supervisor(), app.agent(2));
    let mut log = app.follow().await;
    let path = division(&app, "  Keluhan ", &[&siti, &budi, &admin]).await;
    let made = siti.get(&path).await.expect(200);
    assert_eq!((&made["name"], &made["version"]), (&json!("Keluhan"), &json!(1)));
    assert_eq!(names(&made["members"]), ["Budi Santoso", "Dewi Lestari", "Siti Rahmawati"]);
    let told = log.rest().await.to_vec();
    let types: Vec<_> = log.names();
    assert_eq!(types, ["division.created", "agent.updated", "agent.updated", "agent.updated"]);
    assert_eq!(told[0]["data"], made.json);
    let own = told.iter().find(|event| event["data"]["id"] == siti.id()).unwrap();
    assert_eq!(names(&own["data"]["divisions"]), ["Keluhan", "Penjualan"]);
    assert_eq!(names(&own["previous"]["divisions"]), ["Penjualan"]);
    assert_eq!(own["version"], agent(&app, &siti).await["version"]);

    log.seen.clear();
    let renamed = admin.patch(&path, json!({ "name": "Pengaduan" })).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["version"]), (&json!("Pengaduan"), &json!(2)));
    let before = agent(&app, &budi).await;
    let ids = [siti.id(), rina.id()];
    let filled = admin.put(format!("{path}/members"), json!({ "agent_ids": ids })).await.expect(200);
    assert_eq!(names(&filled["members"]), ["Rina Marlina", "Siti Rahmawati"]);
    log.rest().await;
    // Siti was and is in it; Rina came, Budi and Dewi went.
    assert_eq!(
        log.names(),
        ["division.updated", "division.updated", "agent.updated", "agent.updated", "agent.updated"]
    );
    assert!(log.seen.iter().all(|event| event["data"]["id"] != siti.id()));
    assert_eq!(log.seen[0]["previous"], json!({ "name": "Keluhan" }));
    let after = agent(&app, &budi).await;
    assert_eq!(after["divisions"], json!([]));
    assert_eq!(after["version"].as_i64(), before["version"].as_i64().map(|version| version + 1));

    // What changes nothing is told nobody.
    let (rows, ids) = (app.database.snapshot(), [rina.id(), siti.id()]);
    for same in [
        admin.patch(&path, json!({ "name": " Pengaduan " })),
        admin.patch(&path, json!({})),
        admin.put(format!("{path}/members"), json!({ "agent_ids": ids })),
    ] {
        assert_eq!(same.await.expect(200).json, filled.json);
    }
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_many_want_at_once_is_given_once() {
    let app = TestApp::start().await;
    let body = json!({ "name": "Gudang", "agent_ids": [app.agent(0).id()] });
    let admin = app.admin();
    admin.token().await;
    let calls = (0..12).map(|_| admin.post("/v1/divisions", body.clone()).into_future());
    let replies = join_all(calls).await;
    let (made, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 201);
    assert_eq!(made.len(), 1);
    for reply in refused {
        let reply = reply.problem(409, "name_taken");
        assert!(reply["detail"].as_str().unwrap().contains("Gudang"));
    }
    assert_eq!(app.count("divisions WHERE name = 'Gudang'"), 1);
    assert_eq!(app.count("audit_entries WHERE subject_name = 'Gudang'"), 1);
    let path = format!("/v1/divisions/{}", app.division);
    let rows = app.database.snapshot();
    admin.patch(&path, json!({ "name": "Gudang" })).await.problem(409, "name_taken");
    assert_eq!(app.database.snapshot(), rows);
    // Another workspace has names of its own.
    let other = app.another_team("dua").await.admin();
    other.post("/v1/divisions", json!({ "name": "Gudang" })).await.expect(201);

    let once = json!({ "name": "Sekali" });
    let first = admin.post("/v1/divisions", once.clone()).key("kunci").await.expect(201);
    let again = admin.post("/v1/divisions", once).key("kunci").await.expect(201);
    assert_eq!(first.body, again.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_are_set_by_many_at_once_are_those_of_one_of_them() {
    let app = TestApp::start().await;
    let (admin, everybody) = (app.admin(), [app.agent(0), app.agent(1), app.agent(2), app.admin()]);
    admin.token().await;
    let paths = [division(&app, "Satu", &[]).await, division(&app, "Dua", &[]).await];
    let wanted: Vec<Vec<String>> = (0..64)
        .map(|n| everybody.iter().cycle().skip(n % 4).take(1 + n % 3).map(Caller::id).collect())
        .collect();
    let put = |(n, ids): (usize, &Vec<String>)| {
        admin.put(format!("{}/members", paths[n % 2]), json!({ "agent_ids": ids })).into_future()
    };
    for reply in join_all(wanted.iter().enumerate().map(put)).await {
        reply.expect(200);
    }
    for path in &paths {
        let members = admin.get(path).await.expect(200)["members"].clone();
        let ids: BTreeSet<_> =
            members.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert!(
            wanted.iter().any(|wanted| wanted.iter().map(String::as_str).collect::<BTreeSet<_>>() == ids)
        );
    }
    // The log tells of every member what it is now.
    let events = app.events().await;
    for who in &everybody {
        let now = agent(&app, who).await;
        let last = events.iter().rfind(|event| {
            event["data"]["id"] == who.id() && event["type"].as_str().unwrap().starts_with("agent.")
        });
        assert_eq!(last.unwrap()["data"]["divisions"], now["divisions"]);
        assert_eq!(last.unwrap()["version"], now["version"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_05_bad_names_and_members_are_refused_where_they_are_and_store_nothing() {
    let app = TestApp::start().await;
    let other = app.another_team("dua").await;
    let (admin, path) = (app.admin(), format!("/v1/divisions/{}", app.division));
    let gone = app.agent(1);
    app.database.execute(&format!("UPDATE agents SET active = false WHERE id = '{}'", gone.id()));
    let rows = app.database.snapshot();
    let bad_names = [
        json!(""),
        json!("   "),
        json!("x".repeat(101)),
        json!("x".repeat(10_000)),
        json!("Pen\u{0}jualan"),
        json!("Pen\njualan"),
        json!("Pen\u{200b}jualan"),
        json!("\u{202e}nalaujneP"),
        json!(7),
        json!(["Penjualan"]),
    ];
    for name in bad_names {
        for call in [
            admin.post("/v1/divisions", json!({ "name": name })),
            admin.patch(&path, json!({ "name": name })),
        ] {
            let refused = call.await.problem(422, "validation_failed");
            assert_eq!(refused["errors"][0]["pointer"], "/name", "{name}");
        }
    }
    let siti = app.agent(0).id();
    let nobody = "0192f000-0000-7000-8000-000000000000".to_owned();
    for (ids, pointer, code) in [
        (json!([siti, nobody]), "/agent_ids/1", "unknown"),
        (json!([other.agent(0).id()]), "/agent_ids/0", "unknown"),
        (json!([siti, gone.id()]), "/agent_ids/1", "unknown"),
        (json!([siti, app.agent(2).id(), siti]), "/agent_ids/2", "duplicate"),
        (json!(vec![nobody.clone(); 1001]), "/agent_ids", "too_many"),
        (json!(["siti"]), "/agent_ids/0", "type"),
        (json!([null]), "/agent_ids/0", "type"),
        (json!("siti"), "/agent_ids", "type"),
        (json!(null), "/agent_ids", "type"),
    ] {
        for call in [
            admin.post("/v1/divisions", json!({ "name": "Baru", "agent_ids": ids })),
            admin.put(format!("{path}/members"), json!({ "agent_ids": ids })),
        ] {
            let refused = call.await.problem(422, "validation_failed");
            let error = &refused["errors"][0];
            assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{ids}");
        }
    }
    for call in [
        admin.post("/v1/divisions", json!({})),
        admin.post("/v1/divisions", json!({ "name": "Baru", "color": "#ffffff" })),
        admin.patch(&path, json!({ "nama": "Baru" })),
        admin.put(format!("{path}/members"), json!({})),
    ] {
        call.await.problem(422, "validation_failed");
    }
    assert_eq!(app.database.snapshot(), rows);
    for good in ["x".repeat(100), "Tim 🌾 <b>&amp;</b> '; DROP TABLE divisions; --".to_owned()] {
        let made = admin.post("/v1/divisions", json!({ "name": good })).await.expect(201);
        assert_eq!((&made["name"], &made["members"]), (&json!(good), &json!([])));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_05_a_division_that_changed_since_it_was_read_is_not_changed() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let path = format!("/v1/divisions/{}", app.division);
    let read = admin.get(&path).await.expect(200);
    assert_eq!(read.header("etag"), Some("\"1\""));
    let changed = admin.patch(&path, json!({ "name": "Toko" })).if_match(1).await.expect(200);
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let members = format!("{path}/members");
    let set = admin.put(&members, json!({ "agent_ids": [] })).if_match(2).await.expect(200);
    assert_eq!(set.header("etag"), Some("\"3\""));
    let rows = app.database.snapshot();
    for late in [
        admin.patch(&path, json!({ "name": "Lain" })).if_match(2),
        admin.patch(&path, json!({ "name": "Toko" })).if_match(2),
        admin.put(&members, json!({ "agent_ids": [app.agent(0).id()] })).if_match(2),
        admin.delete(&path).if_match(2),
    ] {
        let late = late.await.problem(412, "version_mismatch");
        assert!(late["detail"].as_str().unwrap().contains('3'));
    }
    admin.delete(&path).header("If-Match", "drei").await.problem(400, "malformed_request");
    assert_eq!(app.database.snapshot(), rows);
    admin.delete(&path).if_match(3).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn divisions_are_found_by_any_part_of_their_name() {
    let app = TestApp::start().await;
    for name in ["Café Jakarta", "Cafe Bandung", "50% Off", "A_B", "Pelanggan VIP"] {
        division(&app, name, &[]).await;
    }
    let siti = app.agent(0);
    let found = async |q: &str| {
        let list = siti.all(&format!("/v1/divisions?limit=1&q={q}")).await;
        list.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    for (q, names) in [
        ("CAFE", vec!["Café Jakarta", "Cafe Bandung"]),
        ("caf%C3%A9%20ja", vec!["Café Jakarta"]),
        ("jual", vec!["Penjualan"]),
        ("%25", vec!["50% Off"]),
        ("_", vec!["A_B"]),
        ("%5C", vec![]),
        ("tidak-ada", vec![]),
    ] {
        assert_eq!(found(q).await, names.into_iter().map(ToOwned::to_owned).collect(), "{q}");
    }
    let page = siti.get("/v1/divisions?limit=1&q=cafe").await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    siti.get(format!("/v1/divisions?limit=1&q=caf&cursor={cursor}")).await.problem(422, "invalid_cursor");
    let long = "x".repeat(101);
    for wrong in ["", "a%00b", "a%0Ab", long.as_str()] {
        let refused = siti.get(format!("/v1/divisions?q={wrong}")).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], "?q");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_admins_manage_divisions_and_who_was_one_a_moment_ago_is_none() {
    let app = TestApp::start().await;
    let path = format!("/v1/divisions/{}", app.division);
    let calls = |caller: &Caller| {
        [
            caller.post("/v1/divisions", json!({ "name": "Baru" })),
            caller.patch(&path, json!({ "name": "Diambil alih" })),
            caller.put(format!("{path}/members"), json!({ "agent_ids": [caller.id()] })),
            caller.get(format!("{path}/deletion-impact")),
            caller.delete(&path),
        ]
    };
    let rows = app.database.snapshot();
    for caller in [app.supervisor(), app.agent(0), app.narrow_agent()] {
        caller.get(&path).await.expect(200);
        for call in calls(&caller) {
            call.await.problem(403, "forbidden");
        }
    }
    assert_eq!(app.database.snapshot(), rows);
    // The server believes for a second who calls, but not where the team is changed.
    let admin = app.admin();
    for change in ["role = 'supervisor'", "role = 'admin', active = false"] {
        app.database
            .execute(&format!("UPDATE agents SET role = 'admin', active = true WHERE id = '{}'", admin.id()));
        let token = admin.sign_in().await["access_token"].as_str().unwrap().to_owned();
        let believed = app.bearer(&token);
        believed.get(&path).await.expect(200);
        app.database.execute(&format!("UPDATE agents SET {change} WHERE id = '{}'", admin.id()));
        let rows = app.database.snapshot();
        let writes = [
            believed.post("/v1/divisions", json!({ "name": "Baru" })),
            believed.patch(&path, json!({ "name": "Diambil alih" })),
            believed.put(format!("{path}/members"), json!({ "agent_ids": [] })),
            believed.delete(&path),
            believed.patch("/v1/workspace", json!({ "name": "Diambil alih" })),
        ];
        for reply in join_all(writes.map(IntoFuture::into_future)).await {
            assert!(matches!(reply.status, 401 | 403), "{}: {}", reply.what, reply.status);
        }
        assert_eq!(app.database.snapshot(), rows);
    }
}
