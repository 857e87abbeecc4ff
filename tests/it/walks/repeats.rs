//! D-01, D-02, A-05: every documented operation that changes something, called many times at once with one key, and with a
//! version that is no more.

use futures_util::future::join_all;
use harness::contract::{Operation, operations};
use serde_json::{Value, json};

use super::rights::World;
use super::{PUBLIC, media_type, operation_id};

/// `POST`s without `Idempotency-Key`. This list only shrinks.
const WITHOUT_A_KEY: [&str; 13] = [
    // They have no signed-in caller whose key it would be; what they do twice has one effect by their tokens, slugs and ids.
    "accept_invite",
    "confirm_password_reset",
    "create_workspace",
    "login",
    "logout",
    "receive_messenger_webhook",
    "receive_telegram_webhook",
    "receive_whatsapp_webhook",
    "refresh",
    "request_password_reset",
    // They change nothing: a link is made of what there is, and typing is not kept.
    "create_signed_urls",
    "signal_typing",
    "simulate_routing",
];

/// Changes of a thing that is there without `If-Match`. This list only shrinks.
const WITHOUT_A_VERSION: [&str; 14] = [
    // What they change has no version: a key is ended, a password is nobody's to read, of a member nothing but its link.
    "change_password",
    "delete_api_key",
    "invite_agent",
    // They are called by providers.
    "receive_messenger_webhook",
    "receive_telegram_webhook",
    "receive_whatsapp_webhook",
    // A file is taken back or sent; that decides, and no version.
    "delete_attachment",
    // It makes something on a thing, which stays as it is.
    "create_note",
    // They change nothing of the thing.
    "deliver_inbound",
    "redeliver_webhook_delivery",
    "redeliver_webhook_range",
    "signal_typing",
    "sync_templates",
    "test_webhook_endpoint",
];

fn takes(operation: &Operation, header: &str) -> bool {
    let parameters = operation.spec["parameters"].as_array();
    parameters.is_some_and(|all| all.iter().any(|one| one["in"] == "header" && one["name"] == header))
}

/// Does it change something that is there? Everything with an id in its path, and what there is once.
fn changes_a_thing(operation: &Operation) -> bool {
    operation.method != "get" && (operation.path.contains('{') || operation.method != "post")
}

#[test]
fn every_post_takes_a_key_and_every_change_a_version() {
    let lacking = |wanted: &dyn Fn(&Operation) -> bool, header: &str| -> Vec<&'static str> {
        let mut names: Vec<_> =
            operations().iter().filter(|one| wanted(one) && !takes(one, header)).map(operation_id).collect();
        names.sort_unstable();
        names
    };
    let sorted = |list: &[&'static str]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list
    };
    assert_eq!(lacking(&|one| one.method == "post", "Idempotency-Key"), sorted(&WITHOUT_A_KEY));
    assert_eq!(lacking(&changes_a_thing, "If-Match"), sorted(&WITHOUT_A_VERSION));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_01_d_02_whatever_takes_a_key_is_done_once_for_it_and_for_nobody_else() {
    let world = World::new().await;
    let (admin, other) = (world.app.admin(), world.app.supervisor());
    admin.token().await;
    other.token().await;
    let mut tried = 0;
    for operation in operations().into_iter().filter(|one| takes(one, "Idempotency-Key")) {
        let what = operation_id(&operation);
        let ready = world.ready(&operation, &admin).await;
        let key = format!("kunci-{what}");
        let replies = join_all((0..8).map(|_| ready.call(&admin, &operation).key(&key).into_future())).await;
        assert!((200..300).contains(&replies[0].status), "{what}: {}", replies[0].json);
        for reply in &replies {
            assert_eq!((reply.status, &reply.body), (replies[0].status, &replies[0].body), "{what}");
        }
        // The same key with other words, and for another thing.
        world.at_rest().await;
        let rows = world.app.database.snapshot();
        if let Some(body) = &ready.body {
            let mut changed = body.clone();
            match changed.as_object_mut() {
                Some(fields) => drop(fields.insert("client_message_id".to_owned(), json!("lain"))),
                // A file.
                None => changed = json!("phone"),
            }
            let call = ready.call(&admin, &operation);
            let changed = call.bytes(media_type(&operation), changed.to_string()).key(&key);
            let refused = changed.await;
            assert_eq!(refused.status, 422, "{what}");
        }
        let elsewhere =
            admin.act("/v1/notifications/read").key(&key).bytes("application/json", r#"{"all":true}"#);
        if what != "read_notifications" {
            elsewhere.await.problem(422, "idempotency_key_reused");
        }
        assert_eq!(world.app.database.snapshot(), rows, "{what}");
        // Another caller's key is another key.
        let theirs = ready.call(&other, &operation).key(&key).await;
        assert!(theirs["code"] != "idempotency_key_reused", "{what}");
        tried += 1;
    }
    assert!(tried > 15, "only {tried}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_05_whatever_takes_a_version_is_refused_for_another_and_changes_nothing() {
    let world = World::new().await;
    let admin = world.app.admin();
    let mut tried = 0;
    let versioned = operations().into_iter().filter(|one| takes(one, "If-Match"));
    for operation in versioned.filter(|one| !PUBLIC.contains(&operation_id(one))) {
        let what = operation_id(&operation);
        let ready = world.ready(&operation, &admin).await;
        world.at_rest().await;
        let rows = world.app.database.snapshot();
        let late = ready.call(&admin, &operation).if_match(999_999).await;
        assert_eq!((late.status, &late["code"]), (412, &Value::from("version_mismatch")), "{what}");
        for broken in ["W/\"1\"", "1", "\"x\"", "\"\""] {
            let call = ready.call(&admin, &operation).header("If-Match", broken);
            call.await.problem(400, "malformed_request");
        }
        assert_eq!(world.app.database.snapshot(), rows, "{what}");
        let done = ready.call(&admin, &operation).header("If-Match", "*").await;
        assert!((200..300).contains(&done.status), "{what}: {}", done.json);
        tried += 1;
    }
    assert!(tried > 20, "only {tried}");
}
