//! S-05: nobody makes more of itself, or reaches into another workspace, whatever it sends.

use harness::{StreamClient, TestApp};
use serde_json::{Value, json};

use super::{hired, new, path, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_05_fields_that_are_not_to_be_set_are_refused_and_nothing_is_stored() {
    let app = TestApp::start().await;
    let (admin, siti) = (app.admin(), path(&app.agent(0)));
    let other = app.another_team("dua").await;
    let rows = app.database.snapshot();
    let smuggled = [
        ("id", json!(other.agent(0).id())),
        ("workspace_id", json!(other.workspace)),
        ("active", json!(false)),
        ("joined", json!(true)),
        ("version", json!(1)),
        ("created_at", json!("2020-01-01T00:00:00.000000Z")),
        ("password_hash", json!("$argon2id$x")),
        ("counts", json!({ "assigned": 0, "handled": 99, "resolved": 99 })),
        ("supervisor", json!({ "id": app.supervisor().id(), "name": "Budi" })),
        ("divisions", json!([app.division])),
        ("online", json!(true)),
    ];
    let of_others = [
        ("supervisor_id", json!(app.lone_supervisor().id())),
        ("channel_ids", json!([app.channel("telegram")])),
        ("division_ids", json!([app.division])),
        ("password", json!("kata-sandi-baru")),
    ];
    for (field, value) in smuggled.iter().chain(&of_others) {
        let change = json!({ "name": "Siti", *field: value });
        admin.patch(&siti, change).await.problem(422, "validation_failed");
    }
    for (field, value) in &smuggled {
        let mut body = new("Andre", "andre", "agent");
        body[*field] = value.clone();
        admin.post("/v1/agents", body).await.problem(422, "validation_failed");
        let body = json!({ "supervisor_id": null, *field: value });
        admin.put(format!("{siti}/supervisor"), body).await.problem(422, "validation_failed");
        let body = json!({ "channel_ids": [], "division_ids": [], *field: value });
        admin.put(format!("{siti}/allocation"), body).await.problem(422, "validation_failed");
    }
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_05_only_admins_change_the_team_and_nobody_promotes_itself() {
    let app = TestApp::start().await;
    let (_, former) = hired(&app, "bekas", "admin").await;
    let me = former.get("/v1/me").await.expect(200);
    let demoted = format!("/v1/agents/{}", me.id());
    app.admin().patch(&demoted, json!({ "role": "supervisor" })).await.expect(200);
    // What was known of the former admin a moment ago does not help it.
    former.patch(&demoted, json!({ "role": "admin" })).await.problem(403, "forbidden");
    let rows = app.database.snapshot();
    for caller in [app.agent(0), app.narrow_agent(), app.supervisor(), former] {
        let own = format!("/v1/agents/{}", caller.get("/v1/me").await.expect(200).id());
        for path in [own, path(&app.agent(1)), path(&app.admin())] {
            for call in [
                caller.patch(&path, json!({ "role": "admin" })),
                caller.patch(&path, json!({ "view_all": true })),
                caller.patch(&path, json!({ "name": "Bukan admin" })),
                caller.put(format!("{path}/supervisor"), json!({ "supervisor_id": null })),
                caller.put(format!("{path}/allocation"), json!({ "channel_ids": [], "division_ids": [] })),
                caller.delete(&path),
            ] {
                call.await.problem(403, "forbidden");
            }
        }
        caller.post("/v1/agents", new("Andre", "andre", "admin")).await.problem(403, "forbidden");
    }
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_05_ids_of_another_workspace_are_unknown_in_every_field() {
    let app = TestApp::start().await;
    let other = app.another_team("dua").await;
    let channel =
        other.admin().post("/v1/channels", harness::app::channels().remove(0).1).await.expect(201).id();
    let (admin, rina) = (app.admin(), path(&app.agent(2)));
    let rows = app.database.snapshot();
    let (supervisor, division) = (other.supervisor().id(), other.division.to_string());
    let mut refused = Vec::new();
    for (field, value) in [
        ("supervisor_id", json!(supervisor)),
        ("channel_ids", json!([channel])),
        ("division_ids", json!([division])),
    ] {
        let mut body = new("Andre", "andre", "agent");
        body[field] = value.clone();
        refused.push((field, admin.post("/v1/agents", body).await));
        let call = if field == "supervisor_id" {
            admin.put(format!("{rina}/supervisor"), json!({ field: value }))
        } else {
            let mut body = json!({ "channel_ids": [], "division_ids": [] });
            body[field] = value;
            admin.put(format!("{rina}/allocation"), body)
        };
        refused.push((field, call.await));
    }
    for (field, reply) in refused {
        let reply = reply.problem(422, "validation_failed");
        let pointer =
            if field == "supervisor_id" { "/supervisor_id".to_owned() } else { format!("/{field}/0") };
        assert_eq!(reply["errors"][0]["pointer"], pointer);
        assert_eq!(reply["errors"][0]["code"], "unknown");
    }
    let theirs = path(&other.agent(0));
    for call in [
        admin.get(&theirs),
        admin.patch(&theirs, json!({ "name": "Diambil" })),
        admin.put(format!("{theirs}/supervisor"), json!({ "supervisor_id": null })),
        admin.put(format!("{theirs}/allocation"), json!({ "channel_ids": [], "division_ids": [] })),
        admin.delete(&theirs),
    ] {
        call.await.problem(404, "not_found");
    }
    for filter in [
        format!("supervisor_id={supervisor}"),
        format!("channel_id={channel}"),
        format!("division_id={division}"),
    ] {
        assert_eq!(admin.all(&format!("/v1/agents?{filter}")).await, Vec::<Value>::new());
    }
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_shown_to_those_who_may_know_them() {
    let app = TestApp::start().await;
    let everyone: Vec<_> =
        (0..4).map(|n| app.agent(n)).chain([app.supervisor(), app.lone_supervisor(), app.admin()]).collect();
    for (reader, knows) in [
        (app.admin(), vec![0, 1, 2, 3, 4, 5, 6]),
        (app.supervisor(), vec![0, 1, 4]),
        (app.lone_supervisor(), vec![5]),
        (app.agent(0), vec![0]),
        (app.narrow_agent(), vec![3]),
    ] {
        let name = reader.me().name.clone();
        let listed = reader.all("/v1/agents").await;
        for (n, member) in everyone.iter().enumerate() {
            let one = reader.get(path(member)).await.expect(200).json;
            assert_eq!(one["counts"].is_object(), knows.contains(&n), "{name} of {}", member.me().name);
            assert!(listed.contains(&one), "{name} of {}", member.me().name);
        }
        assert!(reader.get("/v1/me").await.expect(200)["counts"].is_object());
        for sort in ["assigned", "handled", "resolved"] {
            let list = reader.get(format!("/v1/agents?sort={sort}")).await;
            match knows.len() {
                7 => drop(list.expect(200)),
                _ => drop(list.problem(403, "forbidden")),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_08_open_streams_of_who_has_another_role_load_anew_on_every_node() {
    let app = TestApp::start().await;
    let node = app.node(|_| {}).await;
    for (who, change) in [
        (app.supervisor(), json!({ "role": "agent" })),
        (app.agent(2), json!({ "role": "supervisor" })),
        (app.agent(1), json!({ "view_all": false })),
    ] {
        let (mut here, _) = StreamClient::of(&app, &who, None).await;
        let (mut there, _) = StreamClient::of(&node, &who, None).await;
        let (mut other, _) = StreamClient::of(&app, &app.admin(), None).await;
        app.admin().patch(path(&who), change).await.expect(200);
        for client in [&mut here, &mut there] {
            let frame = loop {
                let frame = client.next().await;
                // The place it is at by now; nothing that happened.
                if frame.text().contains("caught_up") {
                    continue;
                }
                break frame;
            };
            let frame: Value = serde_json::from_str(&frame.text()).unwrap();
            assert_eq!((&frame["op"], &frame["reason"]), (&json!("reset"), &json!("scope_changed")));
        }
        while other.next_event().await.event_type.as_str() != "agent.updated" {}
        assert_eq!(read(&app, &path(&who)).await["active"], true);
    }
}
