//! Names and colours: what is taken, what is found, what is refused.

use futures_util::future::join_all;
use harness::TestApp;
use serde_json::{Value, json};

use super::label;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_taken_whatever_the_case_and_the_accents_and_wanted_by_many_it_is_given_once() {
    let app = TestApp::start().await;
    let (admin, siti) = (app.admin(), app.agent(0));
    let wanted = ["Résumé", "resume", "RESUMÉ", "Ｒｅｓｕｍｅ"];
    siti.token().await;
    let make = |n: usize| {
        siti.post("/v1/labels", json!({ "name": wanted[n % 4], "color": "#abcdef" })).into_future()
    };
    let (made, refused): (Vec<_>, Vec<_>) =
        join_all((0..16).map(make)).await.into_iter().partition(|reply| reply.status == 201);
    assert_eq!((made.len(), made[0]["color"].as_str()), (1, Some("#ABCDEF")));
    for reply in refused {
        reply.problem(409, "name_taken");
    }
    let path = format!("/v1/labels/{}", made[0].id());
    let read = siti.get(&path).await.expect(200);
    assert_eq!((read.header("etag"), &read.json), (Some("\"1\""), &made[0].json));
    // Its own name, written otherwise, is no other label's.
    let renamed = admin.patch(&path, json!({ "name": "RESUME" })).if_match(1).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["version"]), (&json!("RESUME"), &json!(2)));
    admin.patch(&path, json!({ "name": "X" })).if_match(1).await.problem(412, "version_mismatch");
    admin.delete(&path).if_match(1).await.problem(412, "version_mismatch");
    let fire = label(&siti, "Prioritas 🔥").await;
    admin.patch(format!("/v1/labels/{fire}"), json!({ "name": "résumé" })).await.problem(409, "name_taken");
    let rows = app.database.snapshot();
    admin.patch(&path, json!({ "name": " RESUME ", "color": "#abcdef" })).await.expect(200);
    admin.patch(&path, json!({})).await.expect(200);
    assert_eq!(app.database.snapshot(), rows, "what changes nothing is told nobody");
    // Who may make labels may not change those of all.
    siti.patch(&path, json!({ "name": "Punya Siti" })).await.problem(403, "forbidden");
    siti.delete(&path).await.problem(403, "forbidden");
    app.supervisor().patch(&path, json!({ "color": "#000000" })).await.expect(200);
    // Another workspace has names of its own.
    label(&app.another_team("dua").await.admin(), "Resume").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_are_listed_by_name_and_found_by_any_part_of_it() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for name in ["beta", "Élan", "alfa", "100%", "a_b", "Prioritas 🔥", "ELANG", "back\\slash", "👩‍👩‍👧"]
    {
        label(&admin, name).await;
    }
    let found = async |q: &str| -> Vec<String> {
        let items = app.agent(0).all(&format!("/v1/labels?limit=2{q}")).await;
        items.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = found("").await;
    assert_eq!(all.len(), 9);
    let letters: Vec<_> = all.iter().filter(|name| name.chars().all(char::is_alphabetic)).collect();
    assert_eq!(letters, ["alfa", "beta", "Élan", "ELANG"]);
    for (q, expected) in [
        ("elan", vec!["Élan", "ELANG"]),
        ("%F0%9F%94%A5", vec!["Prioritas 🔥"]),
        ("%F0%9F%91%A9", vec!["👩‍👩‍👧"]),
        ("%25", vec!["100%"]),
        ("_", vec!["a_b"]),
        ("%5C", vec!["back\\slash"]),
        ("%27%20OR%201%3D1", vec![]),
    ] {
        assert_eq!(found(&format!("&q={q}")).await, expected, "{q}");
    }
    // a cursor of another list, filter or workspace.
    let page = admin.get("/v1/labels?limit=1").await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = app.another_team("dua").await.admin();
    for (who, path) in [
        (&admin, "/v1/labels?q=a&"),
        (&admin, "/v1/divisions?"),
        (&other, "/v1/labels?"),
        (&admin, "/v1/labels?cursor=x&"),
    ] {
        who.get(format!("{path}cursor={cursor}")).await.expect(422);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_13_bad_words_are_refused_where_they_are_and_store_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let path = format!("/v1/labels/{}", label(&admin, "Baik").await);
    let rows = app.database.snapshot();
    let bad_names = [
        json!(""),
        json!("   "),
        json!("x".repeat(51)),
        json!("x".repeat(10_000)),
        json!("dua\nbaris"),
        json!("nol\u{0}"),
        json!("tanpa\u{200b}lebar"),
        json!("sam\u{200d}bung"),
        json!("\u{202e}terbalik"),
        json!("\u{301}"),
        json!(5),
        Value::Null,
        json!(["a"]),
        json!({ "$gt": "" }),
    ];
    let bad_colors = ["", "red", "#12345", "#1234567", "#GGGGGG", "123456", "#12345'", "javascript:1"];
    let names = bad_names.into_iter().map(|name| ("/name", json!({ "name": name, "color": "#000000" })));
    let colors = bad_colors.into_iter().map(|color| ("/color", json!({ "name": "Lain", "color": color })));
    for (pointer, body) in names.chain(colors) {
        let refused = admin.post("/v1/labels", body.clone()).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{body}");
        if body[&pointer[1..]] != Value::Null {
            admin.patch(&path, body).await.problem(422, "validation_failed");
        }
    }
    for body in [json!({ "name": "Lain" }), json!({ "name": "Lain", "color": "#000000", "id": path })] {
        admin.post("/v1/labels", body).await.problem(422, "validation_failed");
    }
    for query in ["q=%00", "q=a%0Ab", "limit=0", "limit=101", "limit=x", "cursor=%27", "sort=name", "q[]=a"] {
        admin.get(format!("/v1/labels?{query}")).await.expect(422);
    }
    let long = "x".repeat(101);
    admin.get(format!("/v1/labels?q={long}")).await.problem(422, "validation_failed");
    for id in ["x", "%27", "0192f000-0000-7000-8000-000000000000"] {
        admin.get(format!("/v1/labels/{id}")).await.problem(404, "not_found");
    }
    assert_eq!(app.database.snapshot(), rows);
}
