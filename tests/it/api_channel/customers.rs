//! Who writes: a customer is its id, and a number belongs to whoever was named with it last.

use std::collections::BTreeMap;

use harness::TestApp;
use serde_json::{Value, json};

use super::{Line, connect};

const NUMBER: &str = "+6281234567890";

/// A text of this customer.
fn from(external_id: &str, contact: Value) -> Value {
    json!({ "external_id": external_id, "contact": contact, "kind": "text", "text": "Halo" })
}

/// Delivers these, and answers the conversation of each.
async fn conversations<const N: usize>(line: &Line, messages: [Value; N]) -> [Value; N] {
    let delivered = line.deliver(json!({ "messages": messages.to_vec() })).await.expect(200);
    std::array::from_fn(|at| delivered["messages"][at]["conversation_id"].clone())
}

/// All contacts, by the id of their first identity.
async fn contacts(app: &TestApp) -> BTreeMap<String, Value> {
    let named =
        |contact: Value| (contact["identities"][0]["external_id"].as_str().unwrap().to_owned(), contact);
    app.admin().all("/v1/contacts").await.into_iter().map(named).collect()
}

/// The number that a contact has on its channel, as it was delivered.
fn number(contact: &Value) -> Value {
    contact["identities"][0]["phone"].as_str().map_or(Value::Null, |digits| json!(format!("+{digits}")))
}

/// Delivers these. What was told of contacts makes what was into what is.
async fn told_as_it_is(app: &TestApp, line: &Line, messages: Value) -> BTreeMap<String, Value> {
    let mut folded = contacts(app).await;
    let mut log = app.follow().await;
    line.deliver(json!({ "messages": messages })).await.expect(200);
    for event in log.rest().await.iter().filter(|event| event["data"]["identities"].is_array()) {
        let contact = &event["data"];
        let before = folded
            .insert(contact["identities"][0]["external_id"].as_str().unwrap().to_owned(), contact.clone());
        let version = |of: &Value| of["version"].as_i64().unwrap();
        assert!(before.is_none_or(|before| version(&before) < version(contact)), "{contact}");
    }
    let now = contacts(app).await;
    assert_eq!(folded, now);
    now
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_is_a_number_is_no_number() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let [first] =
        conversations(&line, [from("m-1", json!({ "external_id": "6281234567890", "phone": NUMBER }))]).await;
    let [second] =
        conversations(&line, [from("m-2", json!({ "external_id": "u-43", "phone": NUMBER }))]).await;
    assert_ne!(first, second, "nobody reads what the last owner of a number wrote");
    let [again] = conversations(&line, [from("m-3", json!({ "external_id": "6281234567890" }))]).await;
    assert_eq!(again, first);
    let now = contacts(&app).await;
    assert_eq!(now.keys().collect::<Vec<_>>(), ["6281234567890", "u-43"]);
    assert_eq!((number(&now["6281234567890"]), number(&now["u-43"])), (Value::Null, json!(NUMBER)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_goes_to_whoever_is_named_with_it_last_and_both_are_told_of() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let messages = [
        from("m-1", json!({ "external_id": "u-a" })),
        from("m-2", json!({ "external_id": "u-b", "phone": NUMBER })),
    ];
    conversations(&line, messages).await;
    let before = contacts(&app).await;
    let path = format!("/v1/contacts/{}", before["u-b"]["id"].as_str().unwrap());
    let etag = app.admin().get(&path).await.expect(200).header("etag").unwrap().to_owned();

    // One who had the number has another name in the same delivery.
    let messages = json!([
        from("m-3", json!({ "external_id": "u-b", "name": "Bagus" })),
        from("m-4", json!({ "external_id": "u-a", "phone": NUMBER })),
    ]);
    let now = told_as_it_is(&app, &line, messages).await;
    assert_eq!((number(&now["u-a"]), number(&now["u-b"])), (json!(NUMBER), Value::Null));
    assert_eq!(now["u-b"]["name"], "Bagus");
    assert_ne!(app.admin().get(&path).await.expect(200).header("etag"), Some(etag.as_str()));

    // One who is known takes it, and then one who is new.
    let now =
        told_as_it_is(&app, &line, json!([from("m-5", json!({ "external_id": "u-b", "phone": NUMBER }))]))
            .await;
    assert_eq!((number(&now["u-a"]), number(&now["u-b"])), (Value::Null, json!(NUMBER)));
    let now =
        told_as_it_is(&app, &line, json!([from("m-6", json!({ "external_id": "u-c", "phone": NUMBER }))]))
            .await;
    assert_eq!((number(&now["u-b"]), number(&now["u-c"])), (Value::Null, json!(NUMBER)));

    // Two who change theirs.
    let other = "+6285711223344";
    told_as_it_is(&app, &line, json!([from("m-7", json!({ "external_id": "u-b", "phone": other }))])).await;
    let messages = json!([
        from("m-8", json!({ "external_id": "u-b", "phone": NUMBER })),
        from("m-9", json!({ "external_id": "u-c", "phone": other })),
    ]);
    let now = told_as_it_is(&app, &line, messages).await;
    assert_eq!((number(&now["u-b"]), number(&now["u-c"])), (json!(NUMBER), json!(other)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_id_of_a_message_for_two_customers_is_refused_and_makes_nobody() {
    let app = TestApp::start().await;
    let line = connect(&app, None).await;
    let messages = [
        from("m-1", json!({ "external_id": "u-1" })),
        from("m-1", json!({ "external_id": "u-1", "name": "Budi" })),
        from("m-1", json!({ "external_id": "u-2" })),
    ];
    let refused = line.deliver(json!({ "messages": messages })).await.problem(422, "validation_failed");
    let errors: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|one| (&one["pointer"], &one["code"])).collect();
    assert_eq!(errors, [(&json!("/messages/2/external_id"), &json!("duplicate"))]);
    assert_eq!((app.count("contacts"), app.count("conversations")), (0, 0));
    line.deliver(json!({ "messages": messages[..2] })).await.expect(200);
    assert_eq!((app.count("contacts"), app.count("conversations"), app.count("messages")), (1, 1, 1));
}
