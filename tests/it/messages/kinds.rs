//! What a channel says that it can send arrives as it is, at providers as strict as the real ones; what it does not say
//! is refused before they are asked.

use domain::message::MessageKind;
use harness::{Caller, TestApp, eventually};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::samples::{CHANNELS, good, held, received, samples, upload};

const FILES: [&str; 4] = ["image", "video", "document", "audio"];

async fn capabilities(app: &TestApp, channel: &str) -> Value {
    let path = format!("/v1/channels/{}", app.channel(channel));
    app.agent(0).get(path).await.expect(200)["capabilities"].clone()
}

/// Sends, and expects to be refused at this pointer, with nothing stored.
async fn refused(app: &TestApp, caller: &Caller, path: &str, body: Value, pointer: &str, code: &str) {
    let before = app.count("messages");
    let told = caller.post(format!("{path}/messages"), body.clone()).await.problem(422, "validation_failed");
    let error = &told["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{body}: {}", told.json);
    assert_eq!(app.count("messages"), before, "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_that_a_channel_has_arrives_and_no_other_is_taken() {
    let app = TestApp::with_sandbox().await;
    let siti = app.agent(0);
    for channel in CHANNELS {
        let (customer, path) = held(&app, channel).await;
        let can = capabilities(&app, channel.0).await;
        let window = siti.get(&path).await.expect(200)["reply_window"]["allowed"].clone();
        assert_eq!(window, can["kinds"], "what may be sent now is what can be sent");
        let mut sent = 0;
        for kind in MessageKind::ALL.iter().map(|kind| kind.as_str()).filter(|kind| {
            // Templates have to be there first: they have tests of their own.
            !FILES.contains(kind) && *kind != "template"
        }) {
            if can["kinds"].as_array().unwrap().contains(&json!(kind)) {
                let message = siti.post(format!("{path}/messages"), good(kind)).await.expect(201);
                assert_eq!((&message["kind"], &message["status"]), (&json!(kind), &json!("queued")));
                sent += 1;
                let arrived = received(&customer, sent).await;
                let text = if kind == "location" { Value::Null } else { good(kind)["text"].clone() };
                assert!([&text, &json!("Toko Tani")].contains(&&arrived["text"]), "{kind}: {arrived}");
            } else {
                refused(&app, &siti, &path, good(kind), "/kind", "not_supported").await;
            }
        }
        for sample in samples() {
            let limits = can["limits"]["attachments"].as_array().unwrap();
            let limits = limits.iter().find(|limits| limits["kind"] == sample.0).unwrap();
            let types = limits["content_types"].as_array();
            let mut body = json!({ "kind": sample.0, "attachment_id": upload(&siti, &sample).await });
            if types.is_some_and(|types| !types.contains(&json!(sample.1))) {
                refused(&app, &siti, &path, body, "/attachment_id", "type_not_supported").await;
                continue;
            }
            let captioned = limits["caption_chars"].is_u64();
            if captioned {
                body["caption"] = json!("Ini kak 🙏");
            }
            let message = siti.post(format!("{path}/messages"), body).await.expect(201);
            assert_eq!(message["attachment"]["content_type"], sample.1);
            sent += 1;
            let arrived = received(&customer, sent).await;
            let file = &arrived["file"];
            assert_eq!(file["sha256"], hex::encode(Sha256::digest(&sample.3)), "{channel:?} {sample:?}");
            assert_eq!((&file["content_type"], &file["filename"]), (&json!(sample.1), &json!(sample.2)));
            assert_eq!(arrived["text"], if captioned { json!("Ini kak 🙏") } else { Value::Null });
        }
        eventually("that all are sent", || async { (app.count("jobs") == 0).then_some(()) }).await;
        assert_eq!(app.count("messages WHERE status IN ('failed', 'unknown')"), 0, "{channel:?}");
    }
}

/// A body of texts that are exactly so long.
fn long(count: u64) -> String {
    "é".repeat(usize::try_from(count).unwrap())
}

fn buttons(count: u64, title: u64, id: u64) -> Value {
    let button = |at: u64| {
        let tail = |length: u64| at.to_string() + &"x".repeat(usize::try_from(length).unwrap());
        json!({ "id": tail(id)[..usize::try_from(id).unwrap()], "title": tail(title)[..usize::try_from(title).unwrap()] })
    };
    (0..count).map(button).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_exactly_what_channels_say() {
    let app = TestApp::with_sandbox().await;
    let siti = app.agent(0);
    for channel in CHANNELS {
        let (customer, path) = held(&app, channel).await;
        let limits = capabilities(&app, channel.0).await["limits"].clone();
        let most = |pointer: &str| limits.pointer(pointer).and_then(Value::as_u64);
        let (text, count) = (most("/text_chars").unwrap(), most("/interactive/buttons").unwrap());
        let (title, id) =
            (most("/interactive/button_title_chars").unwrap(), most("/interactive/button_id_bytes").unwrap());
        let words = most("/interactive/text_chars").unwrap();
        let tap = |buttons: Value| {
            json!({ "kind": "interactive", "text": long(words),
            "interactive": { "type": "buttons", "buttons": buttons } })
        };
        let fitting = [json!({ "kind": "text", "text": long(text) }), tap(buttons(count, title, id))];
        for (at, body) in fitting.into_iter().enumerate() {
            let _ = siti.post(format!("{path}/messages"), body).await.expect(201);
            received(&customer, at + 1).await;
        }
        let mut longer = tap(buttons(1, 1, 1));
        longer["text"] = json!(long(words + 1));
        let one = json!({ "id": "1", "title": "Ya" });
        for (body, pointer, code) in [
            (json!({ "kind": "text", "text": long(text + 1) }), "/text", "too_long"),
            (json!({ "kind": "text", "text": " \n" }), "/text", "required"),
            (json!({ "kind": "text" }), "/text", "required"),
            (json!({ "kind": "text", "text": "x", "caption": "y" }), "/caption", "unexpected"),
            (json!({ "kind": "image" }), "/attachment_id", "required"),
            (longer, "/text", "too_long"),
            (tap(buttons(count + 1, 1, 1)), "/interactive/buttons", "too_many"),
            (tap(json!([])), "/interactive/buttons", "required"),
            (tap(buttons(1, title + 1, 1)), "/interactive/buttons/0/title", "too_long"),
            (tap(buttons(1, 1, id + 1)), "/interactive/buttons/0/id", "too_long"),
            (tap(json!([one, one])), "/interactive/buttons/1/id", "duplicate"),
        ] {
            refused(&app, &siti, &path, body, pointer, code).await;
        }
        lists(&app, (&customer, &path), &limits["interactive"]).await;
        places(&app, &path, channel.0).await;
    }
}

async fn lists(app: &TestApp, (customer, path): (&harness::Customer, &str), limits: &Value) {
    let siti = app.agent(0);
    let row =
        |at: u64| json!({ "id": at.to_string(), "title": format!("Baris {at}"), "description": "Rp 1" });
    let list = |sections: Value| {
        json!({ "kind": "interactive", "text": "Pilih", "interactive":
        { "type": "list", "header": "Menu", "footer": "Toko Tani", "button": "Lihat", "sections": sections } })
    };
    let rows = |count: u64| (0..count).map(row).collect::<Value>();
    if limits["list"].is_null() {
        let mut plain = list(json!([{ "rows": rows(1) }]));
        for edge in ["header", "footer"] {
            plain["interactive"].as_object_mut().unwrap().remove(edge);
        }
        refused(app, &siti, path, plain, "/interactive/type", "not_supported").await;
        let mut edged = good("interactive");
        edged["interactive"]["header"] = json!("Menu");
        return refused(app, &siti, path, edged, "/interactive/header", "not_supported").await;
    }
    let _ = siti.post(format!("{path}/messages"), list(json!([{ "rows": rows(10) }]))).await.expect(201);
    let arrived = received(customer, 3).await;
    assert_eq!(arrived["content"]["action"]["sections"][0]["rows"].as_array().unwrap().len(), 10);
    assert_eq!(arrived["content"]["header"], json!({ "type": "text", "text": "Menu" }));
    let two = |first: u64, second: Value| list(json!([{ "title": "A", "rows": rows(first) }, second]));
    for (body, pointer, code) in [
        (list(json!([{ "rows": rows(11) }])), "/interactive/sections/0/rows", "too_many"),
        (
            two(10, json!({ "title": "B", "rows": [{ "id": "x", "title": "X" }] })),
            "/interactive/sections",
            "too_many",
        ),
        (
            two(1, json!({ "rows": [{ "id": "x", "title": "X" }] })),
            "/interactive/sections/1/title",
            "required",
        ),
        (two(1, json!({ "title": "B", "rows": rows(1) })), "/interactive/sections/1/rows/0/id", "duplicate"),
    ] {
        refused(app, &siti, path, body, pointer, code).await;
    }
}

async fn places(app: &TestApp, path: &str, channel: &str) {
    if channel == "messenger" {
        return;
    }
    let siti = app.agent(0);
    let at = |changes: Value| {
        let mut place = json!({ "latitude": 0, "longitude": 0 });
        place.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        json!({ "kind": "location", "location": place })
    };
    for (changes, pointer, code) in [
        (json!({ "latitude": 90.1 }), "/location/latitude", "out_of_range"),
        (json!({ "longitude": -181 }), "/location/longitude", "out_of_range"),
        (json!({ "name": "Toko" }), "/location/address", "required"),
        (json!({ "name": "Toko", "address": long(301) }), "/location/address", "too_long"),
    ] {
        refused(app, &siti, path, at(changes), pointer, code).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_customer_taps_comes_back_as_the_buttons_id() {
    let app = TestApp::with_sandbox().await;
    for channel in CHANNELS {
        let (customer, path) = held(&app, channel).await;
        let sent = app.agent(0).post(format!("{path}/messages"), good("interactive")).await.expect(201);
        assert_eq!(sent["content"]["interactive"]["buttons"][1]["id"], "l");
        let shown = received(&customer, 1).await;
        assert!(shown["content"].to_string().contains("\"l\""), "{shown}");
        let id = shown["provider_message_id"].as_str().unwrap().rsplit(':').next().unwrap();
        let tapped = json!({ "kind": "button_reply", "payload": "l", "text": "Besar", "reply_to": id });
        customer.sends(tapped).await;
        let answer = app.agent(0).get(format!("{path}/messages")).await.expect(200)["items"][0].clone();
        assert_eq!(
            (&answer["kind"], &answer["content"]["choice"]["payload"]),
            (&json!("interactive"), &json!("l"))
        );
    }
}
