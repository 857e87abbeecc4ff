//! Reactions, receipts and typing, on every kind of channel.

use chrono::TimeDelta;
use harness::{Customer, StreamClient, TestApp, eventually};
use serde_json::{Value, json};

use super::samples::{CHANNELS, held, received};
use crate::support::text;

/// The customer's first message, as the team sees it.
async fn first(app: &TestApp, path: &str) -> String {
    let list = app.agent(0).get(format!("{path}/messages?limit=100")).await.expect(200);
    let items = list["items"].as_array().unwrap().clone();
    let inbound = items.iter().rev().find(|one| one["direction"] == "inbound").unwrap();
    inbound["id"].as_str().unwrap().to_owned()
}

/// What the business put on the customer's first message, once it is this.
async fn shows(customer: &Customer, emoji: Value) {
    eventually(&format!("{emoji} at the customer"), || async {
        (customer.chat("").await[0]["reaction"] == emoji).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_team_has_one_reaction_on_a_message_and_the_customer_sees_it() {
    let app = TestApp::with_sandbox().await;
    for channel in CHANNELS {
        let (customer, path) = held(&app, channel).await;
        let message = format!("{path}/messages/{}", first(&app, &path).await);
        let reaction = format!("{message}/reaction");
        let react = |emoji: &str| app.agent(0).put(&reaction, json!({ "emoji": emoji }));
        let mut log = app.follow().await;
        let put = react("👍").await.expect(200);
        assert_eq!(
            (&put["reactions"][0]["emoji"], &put["reactions"][0]["author_id"]),
            (&json!("👍"), &json!(app.agent(0).id()))
        );
        log.until("the reaction", |event| event["data"]["reactions"] == put["reactions"]).await;
        shows(&customer, json!("👍")).await;

        let again = react("👍").await.expect(200);
        assert_eq!(again["version"], put["version"], "the same again is nothing new");
        // The admin puts another there: it replaces the first.
        let other = app.admin().put(&reaction, json!({ "emoji": "❤️" })).await.expect(200);
        let expected = if channel.0 == "telegram" { "❤" } else { "❤️" };
        assert_eq!(other["reactions"].as_array().unwrap().len(), 1);
        assert_eq!(other["reactions"][0]["author_id"], app.admin().id());
        shows(&customer, json!(expected)).await;
        let none = app.agent(0).delete(&reaction).await.expect(200);
        assert_eq!(none["reactions"], json!([]));
        shows(&customer, Value::Null).await;
        let head = app.head(app.workspace).await;
        let _ = app.agent(0).delete(&reaction).await.expect(200);
        assert_eq!(app.head(app.workspace).await, head);

        for wrong in ["", "ok", "👍👍", " 👍"] {
            let refused = react(wrong).await.problem(422, "validation_failed");
            assert_eq!(refused["errors"][0]["pointer"], "/emoji");
        }
        assert_eq!(react("🇮🇩").await.status, if channel.0 == "telegram" { 422 } else { 200 });
    }
    assert_eq!(app.count("messages WHERE direction = 'outbound'"), 0, "a reaction is no message");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reaction_is_put_on_what_the_provider_has_while_it_may_be() {
    let app = TestApp::with_sandbox().await;
    let (customer, path) = held(&app, CHANNELS[0]).await;
    let emoji = json!({ "emoji": "👍" });
    let list = app.agent(0).get(format!("{path}/messages")).await.expect(200);
    let items = list["items"].as_array().unwrap();
    let note = items.iter().find(|one| one["direction"] == "system").unwrap();
    let on = |id: &str| format!("{path}/messages/{id}/reaction");
    let on_note = on(note["id"].as_str().unwrap());
    app.agent(0).put(&on_note, emoji.clone()).await.problem(409, "not_reactable");
    app.agent(1).put(on(&first(&app, &path).await), emoji.clone()).await.problem(403, "forbidden");
    app.narrow_agent().put(on(&first(&app, &path).await), emoji.clone()).await.problem(404, "not_found");
    let (_, elsewhere) = held(&app, CHANNELS[2]).await;
    app.agent(0).put(on(&first(&app, &elsewhere).await), emoji.clone()).await.problem(404, "not_found");

    // Our own message can be reacted to once the provider has it.
    let sent = app.agent(0).post(format!("{path}/messages"), text("Siap")).await.expect(201).id();
    received(&customer, 1).await;
    eventually("that it is sent", || async { (app.count("jobs") == 0).then_some(()) }).await;
    let _ = app.agent(0).put(on(&sent), emoji.clone()).await.expect(200);
    // It must not meet the refusal that is meant for the next one.
    eventually("that it is told", || async { (app.count("jobs") == 0).then_some(()) }).await;

    // What the provider refuses disappears again.
    let message = first(&app, &path).await;
    let mut log = app.follow().await;
    let refuse = json!({ "type": "refuse", "status": 400, "code": 131009 });
    app.faults(json!([{ "target": "send", "times": 1, "action": refuse }])).await;
    let _ = app.agent(0).put(on(&message), emoji.clone()).await.expect(200);
    log.until("its end", |event| event["data"]["id"] == message && event["data"]["reactions"] == json!([]))
        .await;
    // What it wants to be asked again is asked again.
    app.faults(json!([{ "target": "send", "times": 1, "action": { "type": "accept_then_hang", "ms": 20 } }]))
        .await;
    let _ = app.agent(0).put(on(&message), emoji.clone()).await.expect(200);
    eventually("the first attempt", || async {
        (app.count("jobs WHERE attempts = 1 AND claimed_until IS NULL") == 1).then_some(())
    })
    .await;
    app.advance(TimeDelta::seconds(2));
    eventually("that it is done", || async { (app.count("jobs") == 0).then_some(()) }).await;
    shows(&customer, json!("👍")).await;

    app.advance(TimeDelta::hours(24));
    app.agent(0).put(on(&message), json!({ "emoji": "🙏" })).await.problem(409, "reply_window_closed");
    app.agent(0).delete(on(&message)).await.problem(409, "reply_window_closed");
    let typing = format!("{path}/typing");
    app.agent(0).act(typing).await.problem(409, "reply_window_closed");
}

async fn seen(customer: &Customer) -> usize {
    customer.chat("direction=inbound&status=seen").await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_is_told_to_the_customer_once_for_the_newest_message() {
    let app = TestApp::with_sandbox().await;
    for channel in CHANNELS {
        let (customer, path) = held(&app, channel).await;
        customer.writes("Kak?").await;
        let read = || app.agent(0).act(format!("{path}/read"));
        assert_eq!(read().await.expect(200)["unread_count"], 0);
        let told = usize::from(channel.0 != "telegram") * 2;
        eventually("the receipt", || async { (seen(&customer).await == told).then_some(()) }).await;
        eventually("its job's end", || async { (app.count("jobs") == 0).then_some(()) }).await;
        // Nothing is worked on while the channel waits: a second receipt would be seen.
        app.database.execute("UPDATE channels SET state = 'needs_attention'");
        let _ = read().await.expect(200);
        assert_eq!(app.count("jobs"), 0, "the customer knows");
        app.database.execute("UPDATE channels SET state = 'connected'");
        let id = path.rsplit('/').next().unwrap();
        let noted = app.count(&format!("conversations WHERE id = '{id}' AND receipt_message_id IS NOT NULL"));
        assert_eq!(noted, i64::from(channel.0 != "telegram"));

        // Answering reads too; saying so afterwards tells the customer of what came in between.
        customer.writes("Halo?").await;
        let _ = app.agent(0).post(format!("{path}/messages"), text("Ya kak")).await.expect(201);
        let _ = read().await.expect(200);
        let told = told / 2 * 3;
        eventually("the second receipt", || async { (seen(&customer).await == told).then_some(()) }).await;
    }
}

async fn typed(app: &TestApp, (channel, id): (&str, &str)) -> u64 {
    let url = format!("{}/sandbox/customers/{id}?channel={channel}", app.sandbox().base_url());
    let answer = app.wire().http.get(url).send().await.unwrap().text().await.unwrap();
    serde_json::from_str::<Value>(&answer).unwrap()["typing_seen"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_customer_is_shown_that_somebody_writes_and_not_too_often() {
    let app = TestApp::with_sandbox().await;
    for channel in CHANNELS {
        let (_, path) = held(&app, channel).await;
        let id = path.rsplit('/').next().unwrap();
        let (mut admin, _) = StreamClient::by_frame(&app, &app.admin(), None).await;
        let (mut writer, _) = StreamClient::by_frame(&app, &app.agent(0), None).await;
        for _ in 0..3 {
            let _ = app.agent(0).act(format!("{path}/typing")).await.expect(204);
        }
        for client in [&mut admin, &mut writer] {
            let frame = serde_json::to_value(client.next().await).unwrap();
            assert_eq!((&frame["type"], &frame["conversation_id"]), (&json!("typing"), &json!(id)));
            assert_eq!(frame["agent_id"], app.agent(0).id());
        }
        eventually("that it is shown", || async { (typed(&app, channel).await == 1).then_some(()) }).await;
        // The stream's frame does the same.
        app.advance(TimeDelta::seconds(6));
        writer.send(json!({ "op": "typing", "conversation_id": id })).await;
        eventually("that it is shown again", || async { (typed(&app, channel).await == 2).then_some(()) })
            .await;
    }
    let (_, path) = held(&app, ("whatsapp", "6281390011223")).await;
    app.agent(1).act(format!("{path}/typing")).await.problem(403, "forbidden");
    app.narrow_agent().act(format!("{path}/typing")).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_reaches_a_contact_that_is_blocked() {
    let app = TestApp::with_sandbox().await;
    let (customer, path) = held(&app, CHANNELS[0]).await;
    let message = first(&app, &path).await;
    let refuse = json!({ "type": "refuse", "status": 400, "code": 131051 });
    app.faults(json!([{ "target": "send", "times": 1, "action": refuse }])).await;
    let failed = app.agent(0).post(format!("{path}/messages"), text("Gagal")).await.expect(201).id();
    eventually("its failure", || async {
        (app.count("messages WHERE status = 'failed'") == 1).then_some(())
    })
    .await;
    // One that waits while the contact is shut out is not sent either.
    app.database.execute("UPDATE channels SET state = 'needs_attention'");
    let waiting = app.agent(0).post(format!("{path}/messages"), text("Menunggu")).await.expect(201).id();
    let contact = app.agent(0).get(&path).await.expect(200)["contact"]["id"].clone();
    app.agent(0).act(format!("/v1/contacts/{}/block", contact.as_str().unwrap())).await.expect(200);
    let mut log = app.follow().await;
    app.database.execute("UPDATE channels SET state = 'connected'");
    app.advance(TimeDelta::seconds(1));
    let ended = log.until("its end", |event| event["data"]["id"] == waiting).await["data"].clone();
    assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("failed"), &json!("contact_blocked")));

    eventually("the block at the provider", || async { (app.count("jobs") == 0).then_some(()) }).await;
    let rows = app.database.snapshot();
    let siti = app.agent(0);
    siti.post(format!("{path}/messages"), text("Halo")).await.problem(409, "contact_blocked");
    siti.act(format!("{path}/messages/{failed}/retry")).await.problem(409, "contact_blocked");
    let reaction = format!("{path}/messages/{message}/reaction");
    siti.put(&reaction, json!({ "emoji": "👍" })).await.problem(409, "contact_blocked");
    siti.act(format!("{path}/typing")).await.problem(409, "contact_blocked");
    assert_eq!(app.database.snapshot(), rows);
    let _ = siti.act(format!("{path}/read")).await.expect(200);
    assert_eq!(app.count("jobs"), 0, "no receipt");
    assert!(customer.received().await.is_empty());
    assert_eq!(typed(&app, CHANNELS[0]).await, 0);
}
