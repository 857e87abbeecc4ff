//! Endpoints that refuse, hang, lie or are gone.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use harness::receiver::Answer;
use harness::{Receiver, TestApp, eventually};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Endpoint, delivered, label, only_labels};

/// How long after an attempt the next one is to be made.
fn delay(delivery: &Value) -> f64 {
    let time = |value: &Value| -> DateTime<Utc> { value.as_str().unwrap().parse().unwrap() };
    let last = delivery["attempts"].as_array().unwrap().last().unwrap();
    (time(&delivery["next_attempt_at"]) - time(&last["at"])).as_seconds_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_07_after_two_refusals_the_third_attempt_is_the_same_event_with_a_new_time() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Answer::Status(500), Answer::Status(500)]);
    let endpoint = Endpoint::make(&app, &receiver, only_labels()).await;
    label(&app, "Satu").await;
    for (attempt, scheduled) in [(1, 5.0), (2, 300.0)] {
        let delivery = endpoint.attempts(&app, attempt).await;
        let delay = delay(&delivery);
        assert!((delay - scheduled).abs() <= scheduled * 0.2, "{delay} s instead of {scheduled}");
        assert_eq!(delivery["state"], "pending");
        assert_ne!(endpoint.read(&app).await["failing_since"], Value::Null);
        app.advance(TimeDelta::milliseconds((delay * 1000.0) as i64 + 1));
    }
    let delivery = endpoint.attempts(&app, 3).await;
    assert_eq!((&delivery["state"], &delivery["next_attempt_at"]), (&json!("delivered"), &Value::Null));
    let statuses: Vec<_> =
        delivery["attempts"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, [500, 500, 204]);
    let calls = receiver.received();
    let headers =
        |name| calls.iter().map(|call| call.header(name)).collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!((calls.len(), headers("webhook-id"), headers("webhook-timestamp")), (3, 1, 3));
    assert!(calls.iter().all(|call| call.is_signed_by(&endpoint.secret) && call.body == calls[0].body));
    assert_eq!(endpoint.read(&app).await["failing_since"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_08_redirects_are_not_followed_and_who_asks_for_time_gets_it() {
    let app = TestApp::start().await;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    receiver.next([
        Answer::With(301, ("location", elsewhere.url()), String::new()),
        Answer::With(429, ("retry-after", "3600".to_owned()), "slow down".to_owned()),
    ]);
    let endpoint = Endpoint::make(&app, &receiver, only_labels()).await;
    label(&app, "Satu").await;
    let moved = endpoint.attempts(&app, 1).await;
    assert_eq!((&moved["state"], &moved["attempts"][0]["status"]), (&json!("pending"), &json!(301)));
    app.advance(TimeDelta::seconds(6));
    let asked = endpoint.attempts(&app, 2).await;
    assert!((delay(&asked) - 3600.0).abs() < 1.0, "{asked:#}");
    app.advance(TimeDelta::seconds(3601));
    assert_eq!(endpoint.attempts(&app, 3).await["state"], "delivered");
    assert!(elsewhere.received().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_08_who_hangs_breaks_off_or_never_ends_is_given_up_in_time_and_holds_up_nobody() {
    let app = TestApp::options()
        .settings(|settings| settings.times.webhook_total = std::time::Duration::from_millis(500))
        .start()
        .await;
    let [hanging, closing, endless, fine] =
        [Receiver::start().await, Receiver::start().await, Receiver::start().await, Receiver::start().await];
    hanging.always(Answer::Hang);
    closing.always(Answer::Close);
    endless.always(Answer::Endless);
    let hangs = Endpoint::make(&app, &hanging, only_labels()).await;
    let closes = Endpoint::make(&app, &closing, only_labels()).await;
    let never_ends = Endpoint::make(&app, &endless, only_labels()).await;
    Endpoint::make(&app, &fine, only_labels()).await;
    for number in 0..30 {
        label(&app, &format!("Label {number}")).await;
    }
    fine.first(30).await;
    let hung = hangs.tried(&app, 1).await;
    let tried = hung.iter().find(|one| one["attempts"] != json!([])).unwrap();
    assert_eq!((&tried["attempts"][0]["error"], &tried["state"]), (&json!("timed_out"), &json!("pending")));
    assert_eq!(closes.attempts(&app, 1).await["attempts"][0]["error"], "broken_off");
    let ended = never_ends.tried(&app, 30).await;
    let start = ended[0]["attempts"][0]["response_start"].as_str().unwrap();
    assert_eq!((start.len(), &start[..8]), (1024, "moremore"));
    assert!(ended.iter().all(|one| one["state"] == "delivered"), "its status was fine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_08_who_is_gone_is_paused_at_once_and_sent_everything_when_it_is_back() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Answer::Status(410)]);
    let endpoint = Endpoint::make(&app, &receiver, only_labels()).await;
    let mut log = app.follow().await;
    label(&app, "Satu").await;
    let paused = log.until("it is paused", |event| event["type"] == "webhook_endpoint.updated").await;
    assert_eq!(
        (&paused["data"]["active"], &paused["data"]["paused_reason"]),
        (&json!(false), &json!("gone"))
    );
    assert_eq!(paused["actor"]["type"], "system");
    let note = log.until("the admin is notified", |event| event["type"] == "notification.created").await;
    assert_eq!(note["data"]["kind"], "webhook_paused");
    assert!(!note["data"]["text"].as_str().unwrap().contains("/hook"), "{note}");
    for name in ["Dua", "Tiga"] {
        label(&app, name).await;
    }
    app.admin().patch(&endpoint.path, json!({ "active": true })).await.expect(200);
    let calls = receiver.first(4).await;
    let mut names: Vec<_> = calls.iter().map(|call| call.json()["data"]["name"].to_string()).collect();
    names[1..].sort();
    assert_eq!(names, ["\"Satu\"", "\"Dua\"", "\"Satu\"", "\"Tiga\""]);
    let again = calls[1..].iter().find(|call| call.body == calls[0].body).unwrap();
    assert_eq!(again.header("webhook-id"), calls[0].header("webhook-id"));
    delivered(&app, 3).await;
    let one = format!(
        "{}/deliveries/{}/redeliver",
        endpoint.path,
        endpoint.deliveries(&app).await[0]["id"].as_str().unwrap()
    );
    app.admin().act(one).await.expect(202);
    assert_eq!(receiver.first(5).await[4].header("webhook-id"), calls[0].header("webhook-id"));
}

/// Has calls wait for the test, so many at most as are made at once, and more claimed behind them.
async fn hold_calls(app: &TestApp, receiver: &Receiver, answer: u16, name: &str) -> Arc<Semaphore> {
    let leave = Arc::new(Semaphore::new(0));
    receiver.always(Answer::Held(leave.clone(), answer));
    let before = receiver.received().len();
    for number in 0..20 {
        label(app, &format!("{name} {number}")).await;
    }
    receiver.first(before + 16).await;
    eventually("the others are claimed", async || {
        (app.count("webhook_deliveries WHERE state = 'pending' AND tried = 1") == 20).then_some(())
    })
    .await;
    leave
}

async fn patient() -> TestApp {
    TestApp::options()
        .settings(|settings| settings.times.webhook_total = std::time::Duration::from_secs(60))
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_its_turn_goes_where_the_endpoint_is_by_then_signed_with_its_secret() {
    let app = patient().await;
    let (old, new) = (Receiver::start().await, Receiver::start().await);
    let endpoint = Endpoint::make(&app, &old, only_labels()).await;
    let leave = hold_calls(&app, &old, 204, "Label").await;
    app.admin().patch(&endpoint.path, json!({ "url": new.url() })).await.expect(200);
    let rotated = app.admin().act(format!("{}/rotate-secret", endpoint.path)).await.expect(200);
    leave.add_permits(16);
    let moved = new.first(4).await;
    assert!(moved.iter().all(|one| one.is_signed_by(rotated["secret"].as_str().unwrap())));
    delivered(&app, 20).await;
    assert_eq!((old.received().len(), new.received().len()), (16, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_its_turn_is_not_sent_after_a_pause_or_a_deletion() {
    let app = patient().await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::make(&app, &receiver, only_labels()).await;
    let leave = hold_calls(&app, &receiver, 204, "Label").await;
    app.admin().patch(&endpoint.path, json!({ "active": false })).await.expect(200);
    leave.add_permits(100);
    delivered(&app, 16).await;
    let waiting = "webhook_deliveries WHERE state = 'pending' AND tried = 0 AND attempts = '[]'";
    let given_back = async || (app.count(waiting) == 4).then_some(());
    eventually("the others are given back", given_back).await;
    assert_eq!(receiver.received().len(), 16);
    app.admin().patch(&endpoint.path, json!({ "active": true })).await.expect(200);
    receiver.first(20).await;
    delivered(&app, 20).await;
    let leave = hold_calls(&app, &receiver, 204, "Lagi").await;
    app.admin().delete(&endpoint.path).await.expect(204);
    leave.add_permits(100);
    eventually("the others are given back", given_back).await;
    assert_eq!(receiver.received().len(), 36);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_is_not_called_by_what_waits_for_its_turn_and_all_of_it_comes_later() {
    let app = patient().await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::make(&app, &receiver, only_labels()).await;
    let gone = Arc::new(Semaphore::new(0));
    receiver.next([Answer::Held(gone.clone(), 410)]);
    let leave = hold_calls(&app, &receiver, 204, "Label").await;
    gone.add_permits(1);
    eventually("it is paused", async || (endpoint.read(&app).await["paused_reason"] == "gone").then_some(()))
        .await;
    assert_eq!(receiver.received().len(), 16);
    leave.add_permits(100);
    delivered(&app, 15).await;
    assert_eq!(app.count("webhook_deliveries WHERE state = 'pending'"), 5);
    app.admin().patch(&endpoint.path, json!({ "active": true })).await.expect(200);
    delivered(&app, 20).await;
    assert_eq!(receiver.received().len(), 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_being_sent_is_not_sent_twice_because_it_is_to_be_sent_again() {
    let app = patient().await;
    let receiver = Receiver::start().await;
    let leave = Arc::new(Semaphore::new(0));
    receiver.next([Answer::Held(leave.clone(), 204)]);
    let endpoint = Endpoint::make(&app, &receiver, only_labels()).await;
    label(&app, "Satu").await;
    receiver.first(1).await;
    let delivery = endpoint.deliveries(&app).await.remove(0);
    let again = format!("{}/deliveries/{}/redeliver", endpoint.path, delivery["id"].as_str().unwrap());
    let told = app.admin().act(again).await.expect(202);
    assert_eq!(told["next_attempt_at"], delivery["next_attempt_at"]);
    label(&app, "Dua").await;
    delivered(&app, 1).await;
    leave.add_permits(1);
    delivered(&app, 2).await;
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_more_sent_again_than_goes_at_once_is_told_where_to_go_on() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::make(&app, &receiver, only_labels()).await;
    app.admin().patch(&endpoint.path, json!({ "active": false })).await.expect(200);
    app.database.execute(
        "INSERT INTO webhook_deliveries (workspace_id, endpoint_id, id, event_id, event_type, seq, lane, state, created_at)
         SELECT workspace_id, id, gen_random_uuid(), gen_random_uuid(), 'label.created', 1000 + n, gen_random_uuid(), 'failed', created_at
         FROM webhook_endpoints CROSS JOIN generate_series(1, 10001) n",
    );
    let redeliver = format!("{}/redeliver", endpoint.path);
    let range = |from: i64| app.admin().post(&redeliver, json!({ "from_seq": from, "to_seq": 20_000 }));
    let first = range(1).await.expect(202);
    assert_eq!((&first["count"], &first["to_seq"]), (&json!(10_000), &json!(11_000)));
    let rest = range(11_001).await.expect(202);
    assert_eq!((&rest["count"], &rest["to_seq"]), (&json!(1), &json!(20_000)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fails_for_too_long_is_paused_and_a_range_can_be_had_again() {
    let app = TestApp::options()
        .settings(|settings| {
            settings.times.webhook_retries = vec![std::time::Duration::from_secs(600); 2];
            settings.times.webhook_pause_after = std::time::Duration::from_secs(3600);
        })
        .start()
        .await;
    let receiver = Receiver::start().await;
    receiver.always(Answer::Status(500));
    let endpoint = Endpoint::make(&app, &receiver, only_labels()).await;
    let before = app.head(app.team.workspace).await;
    label(&app, "Satu").await;
    for attempt in 1..=3 {
        endpoint.attempts(&app, attempt).await;
        app.advance(TimeDelta::seconds(700));
    }
    let failed = eventually("it is given up", async || {
        endpoint.deliveries(&app).await.into_iter().find(|one| one["state"] == "failed")
    })
    .await;
    assert_eq!(failed["attempts"].as_array().unwrap().len(), 3);
    assert_eq!(endpoint.read(&app).await["active"], true, "not yet");
    app.advance(TimeDelta::hours(1));
    label(&app, "Dua").await;
    eventually("it is paused", async || {
        (endpoint.read(&app).await["paused_reason"] == "failing").then_some(())
    })
    .await;
    let unread = app.admin().get("/v1/notifications?unread=true").await.expect(200);
    assert_eq!(unread["items"][0]["kind"], "webhook_paused");

    receiver.always(Answer::Status(200));
    app.admin().patch(&endpoint.path, json!({ "active": true })).await.expect(200);
    let calls = receiver.received().len();
    let range = json!({ "from_seq": before + 1, "to_seq": before + 1000 });
    let redeliver = format!("{}/redeliver", endpoint.path);
    let again = app.admin().post(&redeliver, range.clone()).await.expect(202);
    assert_eq!(again["count"], 1, "the other one is pending, and tried at once");
    assert_eq!(again["to_seq"], range["to_seq"]);
    eventually("both are delivered", async || {
        (app.count("webhook_deliveries WHERE state = 'delivered'") == 2).then_some(())
    })
    .await;
    assert_eq!(receiver.received().len(), calls + 2);
    assert_eq!(app.admin().post(&redeliver, range.clone()).await.expect(202)["count"], 0);
    let mut everything = range;
    everything["failed_only"] = json!(false);
    assert_eq!(app.admin().post(&redeliver, everything).await.expect(202)["count"], 2);
    receiver.first(calls + 4).await;
    for (from, to) in [(0, 5), (5, 4)] {
        let refused = app.admin().post(&redeliver, json!({ "from_seq": from, "to_seq": to })).await;
        refused.problem(422, "validation_failed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_longer_kept_is_said_to_be_lost() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::make(&app, &receiver, only_labels()).await;
    label(&app, "Satu").await;
    receiver.first(1).await;
    let old = endpoint.tried(&app, 1).await.remove(0);
    app.admin().patch(&endpoint.path, json!({ "active": false })).await.expect(200);
    let paused_at = app.head(app.team.workspace).await;
    label(&app, "Dua").await;
    let forgotten = app.head(app.team.workspace).await;
    app.advance(TimeDelta::days(8));
    label(&app, "Tiga").await;
    api::jobs::housekeeping::forget(app.app()).await.unwrap();
    app.admin().patch(&endpoint.path, json!({ "active": true })).await.expect(200);
    assert_eq!(receiver.first(2).await[1].json()["data"]["name"], "Tiga");
    let lost = endpoint.read(&app).await["lost_events"].clone();
    assert_eq!(lost["to_seq"], json!(forgotten));
    assert!(lost["from_seq"].as_i64().unwrap() <= paused_at, "{lost}");
    let range = json!({ "from_seq": paused_at, "to_seq": forgotten });
    let expired = app.admin().post(format!("{}/redeliver", endpoint.path), range).await;
    let detail = expired.problem(409, "event_expired")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&(forgotten + 1).to_string()), "it says from where on events are kept: {detail}");
    // What was settled then is forgotten with it.
    let path = format!("{}/deliveries/{}", endpoint.path, old["id"].as_str().unwrap());
    app.admin().get(path).await.problem(404, "not_found");
}
