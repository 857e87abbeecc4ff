//! What a receiver missed comes again.

use reqwest::Method;
use serde_json::json;

use super::receiver::Receiver;
use super::setup::{NUMBER, SITI, Setup, text, whatsapp};

#[actix_web::test]
async fn the_same_bytes_come_until_they_are_taken() {
    let mut setup = Setup::new().await;
    setup.receiver.answer_with([500, 302, 404]);
    let path = format!("customers/{SITI}/messages");
    let (status, answer) = setup.control(Method::POST, &path, json!({"text": "Halo 🙏"})).await;
    assert_eq!(status, 202);
    assert_eq!((&answer["delivered"], &answer["webhook_status"]), (&json!(false), &json!(500)));
    let first = setup.receiver.next().await;
    for _ in 0..3 {
        let again = setup.receiver.next().await;
        assert_eq!((again.bytes, again.signature), (first.bytes.clone(), first.signature.clone()));
    }
}

#[actix_web::test]
async fn a_receiver_that_was_down_gets_what_it_missed() {
    let mut setup = Setup::new().await;
    setup.customer_writes("whatsapp", SITI).await;
    let addr = setup.receiver.addr;
    // Another address of the loopback net, where nobody listens yet.
    let down = std::net::SocketAddr::new("127.0.0.77".parse().unwrap(), addr.port());
    setup.sandbox.connect_channel(whatsapp(down));
    let path = format!("customers/{SITI}/messages");
    let (status, answer) =
        setup.control(Method::POST, &path, json!({"channel": NUMBER, "text": "Masih di sana?"})).await;
    assert_eq!(status, 202);
    assert_eq!(answer["webhook_status"], json!(null));
    assert!(answer["webhook_error"].as_str().unwrap().contains("Connection"), "{answer}");
    setup.send_whatsapp(text("Sebentar kak")).await;

    let mut back = Receiver::at(down);
    let mut statuses = Vec::new();
    let mut messages = Vec::new();
    while statuses.len() < 3 || messages.is_empty() {
        let hook = back.next().await;
        match hook.status()["status"].as_str() {
            Some(status) => statuses.push(status.to_owned()),
            None => messages.push(hook.message()["text"]["body"].clone()),
        }
    }
    assert_eq!(statuses, ["sent", "delivered", "read"]);
    assert_eq!(messages, ["Masih di sana?"]);
}

#[actix_web::test]
async fn reset_forgets_what_is_on_its_way() {
    let mut setup = Setup::new().await;
    setup.receiver.answer_with([500; 30]);
    setup.customer_writes_refused(SITI).await;
    let (status, _) = setup.control(Method::POST, "reset", json!(null)).await;
    assert_eq!(status, 204);
    assert_eq!(setup.get(&format!("customers/{SITI}/messages")).await, json!({"items": []}));
    while setup.receiver.ready().is_some() {}
    // The sandbox goes on working.
    setup.receiver.answer_none();
    setup.customer_writes_again(SITI).await;
    assert_eq!(setup.receiver.next().await.message()["text"]["body"], "Halo lagi");
}
