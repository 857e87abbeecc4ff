//! What customers send beside words, and what changes of it: one shape, whatever the channel.

use futures_util::future::join_all;
use harness::TestApp;
use harness::hooks::{telegram_message, whatsapp_message};
use serde_json::{Value, json};

use crate::support::Messages;

/// The newest message of the only conversation.
async fn newest(app: &TestApp) -> Value {
    let list = app.admin().get("/v1/conversations?tab=all").await.expect(200);
    let path = format!("/v1/conversations/{}", list["items"][0]["id"].as_str().unwrap());
    app.admin().all_messages(&path).await.remove(0)
}

/// A WhatsApp message of this type with this body.
async fn whatsapp(app: &TestApp, id: &str, kind: &str, part: Value) -> Value {
    let mut body = whatsapp_message("6281234567890", id, app.clock.now().unix_seconds(), "");
    let message = &mut body["entry"][0]["changes"][0]["value"]["messages"][0];
    message.as_object_mut().unwrap().remove("text");
    message["type"] = json!(kind);
    message[kind] = part;
    app.hook("whatsapp", body.to_string()).await.expect(200);
    newest(app).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_cards_and_orders_are_in_our_words_and_the_rest_is_null() {
    let app = TestApp::start().await;
    let place = json!({ "latitude": -7.5, "longitude": 110.25, "url": "https://x.example" });
    let place = whatsapp(&app, "wamid.1", "location", place).await;
    let expected = json!({ "latitude": -7.5, "longitude": 110.25, "name": null, "address": null,
        "url": "https://x.example", "live_period": null });
    assert_eq!((&place["kind"], &place["content"]["location"]), (&json!("location"), &expected));
    assert_eq!(place["content"]["contacts"], Value::Null);
    let card =
        json!([{ "name": { "formatted_name": "Ani" }, "phones": [{ "phone": "+62811", "type": "CELL" }] }]);
    let card = whatsapp(&app, "wamid.2", "contacts", card).await;
    let card = &card["content"]["contacts"][0];
    assert_eq!((&card["name"], &card["phones"][0]["value"]), (&json!("Ani"), &json!("+62811")));
    let item = json!({ "product_retailer_id": "sku", "quantity": 3, "item_price": 1500, "currency": "IDR" });
    let order = json!({ "catalog_id": "k", "product_items": [item], "text": "Yang besar" });
    let order = whatsapp(&app, "wamid.3", "order", order).await;
    assert_eq!((&order["kind"], &order["text"]), (&json!("order"), &json!("Yang besar")));
    let line = json!({ "product_id": "sku", "quantity": 3, "price": 1500.0, "currency": "IDR" });
    assert_eq!(order["content"]["order"], json!({ "catalog_id": "k", "items": [line] }));
    let odd = whatsapp(&app, "wamid.4", "hologram", json!({ "depth": 3 })).await;
    assert_eq!(odd["content"]["unsupported"], json!({ "type": "hologram", "error_code": null }));
    let plain = whatsapp(&app, "wamid.5", "text", json!({ "body": "Halo" })).await;
    assert_eq!(plain["content"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_somebody_is_who_shares_it_is_kept_up_to_date() {
    let app = TestApp::start().await;
    let at = app.clock.now().unix_seconds();
    let place = |update: i64, latitude: f64| {
        let mut body = telegram_message(7, update, 5, at, "");
        let message = body["message"].as_object_mut().unwrap();
        message.remove("text");
        message.insert(
            "location".into(),
            json!({ "latitude": latitude, "longitude": 110.0, "live_period": 900 }),
        );
        message.insert("media_group_id".into(), json!("album"));
        body
    };
    app.hook("telegram", place(1, -7.0).to_string()).await.expect(200);
    let mut moved = place(2, -7.5);
    let mut message = moved.as_object_mut().unwrap().remove("message").unwrap();
    message.as_object_mut().unwrap().remove("media_group_id");
    message["edit_date"] = json!(at + 30);
    moved["edited_message"] = message;
    app.hook("telegram", moved.to_string()).await.expect(200);
    let now = newest(&app).await;
    assert_eq!((&now["content"]["location"]["latitude"], &now["version"]), (&json!(-7.5), &json!(2)));
    assert_eq!(now["content"]["media_group"], "album", "what the change does not tell stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_number_that_is_told_many_times_at_once_is_noted_once() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let mut body = whatsapp_message("6281234567890", "wamid.s", app.clock.now().unix_seconds(), "");
    let value = &mut body["entry"][0]["changes"][0]["value"];
    value.as_object_mut().unwrap().remove("contacts");
    let message = &mut value["messages"][0];
    message.as_object_mut().unwrap().remove("text");
    message["type"] = json!("system");
    message["system"] = json!({ "type": "user_changed_number", "wa_id": "628989001122" });
    let hook = app.hook("whatsapp", body.to_string());
    for reply in join_all((0..20).map(|_| hook.clone().into_future())).await {
        reply.expect(200);
    }
    let path = format!("/v1/conversations/{id}");
    let thread = app.admin().all_messages(&path).await;
    assert_eq!(thread.len(), 2);
    let (note, system) = (&thread[0], &thread[0]["content"]["system"]);
    assert_eq!(
        (&note["text"], &note["direction"]),
        (&json!("The customer's number changed"), &json!("system"))
    );
    assert_eq!((&system["from"], &system["to"]), (&json!("6281234567890"), &json!("628989001122")));
    let now = app.admin().get(&path).await.expect(200);
    assert_eq!((&now["contact"]["phone"], &now["unread_count"]), (&json!("628989001122"), &json!(1)));
    assert_eq!(now["last_message"]["text"], "Halo");
}
