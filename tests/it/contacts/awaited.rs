//! Contacts that were made before their customer wrote.

use api::channels::signature::sign;
use harness::TestApp;
use harness::hooks::{telegram_message, whatsapp_message};
use serde_json::json;

use super::{contact_of, made};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_first_from_a_number_that_is_known_is_that_contact() {
    let app = TestApp::start().await;
    let path = made(&app, json!({ "name": "Bu Ani", "phone": "+62 812 3456 7890" })).await;
    let mut log = app.follow().await;
    let conversation = app.conversation("6281234567890", "Halo").await;
    assert_eq!(contact_of(&app, &conversation).await, path);
    let contact = app.admin().get(&path).await.expect(200);
    assert_eq!((&contact["name"], &contact["version"]), (&json!("Bu Ani"), &json!(2)));
    assert_eq!(contact["identities"][0]["phone"], "6281234567890");
    let told = log.until("the contact", |event| event["type"] == "contact.updated").await;
    assert_eq!(told["data"], contact.json);
    log.rest().await;
    assert!(!log.names().contains(&"contact.created".to_owned()), "{:?}", log.names());
    assert_eq!(app.count("contacts"), 1);
    // The same customer on another number of ours, and one whose new owner has the number now, are others.
    let second =
        whatsapp_message("6281234567890", "wamid.2", app.clock.now().unix_seconds(), "Halo").to_string();
    let second = second.replace(harness::hooks::NUMBER, harness::hooks::SECOND_NUMBER);
    app.anonymous()
        .act(format!("/hooks/whatsapp/{}", app.channel("whatsapp2")))
        .header("X-Hub-Signature-256", sign(second.as_bytes(), harness::fixtures::APP_SECRET))
        .bytes("application/json", second)
        .await
        .expect(200);
    let taken = whatsapp_message("6281234567890", "wamid.3", app.clock.now().unix_seconds(), "Halo");
    let taken = taken.to_string().replace("ID.6281234567890", "ID.orang-lain");
    app.hook("whatsapp", taken).await.expect(200);
    assert_eq!(app.count("contacts"), 3);
    assert_eq!(app.count("contacts WHERE owns_phone"), 1);
    // Telegram tells no number.
    app.hook("telegram", telegram_message(7, 1, 1, app.clock.now().unix_seconds(), "Halo").to_string())
        .await
        .expect(200);
    assert_eq!(app.count("contacts"), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_shut_out_before_writing_stays_so() {
    let app = TestApp::start().await;
    let path = made(&app, json!({ "name": "Pengganggu", "phone": "6281234567890" })).await;
    app.admin().act(format!("{path}/block")).await.expect(200);
    let conversation = app.conversation("6281234567890", "Promo!").await;
    assert_eq!(contact_of(&app, &conversation).await, path);
    let shown = app.admin().get(format!("/v1/conversations/{conversation}")).await.expect(200);
    assert_eq!(
        (&shown["status"], &shown["unread_count"], &shown["contact"]["blocked"]),
        (&json!("resolved"), &json!(0), &json!(true))
    );
}
