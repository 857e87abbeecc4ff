//! What is asked twice happens once.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use futures_util::future::join_all;
use harness::TestApp;
use serde_json::json;

use crate::support::{Messages, claimed, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_01_one_key_twenty_times_at_once_has_one_effect_and_one_answer() {
    let app = TestApp::with_sandbox().await;
    let customer = app.customer("whatsapp", "6281234567890");
    customer.writes("Halo").await;
    let path = claimed(&app, &app.agent(0), "whatsapp").await;
    let call = app.agent(0).post(format!("{path}/messages"), text("Sekali")).key("kunci-1");
    let replies = join_all((0..20).map(|_| call.clone().into_future())).await;
    for reply in &replies {
        assert_eq!(reply.status, 201, "{}", reply.json);
        assert_eq!(reply.body, replies[0].body, "every repeat gets the first answer");
    }
    assert_eq!(call.clone().await.expect(201).body, replies[0].body);
    assert_eq!(customer.receives(1).await, ["Sekali"]);
    assert_eq!(app.count("messages WHERE direction = 'outbound'"), 1);
    let created = app
        .events()
        .await
        .iter()
        .filter(|event| event["data"]["text"] == "Sekali" && event["type"] == "message.created")
        .count();
    assert_eq!(created, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_02_a_key_belongs_to_one_request_of_one_agent_for_a_day() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{id}/messages");
    let first = app.admin().post(&path, text("satu")).key("kunci-1").await.expect(201);
    app.admin().post(&path, text("dua")).key("kunci-1").await.problem(422, "idempotency_key_reused");
    app.admin()
        .act(format!("/v1/conversations/{id}/read"))
        .key("kunci-1")
        .await
        .problem(422, "idempotency_key_reused");
    let other = app.conversation("6281390011223", "Halo").await;
    let elsewhere =
        app.admin().post(format!("/v1/conversations/{other}/messages"), text("satu")).key("kunci-1");
    elsewhere.await.problem(422, "idempotency_key_reused");

    let mine = app.agent(0);
    mine.act(format!("/v1/conversations/{other}/claim")).await.expect(200);
    let theirs = mine
        .post(format!("/v1/conversations/{other}/messages"), text("satu"))
        .key("kunci-1")
        .await
        .expect(201);
    assert_ne!(theirs["id"], first["id"]);
    for bad in ["", "ada spasi", &"x".repeat(256)] {
        app.admin()
            .post(&path, text("tiga"))
            .header("Idempotency-Key", bad)
            .await
            .problem(400, "malformed_request");
    }
    assert_eq!(app.count("messages WHERE direction = 'outbound'"), 2);

    // A refusal is no effect: the key may be used again once the cause is gone.
    mine.act(format!("/v1/conversations/{id}/claim")).key("kunci-2").await.problem(409, "already_held");
    app.admin().act(format!("/v1/conversations/{id}/unassign")).await.expect(200);
    mine.act(format!("/v1/conversations/{id}/claim")).key("kunci-2").await.expect(200);

    app.advance(chrono::TimeDelta::hours(25));
    api::jobs::housekeeping::forget(app.app()).await.unwrap();
    assert_eq!(app.count("idempotency_keys"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_02_a_repeat_whose_first_does_not_end_in_time_is_told_so_and_does_nothing() {
    let deadline = Duration::from_secs(3);
    let app =
        TestApp::options().settings(move |settings| settings.database.deadline = deadline).start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let call = app.agent(0).post(format!("/v1/conversations/{id}/messages"), text("satu")).key("kunci-1");
    let (workspace, siti) = (app.workspace, app.agent(0).id());
    let mut first = app.database.connect();
    first
        .batch_execute(&format!(
            "BEGIN; INSERT INTO idempotency_keys (workspace_id, agent_id, key, request_hash, created_at)
             VALUES ('{workspace}', '{siti}', 'kunci-1', '', now())"
        ))
        .unwrap();
    call.clone().await.problem(409, "idempotency_key_in_use");
    first.batch_execute("ROLLBACK").unwrap();
    assert_eq!(app.count("messages WHERE direction = 'outbound'"), 0);
    call.await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_message_id_is_one_message_of_its_conversation() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let other = app.conversation("6281390011223", "Halo").await;
    let body = json!({ "kind": "text", "text": "Sekali", "client_message_id": "klien-1" });
    let path = format!("/v1/conversations/{id}/messages");
    let call = app.admin().post(&path, body.clone());
    let replies = join_all((0..10).map(|_| call.clone().into_future())).await;
    let ids: std::collections::BTreeSet<String> =
        replies.into_iter().map(|reply| reply.expect(201).id()).collect();
    assert_eq!(ids.len(), 1);
    let changed = json!({ "kind": "text", "text": "Lain", "client_message_id": "klien-1" });
    let refused = app.admin().post(&path, changed).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/client_message_id");
    app.admin().post(format!("/v1/conversations/{other}/messages"), body).await.expect(201);
    let outbound = app.admin().all_messages(&format!("/v1/conversations/{id}")).await;
    assert_eq!(outbound.iter().filter(|one| one["direction"] == "outbound").count(), 1);
}
