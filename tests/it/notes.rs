//! Notes on contacts.

use futures_util::future::join_all;
use harness::{Caller, TestApp};
use serde_json::{Value, json};

use crate::walks::NOBODY;

/// Where the notes on a customer are.
async fn notes(app: &TestApp, customer: &str) -> String {
    let id = app.conversation(customer, "Halo").await;
    let conversation = app.admin().get(format!("/v1/conversations/{id}")).await.expect(200);
    format!("/v1/contacts/{}/notes", conversation["contact"]["id"].as_str().unwrap())
}

fn note(text: &str) -> Value {
    json!({ "text": text })
}

async fn texts(who: &Caller, path: &str) -> Vec<String> {
    let all = who.all(&format!("{path}?limit=2")).await;
    all.iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_are_read_newest_first_changed_by_their_author_and_told() {
    let app = TestApp::start().await;
    let (admin, siti, rina) = (app.admin(), app.agent(0), app.agent(2));
    let path = notes(&app, "6281234567890").await;
    let mut log = app.follow().await;
    let first = siti.post(&path, note("  Satu\ndua baris 🙏 ")).await.expect(201);
    assert_eq!(first["author"], json!({ "id": siti.id(), "name": "Siti Rahmawati" }));
    assert_eq!((&first["text"], &first["version"]), (&json!("Satu\ndua baris 🙏"), &json!(1)));
    for text in ["Dua", "Tiga", "Empat", "Lima"] {
        rina.post(&path, note(text)).await.expect(201);
    }
    assert_eq!(texts(&app.agent(1), &path).await, ["Lima", "Empat", "Tiga", "Dua", "Satu\ndua baris 🙏"]);

    let own = format!("{path}/{}", first.id());
    app.advance(chrono::TimeDelta::minutes(5));
    let changed = siti.patch(&own, note("Diubah")).if_match(1).await.expect(200);
    assert_eq!((&changed["version"], &changed["created_at"]), (&json!(2), &first["created_at"]));
    assert_eq!(changed["updated_at"], json!(app.clock.now()));
    siti.patch(&own, note("Terlambat")).if_match(1).await.problem(412, "version_mismatch");
    siti.delete(&own).if_match(1).await.problem(412, "version_mismatch");
    assert_eq!(siti.patch(&own, note(" Diubah ")).await.expect(200).json, changed.json, "changes nothing");
    for who in [&rina, &app.supervisor()] {
        who.patch(&own, note("Bukan punyaku")).await.problem(403, "forbidden");
        who.delete(&own).await.problem(403, "forbidden");
    }
    admin.patch(&own, note("Oleh admin")).await.expect(200);
    log.rest().await;
    let told = log.seen.last().unwrap();
    assert_eq!((&told["type"], &told["data"]["text"]), (&json!("note.updated"), &json!("Oleh admin")));
    assert_eq!(told["data"]["author"]["id"], siti.id(), "the author stays the author");

    // Who has left the team is still the author; then admins alone can change it.
    let leaves = format!("/v1/agents/{}", siti.id());
    admin.delete(leaves).await.expect(204);
    assert_eq!(texts(&rina, &path).await.last().unwrap(), "Oleh admin");
    log.rest().await;
    log.seen.clear();
    admin.delete(&own).await.expect(204);
    log.rest().await;
    assert_eq!((log.names(), &log.seen[0]["data"]["version"]), (vec!["note.deleted".to_owned()], &json!(4)));
    admin.delete(&own).await.problem(404, "not_found");
    assert_eq!(texts(&rina, &path).await, ["Lima", "Empat", "Tiga", "Dua"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_see_the_contact_finds_no_notes_and_is_told_of_none() {
    let app = TestApp::start().await;
    let (admin, siti, rina) = (app.admin(), app.agent(0), app.agent(2));
    let path = notes(&app, "6281234567890").await;
    let made = admin.post(&path, note("Rahasia")).await.expect(201);
    let own = format!("{path}/{}", made.id());
    let elsewhere = format!("{}/{}", notes(&app, "6281200000001").await, made.id());
    // Siti works on this channel; Rina does not.
    for (who, kind) in [(&siti, "whatsapp"), (&rina, "telegram")] {
        let body = json!({ "channel_ids": [app.channel(kind)], "division_ids": [] });
        admin.put(format!("/v1/agents/{}/allocation", who.id()), body).await.expect(200);
    }
    let restricted = harness::team::assignment_settings(&json!({ "restrict_to_allocation": true }));
    admin.put("/v1/settings/assignment", restricted).await.expect(200);
    let (mut seen, mut hidden) =
        (harness::Follower::from_now(siti.clone()).await, harness::Follower::from_now(rina.clone()).await);
    siti.get(&path).await.expect(200);
    let other = app.another_team("dua").await.admin();
    let rows = app.database.snapshot();
    for who in [&rina, &other] {
        who.get(&path).await.problem(404, "not_found");
        who.post(&path, note("Mengintip")).await.problem(404, "not_found");
        who.patch(&own, note("Mengintip")).await.problem(404, "not_found");
        who.delete(&own).await.problem(404, "not_found");
    }
    for missing in
        [&elsewhere, &format!("{path}/{NOBODY}"), &format!("/v1/contacts/{NOBODY}/notes/{}", made.id())]
    {
        admin.patch(missing, note("x")).await.problem(404, "not_found");
        admin.delete(missing).await.problem(404, "not_found");
    }
    assert_eq!(app.database.snapshot(), rows);
    siti.post(&path, note("Terlihat")).await.expect(201);
    let of_notes =
        |log: &harness::Follower| log.names().iter().filter(|name| name.starts_with("note.")).count();
    seen.rest().await;
    hidden.rest().await;
    assert_eq!((of_notes(&seen), of_notes(&hidden)), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_13_bad_notes_are_refused_and_d_01_one_key_makes_one() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let path = notes(&app, "6281234567890").await;
    let rows = app.database.snapshot();
    let bad = [json!(""), json!(" \n\t "), json!("x".repeat(5001)), json!("a\u{0}b"), json!(1), Value::Null];
    for text in bad {
        let refused = siti.post(&path, json!({ "text": text })).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], "/text");
    }
    siti.post(&path, json!({ "text": "x", "author": { "id": NOBODY } }))
        .await
        .problem(422, "validation_failed");
    for query in ["limit=0", "limit=101", "cursor=%00", "cursor=x", "q=a"] {
        siti.get(format!("{path}?{query}")).await.expect(422);
    }
    assert_eq!(app.database.snapshot(), rows);
    siti.post(&path, note(&"🙏".repeat(5000))).await.expect(201);

    let call = siti.post(&path, note("Sekali")).key("kunci");
    let replies = join_all((0..20).map(|_| call.clone().into_future())).await;
    for reply in &replies {
        assert_eq!((reply.status, &reply.body), (201, &replies[0].body));
    }
    assert_eq!(app.count("contact_notes WHERE text = 'Sekali'"), 1);
}
