//! Callbacks that refuse, hang and come back.

use std::time::Duration;

use chrono::TimeDelta;
use harness::receiver::Answer;
use harness::{Receiver, TestApp, eventually};
use serde_json::{Value, json};

use super::{Line, connect, handed, message};
use crate::support::text;

async fn begin() -> (TestApp, Receiver, Line, String) {
    let app = TestApp::options()
        .settings(|settings| settings.times.webhook_total = Duration::from_millis(500))
        .start()
        .await;
    let receiver = Receiver::start().await;
    let line = connect(&app, Some(&receiver)).await;
    let path = line.held(&app).await;
    (app, receiver, line, path)
}

async fn send(app: &TestApp, path: &str, words: &str) -> String {
    app.agent(0).post(format!("{path}/messages"), text(words)).await.expect(201).id()
}

async fn status(app: &TestApp, path: &str, id: &str) -> Value {
    app.agent(0).get(format!("{path}/messages/{id}")).await.expect(200)["status"].clone()
}

/// Waits until an attempt with this number has been settled and the next one waits.
async fn postponed(app: &TestApp, attempts: u32) {
    eventually("a postponement", || async {
        let waits = format!("jobs WHERE attempts = {attempts} AND claimed_until IS NULL");
        (app.count(&waits) == 1).then_some(())
    })
    .await;
}

fn words(calls: &[harness::receiver::Received]) -> Vec<String> {
    calls.iter().map(|call| call.json()["message"]["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_fails_is_called_again_and_the_others_wait_in_line() {
    let (app, receiver, line, path) = begin().await;
    receiver.next([Answer::Status(500), Answer::Close, Answer::Status(302)]);
    let first = send(&app, &path, "satu").await;
    postponed(&app, 1).await;
    let second = send(&app, &path, "dua").await;
    for (attempt, wait) in [(2, TimeDelta::seconds(6)), (3, TimeDelta::minutes(6))] {
        app.advance(wait);
        postponed(&app, attempt).await;
    }
    assert_eq!(words(&handed(&receiver, 3).await), ["satu", "satu", "satu"]);
    assert_eq!([status(&app, &path, &first).await, status(&app, &path, &second).await], ["queued", "queued"]);
    app.advance(TimeDelta::minutes(34));
    let calls = handed(&receiver, 5).await;
    assert_eq!(words(&calls), ["satu", "satu", "satu", "satu", "dua"]);
    let ids: Vec<_> = calls.iter().map(|call| call.header("webhook-id")).collect();
    assert!(ids[..4].iter().all(|id| *id == ids[0]) && ids[4] != ids[0]);
    assert!(calls.iter().all(|call| call.is_signed_by(&line.secret)));
    assert_ne!(calls[0].header("webhook-timestamp"), calls[1].header("webhook-timestamp"));
    eventually("both sent", || async {
        let both = [status(&app, &path, &first).await, status(&app, &path, &second).await];
        (both == ["sent", "sent"]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_left_alone_as_long_as_it_asks_and_given_up_after_ten_attempts() {
    let (app, receiver, line, path) = begin().await;
    receiver.next([Answer::With(503, ("retry-after", "600".to_owned()), String::new())]);
    receiver.always(Answer::Status(500));
    let id = send(&app, &path, "satu").await;
    postponed(&app, 1).await;
    // Its own schedule would be over by now. A worker that looks for work finds only what another customer is answered.
    app.advance(TimeDelta::seconds(599));
    let mut other = message("m-9", "Halo");
    other["contact"]["external_id"] = json!("u-9");
    let other = line.deliver(json!({ "messages": [other] })).await.expect(200);
    let other = format!("/v1/conversations/{}", other["messages"][0]["conversation_id"].as_str().unwrap());
    receiver.next([Answer::Status(204)]);
    app.agent(0).post(format!("{other}/messages"), text("penanda")).await.expect(201);
    assert_eq!(words(&handed(&receiver, 2).await), ["satu", "penanda"]);
    app.advance(TimeDelta::seconds(1));
    postponed(&app, 2).await;
    for attempt in 3..10 {
        app.advance(TimeDelta::hours(27));
        postponed(&app, attempt).await;
    }
    app.advance(TimeDelta::hours(27));
    eventually("the end", || async { (status(&app, &path, &id).await == "failed").then_some(()) }).await;
    assert_eq!(handed(&receiver, 11).await.len(), 1 + 10);
    let message = app.agent(0).get(format!("{path}/messages/{id}")).await.expect(200);
    assert_eq!(
        (&message["error"]["code"], &message["error"]["provider_code"]),
        (&json!("callback_failed"), &json!("http_500"))
    );
    // By hand it begins anew, under another id: the receiver has not had this one.
    receiver.always(Answer::Status(204));
    app.agent(0).act(format!("{path}/messages/{id}/retry")).await.expect(200);
    let calls = handed(&receiver, 12).await;
    assert_ne!(calls[11].header("webhook-id"), calls[10].header("webhook-id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_does_not_accept_fails_and_the_next_goes_on() {
    let (app, receiver, _line, path) = begin().await;
    receiver.next([Answer::With(
        422,
        ("content-type", "text/plain".to_owned()),
        "Terlalu panjang".to_owned(),
    )]);
    let (first, second) = (send(&app, &path, "satu").await, send(&app, &path, "dua").await);
    eventually("both settled", || async {
        let both = [status(&app, &path, &first).await, status(&app, &path, &second).await];
        (both == ["failed", "sent"]).then_some(())
    })
    .await;
    let message = app.agent(0).get(format!("{path}/messages/{first}")).await.expect(200);
    assert_eq!(message["error"]["code"], "callback_rejected");
    assert_eq!(message["error"]["provider_code"], "http_422");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_whose_callback_turns_us_away_waits_for_an_admin() {
    for refusal in [401, 403, 410] {
        let (app, receiver, line, path) = begin().await;
        receiver.next([Answer::Status(refusal)]);
        let id = send(&app, &path, "satu").await;
        let stopped = eventually("the channel stops", || async {
            let channel = app.admin().get(line.path()).await.expect(200);
            (channel["status"]["state"] == "needs_attention").then_some(channel)
        })
        .await;
        assert!(stopped["status"]["detail"].as_str().unwrap().contains(&format!("http_{refusal}")));
        assert_eq!(status(&app, &path, &id).await, "queued");
        let notices = app.admin().all("/v1/notifications").await;
        assert!(notices.iter().any(|notice| notice["kind"] == "channel_attention"));
        // The same callback again says that it has been seen to.
        let repaired =
            app.admin().patch(line.path(), json!({ "callback_url": receiver.url() })).await.expect(200);
        assert_eq!(repaired["status"], json!({ "state": "connected", "detail": null }));
        assert_eq!(words(&handed(&receiver, 2).await), ["satu", "satu"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_15_a_lost_answer_is_no_doubt_since_the_receiver_drops_repeats() {
    let (app, receiver, line, path) = begin().await;
    receiver.next([Answer::Hang, Answer::Hang]);
    let id = send(&app, &path, "satu").await;
    postponed(&app, 1).await;
    assert_eq!(status(&app, &path, &id).await, "queued");
    // It came all the same, and its status overtakes the answer.
    let told = line.tells(json!({ "message_id": id, "external_id": "a-1", "status": "delivered" })).await;
    assert_eq!(told["status"], "delivered");
    app.advance(TimeDelta::seconds(6));
    eventually("the job's end", || async { (app.count("jobs") == 0).then_some(()) }).await;
    assert_eq!(handed(&receiver, 1).await.len(), 1, "it is known to be there");
    let message = app.agent(0).get(format!("{path}/messages/{id}")).await.expect(200);
    assert_eq!((&message["status"], &message["provider_message_id"]), (&json!("delivered"), &json!("a-1")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_comes_during_the_call_is_not_undone_by_its_answer() {
    let (app, receiver, line, path) = begin().await;
    let name = json!({ "external_id": "a-1" }).to_string();
    let fine = || Answer::With(200, ("content-type", "application/json".to_owned()), name.clone());
    receiver.next([Answer::Hang]);
    let first = send(&app, &path, "satu").await;
    handed(&receiver, 1).await;
    assert_eq!(line.tells(json!({ "message_id": first, "status": "read" })).await["status"], "read");
    eventually("the job's end", || async { (app.count("jobs") == 0).then_some(()) }).await;
    assert_eq!(status(&app, &path, &first).await, "read");
    // Two messages cannot have one name: the second goes by ours.
    receiver.next([fine(), fine()]);
    let (second, third) = (send(&app, &path, "dua").await, send(&app, &path, "tiga").await);
    eventually("both sent", || async {
        let both = [status(&app, &path, &second).await, status(&app, &path, &third).await];
        (both == ["sent", "sent"]).then_some(())
    })
    .await;
    let names: Vec<_> = [&second, &third].map(|id| format!("{path}/messages/{id}")).into();
    let mut shown = Vec::new();
    for path in names {
        shown.push(app.agent(0).get(path).await.expect(200)["provider_message_id"].clone());
    }
    assert_eq!(shown, [json!("a-1"), json!(third)]);
}

/// So many new customers of a line write, and agent 0 answers each.
async fn answered(app: &TestApp, line: &Line, customers: usize) {
    let written = |at: usize| {
        let mut one = message(&format!("n-{at}"), "Halo");
        one["contact"]["external_id"] = json!(format!("n-{at}"));
        one
    };
    let messages: Vec<Value> = (0..customers).map(written).collect();
    let delivered = line.deliver(json!({ "messages": messages })).await.expect(200);
    for one in delivered["messages"].as_array().unwrap() {
        let path = format!("/v1/conversations/{}", one["conversation_id"].as_str().unwrap());
        app.agent(0).act(format!("{path}/claim")).await.expect(200);
        send(app, &path, "Baik kak").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_hangs_holds_up_only_its_own_customers() {
    // It hangs as long as the test takes.
    let app = TestApp::options()
        .settings(|settings| settings.times.webhook_total = Duration::from_secs(600))
        .start()
        .await;
    let (hanging, fine) = (Receiver::start().await, Receiver::start().await);
    let (slow, other) = (connect(&app, Some(&hanging)).await, connect(&app, Some(&fine)).await);
    hanging.always(Answer::Hang);
    answered(&app, &slow, 70).await;
    handed(&hanging, 16).await;
    answered(&app, &other, 20).await;
    handed(&fine, 20).await;
    assert_eq!(handed(&hanging, 16).await.len(), 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_hung_is_called_again_for_the_others() {
    let (app, receiver, line, _path) = begin().await;
    receiver.next(vec![Answer::Hang; 16]);
    answered(&app, &line, 40).await;
    handed(&receiver, 40).await;
    eventually("those that it took", || async {
        (app.count("messages WHERE status = 'sent'") == 24).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_when_the_callback_was_taken_away_goes_to_the_next_one() {
    let (app, receiver, line, path) = begin().await;
    receiver.next([Answer::Status(500)]);
    let id = send(&app, &path, "satu").await;
    postponed(&app, 1).await;
    app.admin().patch(line.path(), json!({ "callback_url": null })).await.expect(200);
    app.advance(TimeDelta::minutes(1));
    // A worker that looks for work finds only what another channel has.
    let other_receiver = Receiver::start().await;
    let other = connect(&app, Some(&other_receiver)).await;
    send(&app, &other.held(&app).await, "penanda").await;
    handed(&other_receiver, 1).await;
    eventually("nothing under way", || async {
        (app.count("jobs WHERE claimed_until IS NOT NULL") == 0).then_some(())
    })
    .await;
    assert_eq!((status(&app, &path, &id).await, handed(&receiver, 1).await.len()), (json!("queued"), 1));

    app.admin().patch(line.path(), json!({ "callback_url": receiver.url() })).await.expect(200);
    let calls = handed(&receiver, 2).await;
    assert_eq!(calls[1].json()["message"]["id"], json!(id));
    assert_eq!(calls[1].header("webhook-id"), calls[0].header("webhook-id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_an_end_is_an_answer() {
    let (app, receiver, _line, path) = begin().await;
    receiver.next([Answer::Endless]);
    let id = send(&app, &path, "satu").await;
    eventually("sending", || async { (status(&app, &path, &id).await == "sent").then_some(()) }).await;
}
