//! What is delivered: once, whole, or not at all.

use futures_util::future::join_all;
use harness::TestApp;
use harness::uploads::Part;
use serde_json::{Value, json};

use super::{connect, message};
use crate::attachments::PNG;
use crate::support::Messages;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_01_what_comes_twenty_times_at_once_is_one_message_and_told_once() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let file = app.admin().upload("image", "foto.png", PNG).await.expect(201).id();
    let picture = json!({
        "external_id": "m-2", "contact": { "external_id": "u-42", "email": "budi@pelanggan.example" }, "kind": "image",
        "attachment_id": file, "text": "Ini fotonya",
    });
    let body = json!({ "messages": [message("m-1", "Halo"), picture, message("m-1", "Halo")] });
    let answers = join_all((0..20).map(|_| line.deliver(body.clone()).into_future())).await;
    let answers: Vec<Value> = answers.into_iter().map(|answer| answer.expect(200).json).collect();
    let ids = |answer: &Value| {
        let messages = answer["messages"].as_array().unwrap();
        messages.iter().map(|one| one["message_id"].clone()).collect::<Vec<_>>()
    };
    assert!(answers.iter().all(|answer| ids(answer) == ids(&answers[0])));
    let created = answers.iter().flat_map(|answer| answer["messages"].as_array().unwrap());
    assert_eq!(created.filter(|one| one["created"] == true).count(), 2);
    let events = app.events().await;
    let told = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((told("message.created"), told("conversation.created"), told("contact.created")), (2, 1, 1));
    let conversation = answers[0]["messages"][0]["conversation_id"].as_str().unwrap();
    let all = app.admin().all_messages(&format!("/v1/conversations/{conversation}")).await;
    assert_eq!((all.len(), &all[0]["attachment"]["id"]), (2, &json!(file)));
    let contact = app.admin().all("/v1/contacts").await.remove(0);
    assert_eq!((&contact["email"], &contact["name"]), (&json!("budi@pelanggan.example"), &json!("Budi")));

    // The same external id with other words is still the same message.
    let again = line.writes("m-1", "Bukan yang tadi").await;
    assert_eq!((&again["message_id"], &again["created"]), (&ids(&answers[0])[0], &json!(false)));
    let shown = app.admin().get(format!("/v1/conversations/{conversation}/messages")).await.expect(200);
    assert_eq!(shown["items"][1]["text"], "Halo");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_02_the_same_key_gets_the_first_answer_again() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let body = json!({ "messages": [message("m-1", "Halo")] });
    let first = line.deliver(body.clone()).key("satu").await.expect(200);
    let second = line.deliver(body).key("satu").await.expect(200);
    assert_eq!((first["messages"][0]["created"].clone(), second.json), (json!(true), first.json));
    let other = json!({ "messages": [message("m-2", "Halo")] });
    line.deliver(other).key("satu").await.problem(422, "idempotency_key_reused");
}

/// What is wrong, and where.
fn wrong() -> Vec<(Value, &'static str, &'static str)> {
    let changed = |fields: Value| {
        let mut one = message("m-1", "Halo");
        one.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({ "messages": [message("m-0", "Baik"), one] })
    };
    let contact = |fields: Value| {
        let mut contact = json!({ "external_id": "u-42" });
        contact.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        changed(json!({ "contact": contact }))
    };
    let said =
        |kind: &str, content: Value| changed(json!({ "kind": kind, "text": null, "content": content }));
    let file = |fields: Value| {
        let mut one = json!({ "kind": "image", "text": null });
        one.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        changed(one)
    };
    let status = |one: Value| json!({ "messages": [message("m-0", "Baik")], "statuses": [one] });
    let id = super::super::walks::NOBODY;
    vec![
        (changed(json!({ "external_id": "" })), "/messages/1/external_id", "token"),
        (changed(json!({ "external_id": "a b" })), "/messages/1/external_id", "token"),
        (changed(json!({ "external_id": "x".repeat(256) })), "/messages/1/external_id", "token"),
        (changed(json!({ "kind": "template" })), "/messages/1/kind", "not_supported"),
        (changed(json!({ "kind": "hologram" })), "/messages/1/kind", "type"),
        (changed(json!({ "text": null })), "/messages/1/text", "required"),
        (changed(json!({ "text": "  " })), "/messages/1/text", "required"),
        (changed(json!({ "text": "a\0b" })), "/messages/1/text", "characters"),
        (changed(json!({ "text": "x".repeat(16_385) })), "/messages/1/text", "too_long"),
        (changed(json!({ "url": "https://chat.example/a" })), "/messages/1/url", "unexpected"),
        (changed(json!({ "reply_to_external_id": "" })), "/messages/1/reply_to_external_id", "token"),
        (changed(json!({ "at": "kemarin" })), "/messages/1/at", "type"),
        (changed(json!({ "words": "Halo" })), "/messages/1/words", "type"),
        (contact(json!({ "external_id": "" })), "/messages/1/contact/external_id", "token"),
        (contact(json!({ "phone": "0812" })), "/messages/1/contact/phone", "phone"),
        (contact(json!({ "email": "bukan" })), "/messages/1/contact/email", "email"),
        (contact(json!({ "name": "x".repeat(201) })), "/messages/1/contact/name", "too_long"),
        (contact(json!({ "username": "a\nb" })), "/messages/1/contact/username", "characters"),
        (file(json!({})), "/messages/1/url", "required"),
        (
            file(json!({ "url": "https://x.example/a", "attachment_id": id })),
            "/messages/1/attachment_id",
            "unexpected",
        ),
        (file(json!({ "attachment_id": id })), "/messages/1/attachment_id", "unknown"),
        (file(json!({ "attachment_id": id, "filename": "a" })), "/messages/1/filename", "unexpected"),
        (file(json!({ "url": "ftp://x.example/a" })), "/messages/1/url", "not_allowed"),
        (file(json!({ "url": "https://169.254.169.254/latest" })), "/messages/1/url", "not_allowed"),
        (file(json!({ "url": "https://budi:kata@x.example/" })), "/messages/1/url", "not_allowed"),
        (said("location", json!(null)), "/messages/1/content", "required"),
        (
            said("location", json!({ "choice": { "id": "a", "title": "b" } })),
            "/messages/1/content/choice",
            "unexpected",
        ),
        (
            said("location", json!({ "location": { "latitude": 91, "longitude": 0 } })),
            "/messages/1/content/location/latitude",
            "out_of_range",
        ),
        (said("contacts", json!({ "contacts": [] })), "/messages/1/content/contacts", "required"),
        (
            said("contacts", json!({ "contacts": [{ "name": " " }] })),
            "/messages/1/content/contacts/0/name",
            "required",
        ),
        (
            said("interactive", json!({ "choice": { "id": "", "title": "b" } })),
            "/messages/1/content/choice/id",
            "required",
        ),
        (status(json!({ "status": "sent" })), "/statuses/0/message_id", "required"),
        (status(json!({ "message_id": id, "status": "queued" })), "/statuses/0/status", "not_supported"),
        (status(json!({ "message_id": "x", "status": "sent" })), "/statuses/0/message_id", "type"),
        (
            status(json!({ "message_id": id, "status": "sent", "error": { "code": "a", "detail": "b" } })),
            "/statuses/0/error",
            "unexpected",
        ),
        (
            status(json!({ "message_id": id, "status": "failed", "error": { "code": "", "detail": "b" } })),
            "/statuses/0/error/code",
            "token",
        ),
        (json!({ "messages": vec![message("m-1", "Halo"); 101] }), "/messages", "too_many"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_and_nothing_of_it_is_stored() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let rows = app.database.snapshot();
    for (body, pointer, code) in wrong() {
        let refused = line.deliver(body).await.problem(422, "validation_failed");
        let error = &refused["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{refused:?}");
    }
    // All that is wrong is said at once.
    let mut two = [message("m-1", "Halo"), message("m-2", "Halo")];
    two[0]["external_id"] = json!("");
    two[1]["contact"]["phone"] = json!("x");
    let statuses = json!([{ "external_id": "a-1", "status": "received" }]);
    let body = json!({ "messages": two, "statuses": statuses });
    let refused = line.deliver(body).await.problem(422, "validation_failed");
    let pointers: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    assert_eq!(pointers, ["/messages/0/external_id", "/messages/1/contact/phone", "/statuses/0/status"]);
    line.program
        .act(format!("{}/inbound", line.path()))
        .bytes("application/json", "{")
        .await
        .problem(400, "malformed_json");
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_the_callers_and_sent_once() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let theirs = app.agent(0).upload("image", "foto.png", PNG).await.expect(201).id();
    let mine = app.admin().upload("image", "foto.png", PNG).await.expect(201).id();
    let with = |external_id: &str, kind: &str, file: &str| json!({ "external_id": external_id, "contact": { "external_id": "u-42" }, "kind": kind, "attachment_id": file });
    for (one, code) in
        [(with("m-1", "image", &theirs), "unknown"), (with("m-1", "video", &mine), "wrong_kind")]
    {
        let refused = line.deliver(json!({ "messages": [one] })).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["code"], code);
    }
    let twice = json!({ "messages": [with("m-1", "image", &mine), with("m-2", "image", &mine)] });
    let refused = line.deliver(twice).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/messages/1/attachment_id");
    // Two customers at once with one file: one of them has it.
    let both = join_all(["m-3", "m-4"].map(|id| {
        let mut one = with(id, "image", &mine);
        one["contact"]["external_id"] = json!(format!("u-{id}"));
        line.deliver(json!({ "messages": [one] })).into_future()
    }))
    .await;
    let taken = both.iter().filter(|answer| answer.status == 200).count();
    let refused = both.iter().filter(|answer| answer.status == 422).count();
    assert_eq!((taken, refused), (1, 1));
    assert_eq!(app.count("messages WHERE attachment_id IS NOT NULL"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_one_customers_and_what_the_team_wrote_down_stays() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let known = json!({ "name": "Ibu Siti", "phone": "+6281234567890", "email": "siti@toko.example" });
    let known = app.admin().post("/v1/contacts", known).await.expect(201).id();
    let from = |external_id: &str, who: &str, phone: &str| {
        let contact =
            json!({ "external_id": who, "name": "Siti", "phone": phone, "email": "lain@toko.example" });
        json!({ "external_id": external_id, "contact": contact, "kind": "text", "text": "Halo" })
    };
    let first =
        line.deliver(json!({ "messages": [from("m-1", "u-1", "+62 812-3456-7890")] })).await.expect(200);
    let path = format!("/v1/conversations/{}", first["messages"][0]["conversation_id"].as_str().unwrap());
    assert_eq!(app.admin().get(&path).await.expect(200)["contact"]["id"], json!(known));
    let contact = app.admin().get(format!("/v1/contacts/{known}")).await.expect(200);
    assert_eq!((&contact["name"], &contact["email"]), (&json!("Ibu Siti"), &json!("siti@toko.example")));
    // A family with one telephone, in one delivery.
    let family = [from("m-2", "u-2", "+6285711223344"), from("m-3", "u-3", "+6285711223344")];
    line.deliver(json!({ "messages": family })).await.expect(200);
    let with_it = app.admin().all("/v1/contacts?q=85711223344").await;
    assert_eq!(with_it.len(), 1);
    assert_eq!(with_it[0]["identities"][0]["external_id"], "u-3");
    assert_eq!(app.admin().all("/v1/conversations?tab=all").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_the_teams_messages_are_not_those_of_customers() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let path = line.held(&app).await;
    let send = async |words: &str| {
        app.agent(0).post(format!("{path}/messages"), crate::support::text(words)).await.expect(201).id()
    };
    let (first, second) = (send("satu").await, send("dua").await);
    line.tells(json!({ "message_id": first, "external_id": "a-1", "status": "sent" })).await;
    let refused = line.deliver(json!({ "messages": [message("a-1", "Halo")] })).await;
    let refused = refused.problem(422, "validation_failed");
    assert_eq!(
        (&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]),
        (&json!("/messages/0/external_id"), &json!("taken"))
    );
    let both =
        [first.clone(), second].map(|id| json!({ "message_id": id, "external_id": "a-2", "status": "read" }));
    // The first has a name by now, so only the second could get this one; of two without, neither does.
    line.deliver(json!({ "statuses": both })).await.expect(200);
    let third = [send("tiga").await, send("empat").await];
    let both = third.map(|id| json!({ "message_id": id, "external_id": "a-3", "status": "sent" }));
    line.deliver(json!({ "statuses": both })).await.problem(422, "validation_failed");
    // Unknown ones change nothing, and are said to be.
    let told = line.tells(json!({ "external_id": "a-99", "status": "read" })).await;
    assert_eq!(told, json!({ "message_id": null, "conversation_id": null, "status": null }));
    let other = connect(&app, None).await;
    let told = other.tells(json!({ "message_id": first, "status": "failed" })).await;
    assert_eq!(told["message_id"], Value::Null);
    // A status never takes a message back.
    assert_eq!(line.tells(json!({ "message_id": first, "status": "sent" })).await["status"], "read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_no_delivery() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let (content_type, body) =
        harness::uploads::form(&[Part { name: "kind", filename: None, bytes: b"image" }]);
    let sent = line.program.act(format!("{}/inbound", line.path())).bytes(&content_type, body).await;
    sent.problem(415, "unsupported_media_type");
}
