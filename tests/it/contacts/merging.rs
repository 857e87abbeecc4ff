//! One contact of two, and two of one again.

use harness::TestApp;
use harness::hooks::messenger_message;
use serde_json::{Value, json};

use super::{contact_of, id, made, merged};
use crate::support::{Messages, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_become_one_and_are_parted_exactly() {
    let app = TestApp::start().await;
    let (admin, siti) = (app.admin(), app.agent(0));
    let first = app.conversation("6281234567890", "Halo").await;
    let hook = messenger_message(
        "7412583690147258",
        "m_1",
        app.clock.now().unix_seconds() * 1000,
        "Halo, ini saya juga",
    );
    app.hook("messenger", hook.to_string()).await.expect(200);
    let query = format!("SELECT id::text AS value FROM conversations WHERE id <> '{first}'");
    let second = app.database.values(&query).remove(0);
    let (stays, goes) = (contact_of(&app, &first).await, contact_of(&app, &second).await);
    admin
        .patch(&stays, json!({ "email": "ani@a.example", "attributes": { "tier": "gold" } }))
        .await
        .expect(200);
    let change = json!({ "name": "Ani Lama", "email": "ani@b.example", "company": "PT Tani", "attributes": { "tier": "silver", "kota": "Solo" } });
    admin.patch(&goes, change).await.expect(200);
    let ticket = siti.act(format!("/v1/conversations/{second}/claim")).await.expect(200)["ticket_id"].clone();
    siti.post(format!("/v1/conversations/{second}/messages"), text("Baik")).await.expect(201);
    let note = siti.post(format!("{goes}/notes"), json!({ "text": "Suka teh" })).await.expect(201);
    let before = [admin.get(&stays).await.expect(200), admin.get(&goes).await.expect(200)];
    let mut log = app.follow().await;

    let one = merged(&app, &stays, &goes).await;
    let contact = admin.get(&stays).await.expect(200);
    assert_eq!(one["contact"], contact.json);
    assert_eq!(
        (&contact["name"], &contact["email"], &contact["company"]),
        (&before[0]["name"], &json!("ani@a.example"), &json!("PT Tani"))
    );
    assert_eq!(contact["attributes"], json!({ "tier": "gold", "kota": "Solo" }));
    assert_eq!(contact["identities"].as_array().unwrap().len(), 2);
    admin.get(&goes).await.problem(404, "not_found");
    let shown = admin.get(format!("/v1/conversations/{second}")).await.expect(200);
    assert_eq!(shown["contact"]["id"], contact["id"]);
    let ticket = format!("/v1/tickets/{}", ticket.as_str().unwrap());
    assert_eq!(siti.get(&ticket).await.expect(200)["contact"]["id"], contact["id"]);
    let thread = admin.all_messages(&format!("/v1/conversations/{second}")).await;
    let written = thread.iter().find(|message| message["direction"] == "inbound").unwrap();
    assert_eq!((&written["author"]["id"], &written["author"]["name"]), (&contact["id"], &contact["name"]));
    let told = log.until("the merge", |event| event["type"] == "contact.merged").await;
    assert_eq!(told["data"], one["merge"]);
    assert_eq!(told["data"]["conversation_ids"], json!([second]));
    let listed = admin.get(format!("{stays}/merges")).await.expect(200);
    assert_eq!(listed["items"], json!([one["merge"]]));
    log.until("the end of the other", |event| event["type"] == "contact.deleted").await;

    let listed = admin.all(&format!("{stays}/notes")).await;
    assert_eq!((&listed[0]["id"], &listed[0]["contact_id"]), (&note["id"], &contact["id"]));
    let later = siti.post(format!("{stays}/notes"), json!({ "text": "Pindah ke Solo" })).await.expect(201);

    // What is written down later stays.
    admin.patch(&stays, json!({ "company": "PT Tani Makmur" })).await.expect(200);
    let undo = json!({ "merge_id": one["merge"]["id"] });
    let parted = admin.post(format!("{stays}/unmerge"), undo.clone()).await.expect(200);
    let mut back = before[1].json.clone();
    back["version"] = json!(back["version"].as_i64().unwrap() + 2);
    assert_eq!(parted["restored"], back);
    assert_eq!(admin.get(&goes).await.expect(200).json, back);
    let mut kept = before[0].json.clone();
    kept["company"] = json!("PT Tani Makmur");
    kept["version"] = parted["contact"]["version"].clone();
    assert_eq!(parted["contact"], kept);
    assert_eq!(contact_of(&app, &first).await, stays);
    assert_eq!(contact_of(&app, &second).await, goes);
    let thread = admin.all_messages(&format!("/v1/conversations/{second}")).await;
    let written = thread.iter().find(|message| message["direction"] == "inbound").unwrap();
    assert_eq!(written["author"]["name"], "Ani Lama");
    for (path, own) in [(&stays, &later), (&goes, &note)] {
        let listed = admin.all(&format!("{path}/notes")).await;
        assert_eq!((listed.len(), &listed[0]["id"]), (1, &own["id"]));
    }
    log.until("parting", |event| event["type"] == "contact.unmerged").await;
    admin.post(format!("{stays}/unmerge"), undo).await.problem(422, "validation_failed");
    assert_eq!(admin.get(format!("{stays}/merges")).await.expect(200)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merges_of_merges_are_undone_in_any_order() {
    for outer_first in [true, false] {
        let app = TestApp::start().await;
        let mut contacts = Vec::new();
        for n in 1..=3 {
            let conversation = app.conversation(&format!("628123456789{n}"), "Halo").await;
            contacts.push((contact_of(&app, &conversation).await, conversation));
        }
        let [(a, _), (b, of_b), (c, of_c)] = &contacts[..] else { panic!() };
        let inner = merged(&app, b, c).await["merge"]["id"].clone();
        let outer = merged(&app, a, b).await["merge"]["id"].clone();
        for conversation in [of_b, of_c] {
            assert_eq!(contact_of(&app, conversation).await, *a);
        }
        assert_eq!(app.admin().all(&format!("{a}/merges")).await.len(), 2);
        let undo = |of: &String, merge: &Value| {
            app.admin().post(format!("{of}/unmerge"), json!({ "merge_id": merge }))
        };
        if outer_first {
            undo(a, &outer).await.expect(200);
            assert_eq!(contact_of(&app, of_c).await, *b);
            undo(b, &inner).await.expect(200);
        } else {
            undo(a, &inner).await.expect(200);
            undo(a, &outer).await.expect(200);
        }
        for (contact, conversation) in &contacts {
            assert_eq!(contact_of(&app, conversation).await, *contact);
        }
        assert_eq!(app.count("contact_merges"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_merged_is_refused_and_a_number_goes_with_its_contact() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let stays = made(&app, json!({ "name": "Ani" })).await;
    let goes = made(&app, json!({ "name": "Ani (nomor)", "phone": "6281234567890" })).await;
    let merge = format!("{stays}/merge");
    let to = |path: &str| json!({ "contact_id": id(path) });
    let rows = app.database.snapshot();
    admin.post(&merge, to(&stays)).await.problem(422, "validation_failed");
    let stranger = app.another_team("dua").await.admin();
    let theirs = stranger.post("/v1/contacts", json!({ "name": "X" })).await.expect(201);
    admin.post(&merge, json!({ "contact_id": theirs["id"] })).await.problem(422, "validation_failed");
    admin.post(&merge, to(&goes)).if_match(9).await.problem(412, "version_mismatch");
    app.agent(0).post(&merge, to(&goes)).await.problem(403, "forbidden");
    assert_eq!(app.database.snapshot()["contact_merges"], rows["contact_merges"]);
    admin.act(format!("{goes}/block")).await.expect(200);
    admin.post(&merge, to(&goes)).await.problem(409, "contact_blocked");
    admin.act(format!("{goes}/unblock")).await.expect(200);

    let one = admin.post(&merge, to(&goes)).key("satu").await.expect(200);
    assert_eq!(admin.post(&merge, to(&goes)).key("satu").await.expect(200).json, one.json);
    assert_eq!(one["contact"]["phone"], "6281234567890");
    let conversation = app.conversation("6281234567890", "Halo").await;
    assert_eq!(contact_of(&app, &conversation).await, stays);
    // Who came by the number after the merge stays; the number is the other's again.
    let undo = json!({ "merge_id": one["merge"]["id"] });
    let parted = admin.post(format!("{stays}/unmerge"), undo).await.expect(200);
    assert_eq!(
        (&parted["contact"]["phone"], &parted["restored"]["phone"]),
        (&Value::Null, &json!("6281234567890"))
    );
    assert_eq!(contact_of(&app, &conversation).await, stays);
    assert_eq!(app.count("contacts WHERE owns_phone"), 1);
}
