//! The main job, from the customer's first word to the next ticket.

use chrono::TimeDelta;
use harness::TestApp;
use harness::events::name;
use serde_json::{Value, json};

fn texts(items: &Value) -> Vec<String> {
    let text = |one: &Value| one["text"].as_str().unwrap_or_default().to_owned();
    items.as_array().unwrap().iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_first_message_to_the_second_ticket() {
    let app = TestApp::with_sandbox().await;
    let (siti, customer) = (app.agent(0), app.customer("whatsapp", "6281234567890"));
    let mut log = app.follow().await;
    customer.writes("Paket saya belum sampai").await;

    let waiting = siti.get("/v1/conversations?tab=unassigned").await.expect(200);
    let conversation = &waiting["items"][0];
    assert_eq!(waiting["items"].as_array().unwrap().len(), 1);
    assert_eq!((&conversation["status"], &conversation["handler"]), (&json!("open"), &json!("queue")));
    assert_eq!(conversation["unread_count"], 1);
    assert_eq!(conversation["ticket_id"], Value::Null);
    assert_eq!(conversation["last_message"]["text"], "Paket saya belum sampai");
    assert_eq!(conversation["reply_window"]["state"], "open");
    let path = format!("/v1/conversations/{}", conversation["id"].as_str().unwrap());
    assert!(siti.all("/v1/conversations?tab=mine").await.is_empty());

    let claimed = siti.act(format!("{path}/claim")).await.expect(200);
    assert_eq!(claimed["assignee"]["id"], siti.id());
    assert_eq!((&claimed["status"], &claimed["handler"]), (&json!("answered"), &json!("agent")));
    let first = format!("/v1/tickets/{}", claimed["ticket_id"].as_str().unwrap());
    assert_eq!(siti.get(&first).await.expect(200)["status"], "open");
    assert_eq!(siti.all("/v1/conversations?tab=mine").await.len(), 1);
    assert!(siti.all("/v1/conversations?tab=unassigned").await.is_empty());

    app.advance(TimeDelta::seconds(30));
    let reply = json!({ "kind": "text", "text": "Kami cek dulu ya kak" });
    let sent = siti.post(format!("{path}/messages"), reply).await.expect(201);
    assert_eq!(sent["status"], "queued");
    assert_eq!(customer.receives(1).await, ["Kami cek dulu ya kak"]);
    let read = log
        .until("the customer has read it", |event| {
            event["type"] == "message.updated" && event["data"]["status"] == "read"
        })
        .await;
    assert_eq!(read["data"]["id"], sent["id"]);
    for status in ["queued", "sent", "delivered", "read"] {
        assert_ne!(read["data"]["status_times"][status], Value::Null, "{status}");
    }
    let statuses: Vec<_> = log
        .seen
        .iter()
        .filter(|event| event["data"]["id"] == sent["id"])
        .map(|event| event["data"]["status"].as_str().unwrap())
        .collect();
    assert!(
        statuses.is_sorted_by_key(|status| ["queued", "sent", "delivered", "read"]
            .iter()
            .position(|one| one == status)),
        "{statuses:?}"
    );
    let ticket = siti.get(&first).await.expect(200);
    assert_eq!(ticket["status"], "answered");
    assert_ne!(ticket["answered_at"], Value::Null);

    let resolved = siti.act(format!("{path}/resolve")).await.expect(200);
    assert_eq!((&resolved["status"], &resolved["handler"]), (&json!("resolved"), &json!("none")));
    assert_eq!((&resolved["assignee"], &resolved["ticket_id"]), (&Value::Null, &Value::Null));
    let ticket = siti.get(&first).await.expect(200);
    assert_eq!((&ticket["status"], &ticket["agent"]["id"]), (&json!("resolved"), &json!(siti.id())));

    app.advance(TimeDelta::minutes(5));
    customer.writes("Sudah sampai, tapi salah ukuran").await;
    let again = siti.get(&path).await.expect(200);
    assert_eq!((&again["status"], &again["ticket_id"]), (&json!("open"), &Value::Null));
    let agus = app.agent(1);
    let second = agus.act(format!("{path}/claim")).await.expect(200)["ticket_id"].clone();
    let second = format!("/v1/tickets/{}", second.as_str().unwrap());
    assert_ne!(first, second);

    let transcript = siti.get(format!("{first}/messages")).await.expect(200);
    assert_eq!(
        texts(&transcript["items"]),
        [
            "Paket saya belum sampai",
            "Siti Rahmawati took the conversation",
            "Kami cek dulu ya kak",
            "Siti Rahmawati resolved the conversation",
        ]
    );
    let transcript = agus.get(format!("{second}/messages")).await.expect(200);
    assert_eq!(
        texts(&transcript["items"]),
        ["Sudah sampai, tapi salah ukuran", "Agus Wijaya took the conversation"]
    );
    let told: Vec<String> = app.events().await.iter().map(name).collect();
    let tickets: Vec<_> = told.iter().filter(|name| name.starts_with("ticket.")).collect();
    assert_eq!(tickets, ["ticket.opened", "ticket.answered", "ticket.resolved", "ticket.opened"]);
}
