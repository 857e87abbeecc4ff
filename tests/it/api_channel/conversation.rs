//! A whole conversation, both ways.

use harness::receiver::Answer;
use harness::{Receiver, TestApp};
use serde_json::{Value, json};

use super::{calls, connect, handed, message};
use crate::support::{Messages, text};

fn called(id: &str) -> Answer {
    let kind = ("content-type", "application/json".to_owned());
    Answer::With(200, kind, json!({ "external_id": id }).to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_writes_a_member_answers_and_each_sees_the_other() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let line = connect(&app, Some(&receiver)).await;
    let mut log = app.follow().await;
    let written = line.writes("m-1", "Selamat pagi kak").await;
    assert_eq!((&written["external_id"], &written["created"]), (&json!("m-1"), &json!(true)));
    let created = log.until("the message", |event| event["type"] == "message.created").await["data"].clone();
    assert_eq!(created["id"], written["message_id"]);
    assert_eq!(created["provider_message_id"], "m-1");
    assert_eq!((&created["text"], &created["author"]["name"]), (&json!("Selamat pagi kak"), &json!("Budi")));

    let path = format!("/v1/conversations/{}", written["conversation_id"].as_str().unwrap());
    app.agent(0).act(format!("{path}/claim")).await.expect(200);
    receiver.next([called("a-1")]);
    let mut answer = text("Selamat pagi, ada yang bisa dibantu?");
    answer["reply_to"] = written["message_id"].clone();
    let answer = app.agent(0).post(format!("{path}/messages"), answer).await.expect(201);
    assert_eq!(answer["status"], "queued");
    let call = handed(&receiver, 1).await.remove(0);
    assert!(call.is_signed_by(&line.secret) && !call.is_signed_by("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    let told = call.json();
    assert_eq!(
        (&told["channel_id"], &told["conversation_id"]),
        (&json!(line.id), &written["conversation_id"])
    );
    assert_eq!(told["contact"]["external_id"], "u-42");
    assert_eq!(told["contact"]["name"], "Budi");
    assert_eq!(told["reply_to_external_id"], "m-1");
    assert_eq!(told["message"], answer.json, "it is what GET returned then");
    let sent = log.until("sending", |event| event["data"]["status"] == "sent").await["data"].clone();
    assert_eq!((&sent["id"], &sent["provider_message_id"]), (&json!(answer.id()), &json!("a-1")));

    // By either name.
    let delivered = line.tells(json!({ "external_id": "a-1", "status": "delivered" })).await;
    assert_eq!(
        delivered,
        json!({ "message_id": answer.id(), "conversation_id": written["conversation_id"], "status": "delivered" })
    );
    line.tells(json!({ "message_id": answer.id(), "status": "read", "at": "2026-01-05T03:00:00Z" })).await;
    let read = log.until("reading", |event| event["data"]["status"] == "read").await["data"].clone();
    assert_eq!(read["id"], json!(answer.id()));

    let mut reply = message("m-2", "Paket saya belum sampai");
    reply["reply_to_external_id"] = json!("a-1");
    line.deliver(json!({ "messages": [reply] })).await.expect(200);
    let all = app.agent(0).all_messages(&path).await;
    assert_eq!(all[0]["reply_to"]["message_id"], json!(answer.id()));
    let conversation = app.admin().get(&path).await.expect(200);
    assert_eq!(conversation["channel"]["kind"], "api");
    assert_eq!(conversation["reply_window"]["state"], "unlimited");
    assert_eq!(conversation["unread_count"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_callback_messages_wait_for_a_status() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let path = line.held(&app).await;
    let sent = app.agent(0).post(format!("{path}/messages"), text("Baik kak")).await.expect(201);
    app.agent(0).act(format!("{path}/read")).await.expect(200);
    assert_eq!(app.count("jobs"), 0);
    let told = line.tells(json!({ "message_id": sent.id(), "status": "sent" })).await;
    assert_eq!(told["status"], "sent");
    // What has no name goes by ours until it gets one.
    let shown = async || app.agent(0).get(format!("{path}/messages/{}", sent.id())).await.expect(200);
    assert_eq!(shown().await["provider_message_id"], json!(sent.id()));
    let named = json!({ "message_id": sent.id(), "external_id": "a-9", "status": "delivered" });
    assert_eq!(line.tells(named).await["status"], "delivered");
    assert_eq!(shown().await["provider_message_id"], "a-9");
    let second = app.agent(0).post(format!("{path}/messages"), text("Masih di sana?")).await.expect(201);
    let error = json!({ "code": "inactive", "detail": "The customer closed the window." });
    line.tells(json!({ "message_id": second.id(), "status": "failed", "error": error })).await;
    let failed = app.agent(0).get(format!("{path}/messages/{}", second.id())).await.expect(200);
    assert_eq!(
        failed["error"],
        json!({ "code": "delivery_failed", "provider_code": "inactive", "detail": "The customer closed the window." })
    );
    // From now on there is one; what failed can be sent again, by hand.
    let receiver = Receiver::start().await;
    app.admin().patch(line.path(), json!({ "callback_url": receiver.url() })).await.expect(200);
    app.agent(0).act(format!("{path}/messages/{}/retry", second.id())).await.expect(200);
    assert_eq!(handed(&receiver, 1).await[0].json()["message"]["id"], json!(second.id()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reactions_receipts_and_typing_reach_the_callback() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let line = connect(&app, Some(&receiver)).await;
    let path = line.held(&app).await;
    let newest = app.agent(0).all_messages(&path).await.into_iter().find(|one| one["direction"] == "inbound");
    let newest = newest.unwrap();
    app.agent(0).act(format!("{path}/read")).await.expect(200);
    let read = calls(&receiver, "message.read", 1).await.remove(0);
    assert_eq!(read.json()["message"]["provider_message_id"], "m-1");
    app.agent(0).act(format!("{path}/typing")).await.expect(204);
    let typing = calls(&receiver, "conversation.typing", 1).await.remove(0);
    assert_eq!((&typing.json()["message"], typing.is_signed_by(&line.secret)), (&Value::Null, true));
    let place = format!("{path}/messages/{}/reaction", newest["id"].as_str().unwrap());
    app.agent(0).put(&place, json!({ "emoji": "🫶" })).await.expect(200);
    assert_eq!(calls(&receiver, "message.react", 1).await[0].json()["emoji"], "🫶");
    app.agent(0).delete(&place).await.expect(200);
    let both = calls(&receiver, "message.react", 2).await;
    assert_eq!((&both[1].json()["emoji"], &both[1].json()["message"]["id"]), (&Value::Null, &newest["id"]));
    assert!(both.iter().all(|call| call.is_signed_by(&line.secret)));
    assert_ne!(both[0].header("webhook-id"), both[1].header("webhook-id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_customer_is_heard_by_nobody_and_gets_nothing() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let line = connect(&app, Some(&receiver)).await;
    let path = line.held(&app).await;
    let contact = app.admin().get(&path).await.expect(200)["contact"]["id"].as_str().unwrap().to_owned();
    app.admin().act(format!("/v1/contacts/{contact}/block")).await.expect(200);
    let written = line.writes("m-2", "Halo?").await;
    assert_eq!(written["created"], true);
    let conversation = app.admin().get(&path).await.expect(200);
    assert_eq!((&conversation["status"], &conversation["unread_count"]), (&json!("resolved"), &json!(0)));
    app.admin().post(format!("{path}/messages"), text("Maaf")).await.problem(409, "contact_blocked");
    assert!(receiver.received().iter().all(|call| call.json()["type"] != "message.send"));
}
