//! What an agent writes reaches the customer, on every kind of channel, and what became of it is told.

use chrono::TimeDelta;
use harness::TestApp;
use serde_json::{Value, json};

use crate::support::{claimed, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_reaches_the_customer_on_every_channel_and_names_what_it_answers() {
    let app = TestApp::with_sandbox().await;
    for (kind, id, last) in [
        ("whatsapp", "6281234567890", "read"),
        ("messenger", "7412583690147258", "read"),
        ("telegram", "7512345678", "sent"),
    ] {
        let customer = app.customer(kind, id);
        let asked = customer.writes("Ongkir ke Malang berapa? 📮").await;
        let path = claimed(&app, &app.agent(0), kind).await;
        let messages = app.agent(0).get(format!("{path}/messages")).await.expect(200);
        let question = messages["items"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(question["text"], "Ongkir ke Malang berapa? 📮");

        // Messenger says up to when all was read, so it must not say it before the message is known as sent.
        customer.is(json!({ "auto": if kind == "messenger" { "none" } else { "read" } })).await;
        let mut log = app.follow().await;
        let body = json!({ "kind": "text", "text": "Rp 18.000 kak 🙏", "reply_to": question["id"] });
        let sent = app.agent(0).post(format!("{path}/messages"), body).await.expect(201);
        assert_eq!(sent["reply_to"]["text"], "Ongkir ke Malang berapa? 📮");
        assert_eq!(customer.receives(1).await, ["Rp 18.000 kak 🙏"]);
        if kind == "messenger" {
            log.until("sent", |event| event["data"]["id"] == sent["id"] && event["data"]["status"] == "sent")
                .await;
            customer.is(json!({ "auto": "delivered" })).await;
            customer.reads().await;
        }
        log.until(last, |event| event["data"]["id"] == sent["id"] && event["data"]["status"] == last).await;
        let received = customer.received().await.remove(0);
        if kind != "messenger" {
            assert_eq!(received["reply_to"], asked["provider_message_id"], "{kind}");
        }
        let now = app.agent(0).get(format!("{path}/messages")).await.expect(200)["items"][0].clone();
        assert_eq!(now["id"], sent["id"]);
        assert!(
            now["provider_message_id"]
                .as_str()
                .unwrap()
                .ends_with(received["provider_message_id"].as_str().unwrap().rsplit(':').next().unwrap())
        );
    }
    assert_eq!(app.count("jobs"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_reply_window_refuses_before_the_provider_is_asked() {
    let app = TestApp::with_sandbox().await;
    app.customer("whatsapp", "6281234567890").writes("Halo").await;
    let path = claimed(&app, &app.agent(0), "whatsapp").await;
    app.customer("telegram", "7512345678").writes("Halo").await;
    let telegram = claimed(&app, &app.agent(0), "telegram").await;

    app.advance(TimeDelta::hours(24) - TimeDelta::seconds(2));
    let sent = app.agent(0).post(format!("{path}/messages"), text("masih bisa")).await.expect(201);
    assert_eq!(app.customer("whatsapp", "6281234567890").receives(1).await, ["masih bisa"]);
    let mut log = app.follow().await;
    let _ = log.rest().await;

    app.advance(TimeDelta::seconds(3));
    let conversation = app.agent(0).get(&path).await.expect(200);
    assert_eq!(conversation["reply_window"]["state"], "closed");
    assert!(!conversation["reply_window"]["allowed"].to_string().contains("text"));
    app.faults(json!([{ "target": "send", "action": { "type": "drop" } }])).await;
    let settled = app.agent(0).get(format!("{path}/messages")).await.expect(200);
    assert_eq!(settled["items"][0]["id"], sent["id"]);
    let before = app.count("messages");
    let refused = app.agent(0).post(format!("{path}/messages"), text("terlambat")).await;
    let refused = refused.problem(409, "reply_window_closed");
    assert!(refused["detail"].as_str().unwrap().contains("template"), "{}", refused["detail"]);
    assert_eq!(app.count("messages"), before);
    assert_eq!(app.faults_used().await, [0], "the provider was asked");

    app.no_faults().await;
    app.advance(TimeDelta::days(30));
    app.agent(0).post(format!("{telegram}/messages"), text("tetap bisa")).await.expect(201);
    assert_eq!(app.customer("telegram", "7512345678").receives(1).await, ["tetap bisa"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replying_to_what_nobody_holds_takes_it_and_resolved_ones_begin_anew() {
    let app = TestApp::with_sandbox().await;
    let customer = app.customer("whatsapp", "6281234567890");
    customer.writes("Halo").await;
    let waiting = app.agent(0).get("/v1/conversations?tab=unassigned").await.expect(200);
    let path = format!("/v1/conversations/{}", waiting["items"][0]["id"].as_str().unwrap());
    app.agent(0).post(format!("{path}/messages"), text("Halo juga")).await.expect(201);
    let taken = app.agent(0).get(&path).await.expect(200);
    assert_eq!((&taken["assignee"]["id"], &taken["unread_count"]), (&json!(app.agent(0).id()), &json!(0)));
    let first = taken["ticket_id"].clone();
    let ticket = app.agent(0).get(format!("/v1/tickets/{}", first.as_str().unwrap())).await.expect(200);
    assert_eq!((&ticket["status"], &ticket["holders"][0]["reason"]), (&json!("answered"), &json!("replied")));

    app.agent(0).act(format!("{path}/resolve")).await.expect(200);
    app.agent(1).post(format!("{path}/messages"), text("Satu lagi, kak")).await.expect(201);
    let again = app.agent(1).get(&path).await.expect(200);
    assert_eq!(again["assignee"]["id"], app.agent(1).id());
    assert_ne!(again["ticket_id"], first);
    assert_ne!(again["ticket_id"], Value::Null);
    assert_eq!(customer.receives(2).await, ["Halo juga", "Satu lagi, kak"]);
}
