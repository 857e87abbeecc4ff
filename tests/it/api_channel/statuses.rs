//! What became of the team's messages: of which of them a status speaks, and what follows without a callback.

use harness::receiver::Answer;
use harness::{Receiver, TestApp};
use serde_json::{Value, json};

use super::{connect, message};
use crate::support::{Messages, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_speaks_of_the_message_that_it_names_by_our_id() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let line = connect(&app, Some(&receiver)).await;
    let path = line.held(&app).await;
    let name = json!({ "external_id": "a-1" }).to_string();
    let called = || Answer::With(200, ("content-type", "application/json".to_owned()), name.clone());
    receiver.next([called(), called()]);
    let mut log = app.follow().await;
    let mut ids = Vec::new();
    for words in ["satu", "dua"] {
        let id = app.agent(0).post(format!("{path}/messages"), text(words)).await.expect(201).id();
        log.until("sending", |event| event["data"]["id"] == id && event["data"]["status"] == "sent").await;
        ids.push(id);
    }
    let mixed_up = json!({ "message_id": ids[1], "external_id": "a-1", "status": "failed" });
    let fine = json!({ "message_id": ids[1], "status": "delivered" });
    let refused =
        line.deliver(json!({ "statuses": [fine, mixed_up] })).await.problem(422, "validation_failed");
    let error = &refused["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/statuses/1/external_id"), &json!("taken")));
    let customers = json!({ "message_id": ids[1], "external_id": "m-1", "status": "failed" });
    let refused = line.deliver(json!({ "statuses": [customers] })).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/statuses/0/external_id");
    let shown = async |id: &str| {
        app.agent(0).get(format!("{path}/messages/{id}")).await.expect(200)["status"].clone()
    };
    assert_eq!([shown(&ids[0]).await, shown(&ids[1]).await], ["sent", "sent"]);
    let told = line.tells(json!({ "message_id": ids[1], "external_id": "a-2", "status": "read" })).await;
    assert_eq!((&told["message_id"], &told["status"]), (&json!(ids[1]), &json!("read")));
    assert_eq!(shown(&ids[0]).await, "sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_messages_and_notes_have_no_status() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let path = line.held(&app).await;
    let before = app.agent(0).all_messages(&path).await;
    let note = before.iter().find(|one| one["direction"] == "system").expect("who took it is noted");
    let written = before.iter().find(|one| one["direction"] == "inbound").unwrap();
    let mut log = app.follow().await;
    let nothing = json!({ "message_id": null, "conversation_id": null, "status": null });
    for status in [
        json!({ "external_id": "m-1", "status": "read" }),
        json!({ "message_id": written["id"], "status": "delivered" }),
        json!({ "message_id": written["id"], "external_id": "m-1", "status": "failed" }),
        json!({ "message_id": note["id"], "external_id": "a-1", "status": "sent" }),
    ] {
        assert_eq!(line.tells(status).await, nothing);
    }
    assert_eq!(app.agent(0).all_messages(&path).await, before);
    assert!(log.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_names_a_message_that_has_no_other_id_by_ours() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let path = line.held(&app).await;
    let sent = app.agent(0).post(format!("{path}/messages"), text("Baik kak")).await.expect(201).id();
    let mut answer = message("m-2", "Terima kasih");
    answer["reply_to_external_id"] = json!(sent);
    // It is somebody else's, so what it says is not shown.
    let mut stranger = answer.clone();
    (stranger["external_id"], stranger["contact"]["external_id"]) = (json!("m-3"), json!("u-43"));
    let delivered = line.deliver(json!({ "messages": [answer, stranger] })).await.expect(200);
    let answered = async |at: usize| {
        let conversation = delivered["messages"][at]["conversation_id"].as_str().unwrap();
        let all = app.admin().all_messages(&format!("/v1/conversations/{conversation}")).await;
        all.into_iter().find(|one| one["id"] == delivered["messages"][at]["message_id"]).unwrap()["reply_to"]
            .clone()
    };
    assert_eq!(answered(0).await, json!({ "message_id": sent, "text": "Baik kak" }));
    assert_eq!(answered(1).await, json!({ "message_id": null, "text": null }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_callback_what_is_sent_again_is_told_as_queued() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let path = line.held(&app).await;
    let id = app.agent(0).post(format!("{path}/messages"), text("Baik kak")).await.expect(201).id();
    line.tells(json!({ "message_id": id, "status": "failed" })).await;
    let mut log = app.follow().await;
    app.agent(0).act(format!("{path}/messages/{id}/retry")).await.expect(200);
    let told = log.until("the retry", |event| event["type"] == "message.updated").await["data"].clone();
    assert_eq!((&told["id"], &told["status"], &told["error"]), (&json!(id), &json!("queued"), &Value::Null));
    assert_eq!(app.count("jobs"), 0);
    assert_eq!(line.tells(json!({ "message_id": id, "status": "sent" })).await["status"], "sent");
}
