//! In order per conversation, whatever fails, and whoever dies.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use harness::receiver::{Answer, Received};
use harness::{Receiver, TestApp, eventually};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Endpoint, delivered, only_labels};
use crate::support::text;

/// The numbers of what was sent, by conversation, each as it first came.
fn by_conversation(calls: &[Received]) -> BTreeMap<String, Vec<i64>> {
    let mut found: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for call in calls {
        let event: Value = call.json();
        let numbers = found.entry(event["conversation_id"].to_string()).or_default();
        let seq = event["seq"].as_i64().unwrap();
        if !numbers.contains(&seq) {
            numbers.push(seq);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_in_one_conversation_comes_in_order_though_every_third_call_fails() {
    // No claim is to run out while the clock is put forward.
    let patient = Duration::from_secs(24 * 3600);
    let app = TestApp::options()
        .sandbox()
        .settings(move |settings| settings.times.webhook_total = patient)
        .start()
        .await;
    let receiver = Receiver::start().await;
    let answer = |number: usize| if number % 3 == 1 { Answer::Status(503) } else { Answer::Status(200) };
    receiver.next((0..400).map(answer));
    Endpoint::make(&app, &receiver, json!({ "event_types": ["message.created"] })).await;
    let admin = app.admin();
    let mut paths = Vec::new();
    for customer in ["6281234567890", "6281234567891", "6281234567892"] {
        paths.push(format!("/v1/conversations/{}/messages", app.conversation(customer, "Halo").await));
    }
    for round in 0..10 {
        for path in &paths {
            admin.post(path, text(&format!("Balasan {round}"))).await.expect(201);
        }
    }
    let messages = app.count("events WHERE type = 'message.created'");
    let heard = Cell::new(0);
    eventually("everything is delivered", async || {
        // By less, in all, than after which an endpoint that fails is paused, and only while nothing comes.
        let calls = receiver.received().len();
        if heard.replace(calls) == calls {
            app.advance(TimeDelta::minutes(1));
        }
        (app.count("webhook_deliveries WHERE state = 'delivered'") == messages).then_some(())
    })
    .await;
    let calls = receiver.received();
    assert!(i64::try_from(calls.len()).unwrap() > messages, "some failed");
    let by_conversation = by_conversation(&calls);
    assert_eq!(by_conversation.len(), 3);
    for numbers in by_conversation.values() {
        assert!(numbers.len() > 10 && numbers.is_sorted(), "{numbers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_process_died_is_made_again_with_the_same_id() {
    let mut app = TestApp::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Answer::Hang]);
    Endpoint::make(&app, &receiver, only_labels()).await;
    super::label(&app, "Satu").await;
    let first = receiver.first(1).await.remove(0);
    let node = app.node(|_| {}).await;
    app.stop().await;
    // Longer than the claim of who is no longer there.
    app.clock.advance(TimeDelta::hours(2));
    node.app().webhooks.changed_by_hand();
    let again = receiver.first(2).await.remove(1);
    assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
    delivered(&app, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_when_the_call_was_made_again_changes_nothing() {
    let app = TestApp::options()
        .settings(|settings| settings.times.webhook_total = Duration::from_secs(60))
        .start()
        .await;
    let receiver = Receiver::start().await;
    let late = Arc::new(Semaphore::new(0));
    receiver.next([Answer::Held(late.clone(), 500)]);
    let endpoint = Endpoint::make(&app, &receiver, only_labels()).await;
    super::label(&app, "Satu").await;
    receiver.first(1).await;
    app.advance(TimeDelta::hours(2));
    delivered(&app, 1).await;
    late.add_permits(1);
    super::label(&app, "Dua").await;
    delivered(&app, 2).await;
    let first = endpoint.deliveries(&app).await.remove(0);
    assert_eq!((&first["state"], first["attempts"].as_array().unwrap().len()), (&json!("delivered"), 1));
    assert_eq!(first["attempts"][0]["status"], 204);
}
