//! Webhooks at once, again, out of order, for others, and without sense.

use futures_util::future::join_all;
use harness::TestApp;
use harness::hooks::{NUMBER, SECOND_NUMBER, messenger_message, telegram_message, whatsapp_message};
use serde_json::{Value, json};

use crate::support::{Messages, claimed, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_03_one_message_twenty_times_at_once_is_one_message_and_one_event() {
    let app = TestApp::start().await;
    let now = app.clock.now().unix_seconds();
    let bodies = [
        ("whatsapp", whatsapp_message("6281234567890", "wamid.SAMA", now, "Halo 🙏")),
        ("messenger", messenger_message("7412583690147258", "m_sama", now * 1000, "Halo 🙏")),
        ("telegram", telegram_message(7_512_345_678, 884_120_777, 77, now, "Halo 🙏")),
    ];
    for (kind, body) in bodies {
        let call = app.hook(kind, body.to_string());
        for reply in join_all((0..20).map(|_| call.clone().into_future())).await {
            reply.expect(200);
        }
    }
    assert_eq!(app.count("messages"), 3);
    let created = |name: &str| {
        let name = name.to_owned();
        async {
            let name = name;
            app.events().await.iter().filter(|event| event["type"] == name.as_str()).count()
        }
    };
    for name in ["message.created", "contact.created", "conversation.created"] {
        assert_eq!(created(name).await, 3, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_04_ten_first_messages_at_once_are_one_contact_and_one_conversation() {
    let app = TestApp::start().await;
    let now = app.clock.now().unix_seconds();
    for (kind, customer) in [("whatsapp", "6281234567890"), ("messenger", "7412583690147258")] {
        let calls = (0..10).map(|n| {
            let words = format!("pesan {n}");
            let body = match kind {
                "whatsapp" => whatsapp_message(customer, &format!("wamid.P{n}"), now, &words),
                _ => messenger_message(customer, &format!("m_{n}"), now * 1000, &words),
            };
            app.hook(kind, body.to_string()).into_future()
        });
        for reply in join_all(calls).await {
            reply.expect(200);
        }
        let channel = app.channel(kind);
        let list = app.admin().all(&format!("/v1/conversations?tab=all&channel_id={channel}")).await;
        assert_eq!(list.len(), 1, "{kind}");
        assert_eq!(list[0]["unread_count"], 10);
        let path = format!("/v1/conversations/{}", list[0]["id"].as_str().unwrap());
        let texts: std::collections::BTreeSet<_> =
            app.admin().all_messages(&path).await.iter().map(|one| one["text"].to_string()).collect();
        assert_eq!(texts.len(), 10);
        assert_eq!(
            app.count(&format!("messages WHERE channel_id = '{channel}' AND session_id IS NOT NULL")),
            10
        );
        let sessions = format!("(SELECT DISTINCT session_id FROM messages WHERE channel_id = '{channel}') s");
        assert_eq!(app.count(&sessions), 1, "{kind}: one stretch of conversation");
    }
    assert_eq!(app.count("contacts"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_05_statuses_in_the_wrong_order_never_go_back() {
    let app = TestApp::with_sandbox().await;
    app.faults(json!([{ "target": "webhook", "event": "status", "action": { "type": "reorder" } }])).await;
    let customer = app.customer("whatsapp", "6281234567890");
    customer.writes("Halo").await;
    let path = claimed(&app, &app.agent(0), "whatsapp").await;
    let mut log = app.follow().await;
    let id = app.agent(0).post(format!("{path}/messages"), text("Halo juga")).await.expect(201).id();
    log.until("reading", |event| event["data"]["id"] == id && event["data"]["status"] == "read").await;
    harness::eventually("all three callbacks", || async {
        let sent = customer.received().await.remove(0);
        let webhooks = sent["webhooks"].as_array().unwrap().clone();
        (webhooks.len() == 3 && webhooks.iter().all(|one| one["state"] == "delivered")).then_some(())
    })
    .await;
    let provider_id = customer.received().await[0]["provider_message_id"].as_str().unwrap().to_owned();
    app.whatsapp_status("6281234567890", &provider_id, "delivered").await;
    app.whatsapp_status("6281234567890", &provider_id, "sent").await;
    app.whatsapp_status("6281234567890", &provider_id, "failed").await;
    let now = app.agent(0).all_messages(&path).await.into_iter().find(|one| one["id"] == id).unwrap();
    assert_eq!((&now["status"], &now["error"]), (&json!("read"), &Value::Null));
    let _ = log.rest().await;
    let after: Vec<_> = log.seen.iter().filter(|event| event["data"]["id"] == id).collect();
    let read = after.iter().position(|event| event["data"]["status"] == "read").unwrap();
    assert!(after[read..].iter().all(|event| event["data"]["status"] == "read"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reaction_is_shown_and_taken_back() {
    let app = TestApp::with_sandbox().await;
    let customer = app.customer("whatsapp", "6281234567890");
    customer.writes("Halo").await;
    let path = claimed(&app, &app.agent(0), "whatsapp").await;
    let mut log = app.follow().await;
    app.agent(0).post(format!("{path}/messages"), text("Terima kasih kak")).await.expect(201);
    log.until("reading", |event| event["data"]["status"] == "read").await;
    let target = customer.received().await[0]["provider_message_id"].clone();
    customer.sends(json!({ "kind": "reaction", "reply_to": target, "emoji": "❤️" })).await;
    let shown = log.until("a heart", |event| event["data"]["reactions"][0]["emoji"] == "❤️").await;
    assert_eq!(shown["data"]["provider_message_id"], target);
    customer.sends(json!({ "kind": "reaction", "reply_to": target, "emoji": "👍" })).await;
    let changed = log.until("a thumb", |event| event["data"]["reactions"][0]["emoji"] == "👍").await;
    assert_eq!(changed["data"]["reactions"].as_array().unwrap().len(), 1);
    customer.sends(json!({ "kind": "reaction", "reply_to": target })).await;
    log.until("none", |event| event["type"] == "message.updated" && event["data"]["reactions"] == json!([]))
        .await;
    assert_eq!(app.agent(0).get(&path).await.expect(200)["unread_count"], 0, "a reaction is no message");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_brings_events_of_several_numbers_and_others_are_ignored() {
    let app = TestApp::start().await;
    let now = app.clock.now().unix_seconds();
    let mut second = whatsapp_message("6281234567890", "wamid.B", now, "ke cabang");
    let metadata = "/entry/0/changes/0/value/metadata/phone_number_id";
    *second.pointer_mut(metadata).unwrap() = json!(SECOND_NUMBER);
    app.hook("whatsapp", second.to_string()).await.expect(200);
    let mut nobody = whatsapp_message("6281234567890", "wamid.C", now, "ke orang lain");
    *nobody.pointer_mut(metadata).unwrap() = json!("999999999999999");
    nobody["entry"][0]["id"] = json!("888888888888888");
    app.hook("whatsapp", nobody.to_string()).await.expect(200);
    assert_ne!(NUMBER, SECOND_NUMBER);
    let shown = app.admin().all("/v1/conversations?tab=all").await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["channel"]["id"], app.channel("whatsapp2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signed_nonsense_is_answered_200_and_writes_nothing() {
    let app = TestApp::start().await;
    let rows = app.database.snapshot();
    let deep = "[".repeat(50_000);
    let nonsense: [&[u8]; 8] = [
        b"",
        b"null",
        b"[]",
        b"{\"object\":\"whatsapp_business_account\",\"entry\":7}",
        b"{\"entry\":[{\"changes\":[{}]}]}",
        b"\xff\xfe",
        deep.as_bytes(),
        b"{\"update_id\":\"x\"}",
    ];
    for kind in ["whatsapp", "messenger", "telegram"] {
        for body in nonsense {
            app.hook(kind, body).await.expect(200);
        }
    }
    assert_eq!(app.database.snapshot(), rows);
    app.hook("whatsapp", vec![b' '; 3 * 1024 * 1024 + 1]).await.problem(413, "payload_too_large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_are_found_by_channel_and_kind_and_meta_is_answered_its_challenge() {
    let app = TestApp::start().await;
    let (whatsapp, telegram) = (app.channel("whatsapp").to_owned(), app.channel("telegram").to_owned());
    let body = b"{}".to_vec();
    for path in [
        format!("/hooks/whatsapp/{telegram}"),
        "/hooks/whatsapp/0192f000-0000-7000-8000-000000000000".to_owned(),
    ] {
        app.anonymous().act(path).bytes("application/json", body.clone()).await.problem(404, "not_found");
    }
    app.anonymous().act("/hooks/whatsapp/bukan-id").bytes("application/json", body).await.expect(404);
    let ask = |token: &str| {
        let query = format!("hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1158201444");
        app.anonymous().get(format!("/hooks/whatsapp/{whatsapp}?{query}"))
    };
    assert_eq!(ask("verify-token-of-the-tests").await.expect(200).body, b"1158201444");
    ask("salah").await.problem(403, "forbidden");
    ask("").await.problem(422, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_does_not_bring_an_old_name_back() {
    let app = TestApp::start().await;
    let now = app.clock.now().unix_seconds();
    let named = |id: &str, name: &str| {
        let mut body = whatsapp_message("6281234567890", id, now, "Halo");
        *body.pointer_mut("/entry/0/changes/0/value/contacts/0/profile/name").unwrap() = json!(name);
        body.to_string()
    };
    for (id, name, shown) in
        [("wamid.1", "Siti", "Siti"), ("wamid.2", "Siti R.", "Siti R."), ("wamid.1", "Siti", "Siti R.")]
    {
        app.hook("whatsapp", named(id, name)).await.expect(200);
        let list = app.admin().all("/v1/conversations?tab=all").await;
        assert_eq!(list[0]["contact"]["name"], shown);
    }
}
