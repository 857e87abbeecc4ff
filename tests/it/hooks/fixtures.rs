//! Every body of `tests/fixtures` gives what `expected.json` says, once.

use chrono::DateTime;
use harness::TestApp;
use harness::fixtures::{expected, names, signatures};
use persistence::messages::{self, NewMessage};
use serde_json::{Value, json};

use crate::support::Messages;

const OUT1: &str = "wamid.HBgNNjI4MTIzNDU2Nzg5MBUCABEYEjlGM0MyMUFCNzdEMEU0MUI1QQA=";
const OUT2: &str = "wamid.HBgNNjI4NTcxMTIyMzM0NBUCABEYEjREMUU4OEMwMzI3QkFBOUYxMAA=";
const OUT3: &str = "wamid.HBgNNjI4Nzc4ODk5MDAxMRUCABEYEjc3QUMwQjE5RDNFMjVGNkM4MQA=";
const OUTD: &str = "wamid.HBgNNjI4MTM5MDAxMTIyMxUCABEYEkFBMTFCQjIyQ0MzM0RENDRFRQA=";

/// Messages that we sent before the fixtures begin: to whom, and the provider's id.
const SENT: [(&str, &str, &str); 7] = [
    ("whatsapp", "ID.8841920577310462", OUT1),
    ("whatsapp", "ID.1190284756620193", OUT2),
    ("whatsapp", "ID.7719283746501934", OUT3),
    ("whatsapp", "ID.5520918374651120", OUTD),
    ("messenger", "7412583690147258", "m_out_9001"),
    ("telegram", "7512345678", "7512345678:43"),
    ("telegram", "7512345678", "7512345678:52"),
];

/// Customers write, so that there is somebody to have sent to; then what we sent is put in place.
async fn seed(app: &TestApp) {
    for (n, (kind, customer, provider_id)) in SENT.iter().enumerate() {
        let at = harness::app::START - 40_000;
        let body = match *kind {
            "whatsapp" => {
                let mut body = harness::hooks::whatsapp_message("1", &format!("wamid.seed{n}"), at, "Halo");
                let value = &mut body["entry"][0]["changes"][0]["value"];
                value["contacts"] = json!([]);
                value["messages"][0]["from_user_id"] = json!(customer);
                value["messages"][0].as_object_mut().unwrap().remove("from");
                body
            }
            "messenger" => {
                harness::hooks::messenger_message(customer, &format!("m_seed{n}"), at * 1000, "Halo")
            }
            _ => harness::hooks::telegram_message(
                customer.parse().unwrap(),
                884_110_000 + n as i64,
                30 + n as i64,
                at,
                "Halo",
            ),
        };
        app.hook(kind, body.to_string()).await.expect(200);
        let place = format!(
            "SELECT c.id::text AS value FROM conversations c JOIN contact_identities i ON i.id = c.identity_id
             WHERE i.external_id = '{customer}' AND c.channel_id = '{}'",
            app.channel(kind)
        );
        let conversation = app.database.values(&place)[0].parse().unwrap();
        let sent_at = domain::time::Timestamp::from_unix_seconds(at + 60).unwrap();
        let message = NewMessage {
            workspace_id: app.workspace,
            id: app.app().ids.make(sent_at),
            conversation_id: conversation,
            channel_id: app.channel(kind).parse().unwrap(),
            session_id: None,
            direction: domain::message::Direction::Outbound,
            author_type: domain::message::AuthorType::Agent,
            author_id: Some(app.agent(0).me().id.0),
            kind: domain::message::MessageKind::Text,
            text: Some(format!("terkirim {n}")),
            content: None,
            attachment_id: None,
            raw: None,
            reply_to_provider_id: None,
            reply_to_id: None,
            status: domain::message::MessageStatus::Sent,
            client_message_id: None,
            provider_message_id: Some((*provider_id).to_owned()),
            at: sent_at,
            edited_at: None,
            created_at: sent_at,
        };
        messages::insert_new(&mut app.database.connect(), vec![message]).unwrap();
    }
    app.database.execute("UPDATE messages SET sent_at = at WHERE direction = 'outbound'");
}

/// What the team sees of everything: each message with its conversation.
async fn seen(app: &TestApp) -> Vec<(Value, Value)> {
    let mut seen = Vec::new();
    for conversation in app.admin().all("/v1/conversations?tab=all&limit=100").await {
        let path = format!("/v1/conversations/{}", conversation["id"].as_str().unwrap());
        let messages = app.admin().all_messages(&path).await;
        seen.extend(messages.into_iter().map(|message| (message, conversation.clone())));
    }
    seen
}

fn find<'a>(seen: &'a [(Value, Value)], provider_id: &Value) -> &'a (Value, Value) {
    let mut found = seen.iter().filter(|(message, _)| message["provider_message_id"] == *provider_id);
    let one = found.next().unwrap_or_else(|| panic!("{provider_id} is not here"));
    assert!(found.next().is_none(), "{provider_id} is here twice");
    one
}

fn at(expected: &Value) -> i64 {
    expected["ts"]
        .as_i64()
        .map(|seconds| seconds * 1_000_000)
        .or_else(|| expected["ts_ms"].as_i64().map(|millis| millis * 1000))
        .unwrap()
}

#[track_caller]
fn same_time(shown: &Value, expected: &Value) {
    let shown = DateTime::parse_from_rfc3339(shown.as_str().unwrap()).unwrap().timestamp_micros();
    assert_eq!(shown, at(expected), "{expected}");
}

fn check_message(app: &TestApp, seen: &[(Value, Value)], expected: &Value) {
    let (message, conversation) = find(seen, &expected["provider_id"]);
    assert_eq!((&message["direction"], &message["status"]), (&json!("inbound"), &json!("received")));
    let kind = match expected["kind"].as_str().unwrap() {
        "voice" => "audio",
        "button_reply" | "list_reply" | "postback" => "interactive",
        kind => kind,
    };
    assert_eq!(message["kind"], kind, "{expected}");
    assert_eq!(message["text"], expected["text"], "{expected}");
    same_time(&message["at"], expected);
    if let Some(name) = expected["sender_name"].as_str() {
        assert_eq!(conversation["contact"]["name"], name);
        assert_eq!(message["author"]["name"], name);
    }
    let id = expected.get("sender_user_id").or(expected.get("sender")).unwrap();
    let identity = format!(
        "SELECT i.external_id || ' ' || coalesce(i.phone, '-') AS value FROM contact_identities i
         JOIN conversations c ON c.identity_id = i.id WHERE c.id = '{}'",
        conversation["id"].as_str().unwrap()
    );
    let phone = match expected.get("sender_user_id") {
        Some(_) => expected["sender"].as_str().unwrap_or("-"),
        None => "-",
    };
    assert_eq!(app.database.values(&identity), [format!("{} {phone}", id.as_str().unwrap())]);
    assert_eq!(conversation["contact"]["phone"].as_str().unwrap_or("-"), phone);
    match &expected["reply_to"] {
        Value::Null => assert_eq!(message["reply_to"], Value::Null, "{expected}"),
        target => {
            let (target, _) = find(seen, target);
            let shown = json!({ "message_id": target["id"], "text": target["text"] });
            assert_eq!(message["reply_to"], shown, "{expected}");
        }
    }
    check_content(message, expected);
}

fn check_content(message: &Value, expected: &Value) {
    let content = &message["content"];
    for (theirs, ours) in [
        ("payload", "/choice/payload"),
        ("media_group", "/media_group"),
        ("start_param", "/start_parameter"),
        ("error_code", "/unsupported/error_code"),
        ("unsupported_type", "/unsupported/type"),
    ] {
        assert_eq!(
            content.pointer(ours).unwrap_or(&Value::Null),
            &expected[theirs],
            "{theirs} of {expected}"
        );
    }
    for (theirs, ours) in [
        ("source_type", "source_type"),
        ("source_id", "source_id"),
        ("ad_id", "source_id"),
        ("headline", "headline"),
        ("ctwa_clid", "click_id"),
        ("ref", "parameter"),
    ] {
        if let Some(value) = expected["referral"].get(theirs) {
            assert_eq!(content["referral"][ours], *value, "{theirs} of {expected}");
        }
    }
    for (name, value) in expected["location"].as_object().into_iter().flatten() {
        assert_eq!(content["location"][name], *value, "{name} of {expected}");
    }
    if let Some(choice @ ("button_reply" | "list_reply" | "postback")) = expected["kind"].as_str() {
        assert_eq!(content["choice"]["type"], choice, "{expected}");
        assert_eq!(content["choice"]["title"], expected["text"], "{expected}");
    }
    assert_eq!(content["forwarded"] == true, expected["forwarded"] == true, "{expected}");
    assert_eq!(content["media"]["voice"] == true, expected["kind"] == "voice", "{expected}");
    // Each group of members belongs to its kind, and nothing is left in words of a provider.
    assert_eq!(content["raw"], Value::Null, "{expected}");
    for (group, kinds) in [
        ("location", &["location"][..]),
        ("contacts", &["contacts"]),
        ("choice", &["interactive"]),
        ("form", &["interactive"]),
        ("order", &["order"]),
        ("unsupported", &["unsupported"]),
        ("media", &["image", "video", "audio", "document", "sticker"]),
        ("system", &[]),
    ] {
        let fits = content[group].is_null() || kinds.contains(&message["kind"].as_str().unwrap());
        assert!(fits, "{group} of {expected}");
    }
    let (file, want) = (&message["attachment"], &expected["media"]);
    if want.is_null() {
        assert_eq!(*file, Value::Null, "{expected}");
        return;
    }
    let either = |a: &str, b: &str| want.get(a).or(want.get(b)).cloned().unwrap_or_default();
    assert_eq!(file["filename"], either("filename", "file_name"), "{expected}");
    if !want["mime_type"].is_null() {
        assert_eq!(file["content_type"], want["mime_type"], "{expected}");
    }
    assert_eq!(file["size_bytes"], want["file_size"], "{expected}");
    assert_eq!(content["media"]["animated"] == true, want["animated"] == true, "{expected}");
}

fn check_status(seen: &[(Value, Value)], expected: &Value) {
    let (message, _) = find(seen, &expected["provider_id"]);
    let status = expected["status"].as_str().unwrap();
    assert_eq!(message["status"], status);
    if status != "sent" {
        same_time(&message["status_times"][status], expected);
    }
    if status == "read" {
        assert_ne!(message["status_times"]["delivered"], Value::Null, "read tells that it was delivered");
    }
    match expected["error_code"].as_i64() {
        Some(code) => {
            assert_eq!(message["error"]["provider_code"], code.to_string());
            assert_eq!(message["error"]["code"], "reply_window_closed");
            assert!(message["error"]["detail"].as_str().unwrap().contains("template"));
        }
        None => assert_eq!(message["error"], Value::Null),
    }
}

/// The other things that a body may say; `true` if it was one of them.
fn check_news(app: &TestApp, seen: &[(Value, Value)], expected: &Value) {
    let value = |query: &str| app.database.values(query).remove(0);
    match expected["type"].as_str().unwrap() {
        "reaction" => {
            // Put on and taken back in one body: nothing is left but that it was.
            let (message, _) = find(seen, &expected["target"]);
            assert_eq!(message["reactions"], json!([]));
            let kept = format!(
                "SELECT count(*)::text AS value FROM message_reactions WHERE message_id = '{}' AND emoji IS NULL",
                message["id"].as_str().unwrap()
            );
            assert_eq!(value(&kept), "1");
        }
        "edit" => {
            let id = expected.get("target").or(expected.get("provider_id")).unwrap();
            let (message, _) = find(seen, id);
            assert_eq!(message["text"], expected["text"]);
            same_time(&message["edited_at"], expected);
        }
        "delivery" => {
            let (message, _) = find(seen, &expected["mids"][0]);
            assert_ne!(message["status_times"]["delivered"], Value::Null);
        }
        "read" => assert_eq!(find(seen, &json!("m_out_9001")).0["status"], "read"),
        "marketing_preference" => {
            let opted_out = "SELECT extract(epoch FROM k.opted_out_at)::bigint::text AS value FROM contacts k
                JOIN contact_identities i ON i.contact_id = k.id WHERE i.external_id = 'ID.3301928475610239'";
            assert_eq!(value(opted_out), expected["ts"].to_string());
        }
        "channel_error" | "channel_alert" => {
            let detail = value(
                "SELECT coalesce(state_detail, '') AS value FROM channels WHERE external_id = '115029384756102'",
            );
            assert!(detail.contains("130429") || detail.contains("ACCOUNT_RESTRICTION"), "{detail}");
        }
        // Two changes of one person, checked when both are done.
        "identity_change" => {
            let rina = "SELECT i.external_id || ' ' || i.phone AS value FROM contact_identities i
                JOIN contacts k ON k.id = i.contact_id WHERE k.name = 'Rina'";
            assert_eq!(app.database.values(rina), ["ID.9912837465012888 628989001122"]);
            // The thread says both, once each.
            let said = "SELECT text || ' ' || (content -> 'system' ->> 'event') AS value FROM messages
                WHERE kind = 'system' AND content -> 'system' ->> 'event' IN ('number_changed', 'identity_changed')
                ORDER BY id";
            let number = "The customer's number changed number_changed";
            let id = "The provider knows the customer by another id now identity_changed";
            assert_eq!(app.database.values(said), [number, id]);
        }
        // Templates are not kept yet; the rest has no effect.
        "duplicate" | "referral" | "ignored" | "template_status" | "template_category" => {}
        other => panic!("nobody checks {other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_body_gives_what_is_expected_and_a_repeat_adds_nothing() {
    let app = TestApp::start().await;
    seed(&app).await;
    let expected = expected();
    let all: Vec<String> =
        ["whatsapp", "messenger", "telegram"].iter().flat_map(|kind| names(kind)).collect();
    // Rina's number and id change last: what came before names the old ones.
    let (last, mut order): (Vec<_>, Vec<_>) = all.into_iter().partition(|name| name.contains("/12_"));
    order.extend(last);
    assert_eq!(order.len(), expected.as_object().unwrap().len());
    for name in &order {
        let before = app.count("messages WHERE kind <> 'system'");
        app.fixture(name).await;
        let seen = seen(&app).await;
        let expected = expected[name].as_array().unwrap();
        for one in expected {
            match one["type"].as_str().unwrap() {
                "message" => check_message(&app, &seen, one),
                "status" => check_status(&seen, one),
                _ => check_news(&app, &seen, one),
            }
        }
        let messages = expected.iter().filter(|one| one["type"] == "message").count() as i64;
        // The first message of 21 came with 01.
        let known = i64::from(name.contains("/21_"));
        let now = app.count("messages WHERE kind <> 'system'");
        assert_eq!(now - before, messages - known, "{name}");
    }
    let (rows, head) = (app.database.snapshot(), app.head(app.workspace).await);
    for name in &order {
        app.fixture(name).await;
        assert_eq!(app.database.snapshot(), rows, "a repeat of {name} wrote something");
        assert_eq!(app.head(app.workspace).await, head, "a repeat of {name} told something");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_of_an_unknown_message_is_stored_as_the_message() {
    let app = TestApp::start().await;
    app.fixture("telegram/03_edited_message.json").await;
    let seen = seen(&app).await;
    let expected = &expected()["telegram/03_edited_message.json"][0];
    assert_eq!(find(&seen, &expected["provider_id"]).0["text"], expected["text"]);
    assert_eq!(app.count("messages"), 1);
    app.fixture("telegram/03_edited_message.json").await;
    assert_eq!(app.count("messages"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_06_signatures_are_over_the_raw_bytes_and_one_flipped_byte_writes_nothing() {
    let app = TestApp::start().await;
    for (name, signature) in signatures() {
        let kind = name.split('/').next().unwrap();
        let path = format!("/hooks/{kind}/{}", app.channel(kind));
        let post = |body: Vec<u8>, signature: &str| {
            app.anonymous()
                .act(&path)
                .header("X-Hub-Signature-256", signature)
                .bytes("application/json", body)
        };
        let body = harness::fixtures::bytes(&name);
        let rows = app.database.snapshot();
        let mut bent = body.clone();
        bent[body.len() / 2] ^= 1;
        post(bent, &signature).await.problem(401, "invalid_signature");
        post(body.clone(), &signature.replace("sha256=", "sha1=")).await.problem(401, "invalid_signature");
        let unsigned = app.anonymous().act(&path).bytes("application/json", body.clone());
        let refused = unsigned.await.problem(401, "invalid_signature");
        assert!(refused.header("www-authenticate").is_none(), "signing in would not help");
        assert_eq!(app.database.snapshot(), rows, "{name}");
        post(body, &signature).await.expect(200);
    }
    let body = harness::fixtures::bytes("telegram/01_start_deeplink_text.json");
    let call = app.anonymous().act(format!("/hooks/telegram/{}", app.channel("telegram")));
    let rows = app.database.snapshot();
    call.clone().bytes("application/json", body.clone()).await.problem(401, "invalid_signature");
    let wrong = call.header("X-Telegram-Bot-Api-Secret-Token", "fixture-telegram-secreT");
    wrong.bytes("application/json", body).await.problem(401, "invalid_signature");
    assert_eq!(app.database.snapshot(), rows);
}
