//! Somebody is told before the reply window closes: once for each message of the customer, while there is a session.

use chrono::TimeDelta;
use harness::{Follower, TestApp, eventually};
use serde_json::{Value, json};

const CLOSING: &str = "conversation.reply_window_closing";

async fn warn(app: &TestApp, minutes: Value) {
    let path = "/v1/settings/messaging";
    let mut body = app.admin().get(path).await.expect(200).json;
    body.as_object_mut().unwrap().remove("version");
    body["reply_window_warning_minutes"] = minutes;
    app.admin().put(path, body).await.expect(200);
}

/// What was warned of so far, in order, once no warning is due any more.
async fn warned(app: &TestApp, log: &mut Follower) -> Vec<Value> {
    eventually("no timer that is due", || async {
        let now = app.clock.now();
        (app.count(&format!("timers WHERE state = 'armed' AND due_at <= '{now}'")) == 0).then_some(())
    })
    .await;
    let told = log.rest().await.iter().filter(|event| event["type"] == CLOSING);
    told.map(|event| event["data"]["contact"]["phone"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_once_and_a_message_moves_it() {
    let app = TestApp::start().await;
    let mut log = app.follow().await;
    let (ani, budi, citra) = ("6281200000001", "6281200000002", "6281200000003");
    // Before it is set, and after.
    app.conversation(ani, "Halo").await;
    warn(&app, json!(60)).await;
    let (budis, citras) = (app.conversation(budi, "Halo").await, app.conversation(citra, "Halo").await);
    let timers = app.admin().get(format!("/v1/conversations/{budis}/timers")).await.expect(200);
    let timer = timers["items"].as_array().unwrap().iter().find(|one| one["kind"] == "reply_window_warning");
    assert_eq!(timer.unwrap()["cancelled_by"], json!(["customer_message", "resolve", "setting_off"]));
    app.admin().act(format!("/v1/conversations/{citras}/claim")).await.expect(200);
    app.admin().act(format!("/v1/conversations/{citras}/resolve")).await.expect(200);

    app.advance(TimeDelta::hours(22));
    app.conversation(budi, "Masih ada?").await;
    app.advance(TimeDelta::minutes(59) + TimeDelta::seconds(59));
    assert_eq!(warned(&app, &mut log).await, [] as [Value; 0]);
    // Another process takes over: what is due is a row.
    let node = app.node(|_| {}).await;
    app.advance(TimeDelta::seconds(1));
    node.app().router.notify_one();
    assert_eq!(warned(&app, &mut log).await, [ani]);
    app.advance(TimeDelta::minutes(30));
    app.conversation(ani, "Halo lagi").await;
    app.advance(TimeDelta::hours(23));
    assert_eq!(warned(&app, &mut log).await, [ani, ani], "his window had closed while nobody looked");
    let event = log.rest().await.iter().rfind(|event| event["type"] == CLOSING).unwrap().clone();
    assert_eq!(event["data"]["reply_window"]["state"], "open");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_of_who_is_shut_out_or_when_it_is_switched_off() {
    let app = TestApp::start().await;
    let mut log = app.follow().await;
    warn(&app, json!(60)).await;
    app.conversation("6281200000001", "Halo").await;
    app.database.execute("UPDATE contacts SET blocked_at = now()");
    app.advance(TimeDelta::hours(23));
    assert_eq!(warned(&app, &mut log).await, [] as [Value; 0]);
    app.database.execute("UPDATE contacts SET blocked_at = NULL");
    app.conversation("6281200000002", "Halo").await;
    warn(&app, Value::Null).await;
    assert_eq!(app.count("timers"), 1, "only the one that has acted");
    app.advance(TimeDelta::hours(23));
    assert_eq!(warned(&app, &mut log).await, [] as [Value; 0]);
    // What has acted does not act again, though it is switched on again; what runs does.
    warn(&app, json!(1440)).await;
    assert_eq!(warned(&app, &mut log).await, ["6281200000002"]);
}
