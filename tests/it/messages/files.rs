//! Files on their way to a customer: handed over once, whatever breaks, and by nobody but their owner.

use chrono::TimeDelta;
use diesel::Connection;
use domain::id::MessageId;
use harness::{Customer, TestApp, eventually};
use persistence::jobs;
use serde_json::{Value, json};

use super::samples::{CHANNELS, held, received, sample, upload};
use crate::support::text;

async fn picture(app: &TestApp, path: &str, caption: &str) -> String {
    let id = upload(&app.agent(0), &sample("foto.jpg")).await;
    let mut body = json!({ "kind": "image", "attachment_id": id });
    if !caption.is_empty() {
        body["caption"] = json!(caption);
    }
    app.agent(0).post(format!("{path}/messages"), body).await.expect(201).id()
}

async fn status(app: &TestApp, path: &str, id: &str) -> Value {
    app.agent(0).get(format!("{path}/messages/{id}")).await.expect(200)["status"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_conversation_with_files_keeps_its_order() {
    let app = TestApp::with_sandbox().await;
    for channel in CHANNELS {
        let (customer, path) = held(&app, channel).await;
        let send = |body: Value| app.agent(0).post(format!("{path}/messages"), body);
        let pdf = upload(&app.agent(0), &sample("faktur.pdf")).await;
        let asked = customer.writes("Ada fakturnya?").await;
        let question = app.agent(0).get(format!("{path}/messages")).await.expect(200)["items"][0].clone();
        assert_eq!(question["text"], "Ada fakturnya?");
        let _ = send(text("Sebentar ya")).await.expect(201);
        let answer = json!({ "kind": "document", "attachment_id": pdf, "reply_to": question["id"] });
        let _ = send(answer).await.expect(201);
        picture(&app, &path, "").await;
        let _ = send(text("Sudah ya kak")).await.expect(201);
        received(&customer, 4).await;
        let all = customer.received().await;
        let names: Vec<&str> =
            all.iter().map(|one| one["file"]["filename"].as_str().unwrap_or("-")).collect();
        assert_eq!(names, ["-", "faktur.pdf", "foto.jpg", "-"], "{channel:?}");
        if channel.0 != "messenger" {
            assert_eq!(all[1]["reply_to"], asked["provider_message_id"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_breaks_is_tried_again_and_leaves_no_doubt() {
    let app = TestApp::with_sandbox().await;
    for channel in [CHANNELS[0], CHANNELS[1]] {
        let (customer, path) = held(&app, channel).await;
        for (break_it, tried) in [
            (json!({ "type": "drop" }), 1),
            (json!({ "type": "accept_then_hang", "ms": 20 }), 2),
            (json!({ "type": "server_error_html" }), 3),
            (json!({ "type": "rate_limit" }), 4),
        ] {
            app.faults(json!([{ "target": "upload", "times": 1, "action": break_it }])).await;
            let id = picture(&app, &path, "").await;
            eventually("the postponement", || async {
                (app.count("jobs WHERE attempts = 1 AND claimed_until IS NULL AND due_at > created_at") == 1)
                    .then_some(())
            })
            .await;
            assert_eq!(status(&app, &path, &id).await, "queued");
            assert_eq!(customer.received().await.len(), tried - 1);
            app.advance(TimeDelta::seconds(3));
            assert_eq!(received(&customer, tried).await["file"]["filename"], "foto.jpg");
        }
        app.no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_file_fails_with_advice_and_can_be_sent_again() {
    let app = TestApp::with_sandbox().await;
    let (customer, path) = held(&app, CHANNELS[0]).await;
    let mut log = app.follow().await;
    let refuse = json!({ "type": "refuse", "status": 400, "code": 131053 });
    app.faults(json!([{ "target": "upload", "times": 1, "action": refuse }])).await;
    let id = picture(&app, &path, "Ini kak").await;
    let failed = log.until("failure", |event| event["data"]["status"] == "failed").await["data"].clone();
    assert_eq!((&failed["id"], &failed["error"]["code"]), (&json!(id), &json!("media_rejected")));
    assert!(customer.received().await.is_empty());
    let _ = app.agent(0).act(format!("{path}/messages/{id}/retry")).await.expect(200);
    assert_eq!(received(&customer, 1).await["text"], "Ini kak");
}

/// The claim of a process that then dies, made before any living worker can: its channel waits meanwhile.
async fn claim_and_die(app: &TestApp, path: &str, lives: TimeDelta) -> String {
    app.database.execute("UPDATE channels SET state = 'needs_attention'");
    let id = picture(app, path, "").await;
    let now = app.clock.now();
    let claimed = app
        .database
        .connect()
        .transaction::<_, persistence::error::StoreError, _>(|conn| {
            diesel::RunQueryDsl::execute(diesel::sql_query("UPDATE channels SET state = 'connected'"), conn)?;
            jobs::claim_sends(conn, &jobs::UnderWay::new(), now, now.plus(lives), 10)
        })
        .unwrap();
    assert_eq!(claimed[0].message_id, id.parse::<MessageId>().unwrap());
    id
}

async fn nothing_more(app: &TestApp, customer: &Customer, count: usize) {
    eventually("that nothing waits", || async { (app.count("jobs") == 0).then_some(()) }).await;
    assert_eq!(customer.received().await.len(), count);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_15_a_process_that_died_with_a_file_sends_at_most_one_message() {
    let app = TestApp::with_sandbox().await;
    let lives = TimeDelta::seconds(60);
    for channel in CHANNELS {
        let (customer, path) = held(&app, channel).await;
        // Before its file was handed over: nothing can have been sent, so it is.
        let id = claim_and_die(&app, &path, lives).await;
        app.advance(lives);
        let telegram = channel.0 == "telegram";
        // Telegram takes file and message in one call, of which nobody knows the end.
        let sent = usize::from(!telegram);
        nothing_more(&app, &customer, sent).await;
        assert_eq!(status(&app, &path, &id).await == "unknown", telegram, "{channel:?}");
        if telegram {
            continue;
        }
        // Messenger tells of all that was sent until a moment that it was read: the next one is sent after that.
        eventually("that it was read", || async { (status(&app, &path, &id).await == "read").then_some(()) })
            .await;
        app.advance(TimeDelta::seconds(1));
        // Between its file and its message, or later: nobody knows.
        let id = claim_and_die(&app, &path, lives).await;
        let attachments = "UPDATE attachments SET provider_media_id = 'x', provider_media_expires_at = now() + interval '9 years'";
        app.database.execute(&format!("{attachments} WHERE message_id = '{id}'"));
        app.advance(lives);
        nothing_more(&app, &customer, sent).await;
        assert_eq!(status(&app, &path, &id).await, "unknown");
        // By hand it is sent, with a fresh copy of the file.
        let _ = app.agent(0).act(format!("{path}/messages/{id}/retry")).await.expect(200);
        nothing_more(&app, &customer, sent + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_sent_once_by_its_owner_and_repeats_must_be_the_same() {
    let app = TestApp::with_sandbox().await;
    let (_, path) = held(&app, CHANNELS[0]).await;
    let messages = format!("{path}/messages");
    let mine = upload(&app.agent(0), &sample("foto.jpg")).await;
    let theirs = upload(&app.agent(1), &sample("foto.jpg")).await;
    let strangers = upload(&app.another_team("dua").await.agent(0), &sample("foto.jpg")).await;
    let body =
        |id: &str, kind: &str| json!({ "kind": kind, "attachment_id": id, "client_message_id": "k-1" });
    let rows = app.database.snapshot();
    for (id, kind, code) in [
        (theirs.as_str(), "image", "unknown"),
        (&strangers, "image", "unknown"),
        (crate::walks::NOBODY, "image", "unknown"),
        (&mine, "document", "wrong_kind"),
    ] {
        let refused = app.agent(0).post(&messages, body(id, kind)).await.problem(422, "validation_failed");
        let error = &refused["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/attachment_id"), &json!(code)));
    }
    assert_eq!(app.database.snapshot(), rows);
    let first = app.agent(0).post(&messages, body(&mine, "image")).await.expect(201);
    assert_eq!(app.agent(0).post(&messages, body(&mine, "image")).await.expect(201).id(), first.id());
    let other = upload(&app.agent(0), &sample("foto.jpg")).await;
    for changed in [body(&other, "image"), {
        let mut captioned = body(&mine, "image");
        captioned["caption"] = json!("Lain");
        captioned
    }] {
        let refused = app.agent(0).post(&messages, changed).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], "/client_message_id");
    }
    let mut again = body(&mine, "image");
    again["client_message_id"] = json!("k-2");
    let refused = app.agent(0).post(&messages, again).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["code"], "already_sent");
    assert_eq!(app.count("messages WHERE direction = 'outbound'"), 1);
}
