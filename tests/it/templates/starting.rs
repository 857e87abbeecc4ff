//! A business writes first, and the answer comes to the same conversation.

use futures_util::future::join_all;
use harness::{Caller, TestApp, eventually};
use serde_json::{Value, json};

use crate::support::{Messages, approved, claimed};

fn start(app: &TestApp, template: &str, phone: &str) -> Value {
    json!({
        "channel_id": app.channel("whatsapp"), "phone": phone,
        "template": { "template_id": template, "parameters": { "body": { "1": "Rina", "2": "INV-7" } } },
    })
}

fn named(whom: &Caller) -> Value {
    json!({ "id": whom.id(), "name": whom.me().name })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_number_gets_a_conversation_and_its_answer_comes_there() {
    let app = TestApp::with_sandbox().await;
    let (siti, mut log) = (app.agent(0), app.follow().await);
    let template = approved(&app, "whatsapp", "kirim").await;
    let body = start(&app, &template, "+62 812-3456-7890");
    let made = siti.post("/v1/conversations", body.clone()).key("mulai").await.expect(201);
    assert_eq!(siti.post("/v1/conversations", body).key("mulai").await.expect(201).body, made.body);
    assert_eq!((&made["assignee"], &made["status"]), (&named(&siti), &json!("answered")));
    assert_eq!(
        (&made["contact"]["name"], &made["contact"]["phone"]),
        (&json!("+6281234567890"), &json!("6281234567890"))
    );
    assert_eq!(
        made["reply_window"],
        json!({ "state": "closed", "expires_at": null, "allowed": ["template"] })
    );
    let ticket = siti.get(format!("/v1/tickets/{}", made["ticket_id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&ticket["holders"][0]["reason"], &ticket["status"]), (&json!("started"), &json!("answered")));
    let customer = app.customer("whatsapp", "6281234567890");
    assert_eq!(customer.receives(1).await, ["Halo Rina, pesanan INV-7 sudah kami kirim ya."]);
    let path = format!("/v1/conversations/{}", made.id());
    log.until("delivery", |event| event["data"]["status"] == "read").await;
    let told: Vec<String> = log
        .names()
        .into_iter()
        .filter(|name| !name.starts_with("template") && !name.starts_with("message.updated"))
        .collect();
    assert_eq!(
        told,
        [
            "contact.created",
            "conversation.created",
            "message.created",
            "ticket.opened",
            "message.created",
            "ticket.answered",
        ]
    );

    let said = customer.sends(json!({ "text": "Siap kak", "name": "Rina Marlina" })).await;
    assert_eq!(said["delivered"], true);
    let now = siti.get(&path).await.expect(200);
    assert_eq!((&now["contact"]["name"], &now["unread_count"]), (&json!("Rina Marlina"), &json!(1)));
    assert_eq!(now["reply_window"]["state"], "open");
    let kinds: Vec<Value> = siti.all_messages(&path).await.iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["text", "system", "template"]);
    assert_eq!(
        (app.count("contacts"), app.count("conversations"), app.count("contact_identities")),
        (1, 1, 1)
    );
    let id = app.database.values("SELECT external_id AS value FROM contact_identities").remove(0);
    assert_ne!(id, "6281234567890", "the provider's lasting id took the number's place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_write_to_one_number_at_once_share_one_conversation() {
    let app = TestApp::with_sandbox().await;
    let template = approved(&app, "whatsapp", "kirim").await;
    for round in 0..3 {
        let body = start(&app, &template, &format!("+628139001122{round}"));
        let calls =
            (0..4).map(|which| app.agent(which).post("/v1/conversations", body.clone()).into_future());
        let replies = join_all(calls).await;
        let winner = replies.iter().find(|reply| reply.status == 201).expect("one of them");
        let name = winner["assignee"]["name"].as_str().unwrap();
        for reply in replies.iter().filter(|reply| reply.status != 201) {
            let refused = reply.clone().problem(409, "already_held");
            assert!(refused["detail"].as_str().unwrap().contains(name), "{}", refused.json);
        }
        assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    }
    assert_eq!((app.count("contacts"), app.count("conversations")), (3, 3));
    assert_eq!(app.count("messages WHERE direction = 'outbound'"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_known_is_written_to_where_it_is_unless_that_may_not_be() {
    let app = TestApp::with_sandbox().await;
    let template = approved(&app, "whatsapp", "kirim").await;
    let customer = app.customer("whatsapp", "6281234567890");
    customer.writes("Halo").await;
    let path = claimed(&app, &app.agent(0), "whatsapp").await;
    let siti = app.agent(0);
    let body = start(&app, &template, "6281234567890");
    app.agent(1).post("/v1/conversations", body.clone()).await.problem(409, "already_held");
    let mine = siti.post("/v1/conversations", body.clone()).await.expect(201);
    assert_eq!(format!("/v1/conversations/{}", mine.id()), path);
    siti.act(format!("{path}/resolve")).await.expect(200);
    let again = app.agent(1).post("/v1/conversations", body.clone()).await.expect(201);
    assert_eq!((again.id(), &again["assignee"]), (mine.id(), &named(&app.agent(1))));
    assert_ne!(again["ticket_id"], mine["ticket_id"]);

    // By contact, on another number of the business: one more way to reach the same contact.
    let second = approved(&app, "whatsapp2", "kirim_cabang").await;
    let contact = again["contact"]["id"].clone();
    let mut by_contact = start(&app, &second, "");
    by_contact["channel_id"] = json!(app.channel("whatsapp2"));
    by_contact.as_object_mut().unwrap().remove("phone");
    by_contact["contact_id"] = contact.clone();
    let elsewhere = siti.post("/v1/conversations", by_contact.clone()).await.expect(201);
    assert_eq!(elsewhere["contact"]["id"], contact);
    assert_ne!(elsewhere["id"], again["id"]);
    assert_eq!((app.count("contacts"), app.count("contact_identities")), (1, 2));

    let whom = format!("/v1/contacts/{}", contact.as_str().unwrap());
    app.admin().act(format!("{whom}/block")).await.expect(200);
    app.agent(1).post("/v1/conversations", body.clone()).await.problem(409, "contact_blocked");
    app.admin().act(format!("{whom}/unblock")).await.expect(200);
    eventually("all to be sent", || async { (app.count("jobs") == 0).then_some(()) }).await;
    let rows = app.database.snapshot();
    let with = |name: &str, value: Value| {
        let mut body = start(&app, &template, "+6281390011223");
        body[name] = value;
        body
    };
    let nobody = json!(crate::walks::NOBODY);
    for (wrong, pointer) in [
        (with("phone", json!("081390011223")), "/phone"),
        (with("phone", Value::Null), "/phone"),
        (with("contact_id", contact), "/phone"),
        (with("channel_id", json!(app.channel("telegram"))), "/channel_id"),
        (with("channel_id", nobody.clone()), "/channel_id"),
        (with("template", json!({ "template_id": second })), "/template/template_id"),
        (with("template", json!({ "template_id": template })), "/template/parameters/body/1"),
    ] {
        let refused = siti.post("/v1/conversations", wrong.clone()).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{wrong}");
    }
    by_contact["contact_id"] = nobody;
    let refused = siti.post("/v1/conversations", by_contact).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/contact_id");
    app.admin().patch(format!("/v1/templates/{template}"), json!({ "initiate": false })).await.expect(200);
    siti.post("/v1/conversations", start(&app, &template, "+6281390011223"))
        .await
        .problem(409, "template_not_initiating");
    let now = app.database.snapshot();
    for table in ["contacts", "contact_identities", "conversations", "messages", "jobs"] {
        assert_eq!(now[table], rows[table], "{table}");
    }
}
