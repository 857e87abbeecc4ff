//! kill -9 between the callback's answer and our record of it.

use std::fs;

use harness::database::Database;
use harness::process::{Launch, OPERATOR_KEY, demand, sign_in};
use harness::receiver::Answer;
use harness::{Receiver, eventually};
use serde_json::json;

use super::{handed, message};
use crate::support::text;

const PASSWORD: &str = "rahasia-sekali";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_handed_over_as_it_died_is_handed_over_again_under_the_same_id() {
    let (database, receiver) = (Database::migrated(), Receiver::start().await);
    let folder = database.files();
    fs::create_dir_all(&folder).unwrap();
    let launch = Launch::test("faults::tanggap", &folder, database.url.clone())
        .unwrap()
        .with("TANGGAP_PRIVATE_RANGES_ALLOWED", "127.0.0.1");
    let server = launch.start().await.unwrap();
    let admin = json!({ "name": "Dewi", "email": "dewi@toko.example", "password": PASSWORD });
    let body = json!({ "name": "Toko", "slug": "satu", "admin": admin });
    demand(server.addr, "POST", "/v1/workspaces", OPERATOR_KEY, &body).await.unwrap();
    let token = sign_in(server.addr, "satu", "dewi@toko.example", PASSWORD).await.unwrap();
    let post = async |path: &str, body: serde_json::Value| {
        demand(server.addr, "POST", path, &token, &body).await.unwrap()
    };
    let body = json!({ "kind": "api", "name": "Situs web", "callback_url": receiver.url() });
    let channel = post("/v1/channels", body).await;
    let inbound = format!("/v1/channels/{}/inbound", channel["id"].as_str().unwrap());
    let written = post(&inbound, json!({ "messages": [message("m-1", "Halo")] })).await;
    let path = format!("/v1/conversations/{}", written["messages"][0]["conversation_id"].as_str().unwrap());
    // The receiver has it, and nobody ever hears of that.
    receiver.next([Answer::Hang]);
    post(&format!("{path}/messages"), text("Apakah sampai?")).await;
    handed(&receiver, 1).await;
    server.kill().unwrap();
    assert_eq!(
        database.values("SELECT status AS value FROM messages WHERE direction = 'outbound'"),
        ["queued"]
    );
    // The claim has run out by the time that somebody looks again.
    database.execute(
        "UPDATE jobs SET claimed_until = now() - interval '1 second' WHERE claimed_until IS NOT NULL",
    );
    let _server = launch.start().await.unwrap();
    let calls = handed(&receiver, 2).await;
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    assert_eq!(calls[0].json()["message"], calls[1].json()["message"]);
    eventually("the record", || async {
        let status = database.values("SELECT status AS value FROM messages WHERE direction = 'outbound'");
        (status == ["sent"]).then_some(())
    })
    .await;
}
