//! Every kind of message, and files, both ways.

use harness::receiver::Answer;
use harness::{Receiver, TestApp};
use serde_json::{Value, json};

use super::{connect, handed};
use crate::attachments::{PDF, PNG};
use crate::support::Messages;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_comes_in_as_it_was_said() {
    let (app, files) = (TestApp::start().await, Receiver::start().await);
    let pdf = String::from_utf8(PDF.to_vec()).unwrap();
    files.always(Answer::With(200, ("content-type", "application/pdf".to_owned()), pdf));
    let line = connect(&app, None).await;
    let picture = app.admin().upload("image", "foto.png", PNG).await.expect(201).id();
    let place = json!({ "latitude": -6.2088, "longitude": 106.8456, "name": "Toko Tani" });
    let card = json!({ "name": "Siti Aminah", "phones": ["+62 812-3456-7890"], "organization": "Toko" });
    let bodies = [
        json!({ "kind": "text", "text": "Halo \u{1F469}\u{200D}\u{1F33E}\nkak" }),
        json!({ "kind": "image", "attachment_id": picture, "text": "Ini" }),
        json!({ "kind": "document", "url": files.url(), "filename": "../nota.pdf" }),
        json!({ "kind": "audio", "url": files.url() }),
        json!({ "kind": "video", "url": files.url() }),
        json!({ "kind": "sticker", "url": files.url() }),
        json!({ "kind": "location", "content": { "location": place } }),
        json!({ "kind": "contacts", "content": { "contacts": [card] } }),
        json!({ "kind": "interactive", "content": { "choice": { "id": "divisi:komplain", "title": "Komplain" } } }),
    ];
    let mut log = app.follow().await;
    let messages: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(at, body)| {
            let mut one = body.clone();
            one["external_id"] = json!(format!("m-{at}"));
            one["contact"] = json!({ "external_id": "u-42", "username": "@budi.s" });
            one
        })
        .collect();
    let answer = line.deliver(json!({ "messages": messages })).await.expect(200);
    let path = format!("/v1/conversations/{}", answer["messages"][0]["conversation_id"].as_str().unwrap());
    for _ in 0..4 {
        let fetched = log.until("a file", |event| {
            event["type"] == "message.updated" && event["data"]["attachment"]["state"] == "stored"
        });
        fetched.await;
    }
    let mut all = app.admin().all_messages(&path).await;
    all.reverse();
    let kinds: Vec<_> = all.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    let sent: Vec<_> = bodies.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, sent);
    assert_eq!(all[0]["text"], bodies[0]["text"]);
    assert_eq!(all[0]["author"]["name"], "@budi.s");
    assert_eq!((&all[1]["attachment"]["id"], &all[1]["text"]), (&json!(picture), &json!("Ini")));
    assert_eq!(all[2]["attachment"]["filename"], "nota.pdf");
    let bytes = app.admin().get(all[2]["attachment"]["url"].as_str().unwrap()).await.expect(200);
    assert_eq!(bytes.body, PDF);
    assert_eq!(all[6]["content"]["location"]["name"], "Toko Tani");
    assert_eq!(all[7]["content"]["contacts"][0]["phones"][0]["value"], "+62 812-3456-7890");
    assert_eq!(all[8]["content"]["choice"]["payload"], "divisi:komplain");
    assert_eq!(all[8]["text"], "Komplain");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_that_the_channel_says_it_can_goes_out_with_its_file() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let line = connect(&app, Some(&receiver)).await;
    let path = line.held(&app).await;
    let upload = async |kind: &'static str, bytes: &'static [u8]| {
        app.agent(0).upload(kind, "berkas", bytes).await.expect(201).id()
    };
    let sound =
        b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\0\0\0\0\0\0\0\0\0";
    let film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08free";
    let place = json!({ "latitude": -6.2, "longitude": 106.8, "name": "Toko", "address": "Jl. Melati 7" });
    let tap = json!({ "type": "buttons", "buttons": [{ "id": "ya", "title": "Ya" }] });
    let bodies = [
        json!({ "kind": "text", "text": "Halo" }),
        json!({ "kind": "image", "attachment_id": upload("image", PNG).await, "caption": "Ini" }),
        json!({ "kind": "video", "attachment_id": upload("video", film).await }),
        json!({ "kind": "document", "attachment_id": upload("document", PDF).await }),
        json!({ "kind": "audio", "attachment_id": upload("audio", sound).await }),
        json!({ "kind": "location", "location": place }),
        json!({ "kind": "interactive", "text": "Cocok?", "interactive": tap }),
    ];
    let said: Vec<_> = bodies.iter().map(|body| body["kind"].clone()).collect();
    let channel = app.admin().get(line.path()).await.expect(200);
    let mut can = channel["capabilities"]["kinds"].as_array().unwrap().clone();
    can.sort_by_key(Value::to_string);
    let mut tried = said.clone();
    tried.sort_by_key(Value::to_string);
    assert_eq!(can, tried);
    for body in &bodies {
        app.agent(0).post(format!("{path}/messages"), body.clone()).await.expect(201);
    }
    let calls: Vec<_> = handed(&receiver, bodies.len()).await.iter().map(|call| call.json()).collect();
    let order: Vec<_> = calls.iter().map(|call| call["message"]["kind"].clone()).collect();
    assert_eq!(order, said, "a conversation's messages come in order");
    for (call, bytes) in calls[1..=4].iter().zip([PNG, &film[..], PDF, &sound[..]]) {
        assert_eq!(call["attachment"]["id"], call["message"]["attachment"]["id"]);
        let link = call["attachment"]["signed_url"].as_str().unwrap();
        let link = link.strip_prefix(app.base()).unwrap();
        let fetched = app.anonymous().get(link).await.expect(200);
        assert_eq!(fetched.body, bytes);
    }
    assert_eq!(calls[0]["attachment"], Value::Null);
    assert_eq!(calls[5]["message"]["content"]["location"]["address"], "Jl. Melati 7");
    assert_eq!(calls[6]["message"]["content"]["interactive"], tap_of(&calls[6]));
    // What the channel does not say it can is refused before anybody is called.
    let template = json!({ "kind": "template", "template": { "template_id": crate::walks::NOBODY } });
    app.agent(0).post(format!("{path}/messages"), template).await.problem(422, "validation_failed");
    let template = crate::support::template(&line.id, "pesanan");
    app.admin().post("/v1/templates", template).await.problem(422, "validation_failed");
}

/// The answer has what is null, too.
fn tap_of(call: &Value) -> Value {
    let mut shown = call["message"]["content"]["interactive"].clone();
    assert_eq!(shown["buttons"][0], json!({ "id": "ya", "title": "Ya" }));
    shown["type"] = json!("buttons");
    shown
}
