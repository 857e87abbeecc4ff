//! Every documented operation, tried by those who may not.

mod foreign_ids;
mod lengths;
mod repeats;
mod rights;

use harness::contract::{Operation, operations};
use harness::mail::MailServer;
use harness::team::assignment_settings;
use harness::uploads::{Part, form};
use harness::{Caller, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::attachments::PNG;
use crate::support::text;

/// Operations that need no access token. This list only shrinks.
pub const PUBLIC: [&str; 17] = [
    "accept_invite",
    "confirm_password_reset",
    "get_asyncapi",
    "get_health",
    "get_metrics",
    "get_openapi",
    "get_readiness",
    "login",
    "logout",
    "open_stream",
    "receive_messenger_webhook",
    "receive_telegram_webhook",
    "receive_whatsapp_webhook",
    "refresh",
    "request_password_reset",
    "verify_messenger_webhook",
    "verify_whatsapp_webhook",
];

/// A path with its parameters filled in.
pub fn filled(path: &str, value: impl Fn(&str) -> String) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => value(name),
        None => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

pub fn operation_id(operation: &Operation) -> &'static str {
    operation.spec["operationId"].as_str().unwrap()
}

/// A body that is fine in itself, so that the refusal is about the thing and not about the words.
fn body_of(operation: &Operation) -> Option<Value> {
    if operation.spec["requestBody"].is_null() {
        return None;
    }
    Some(match operation_id(operation) {
        "change_password" => {
            json!({ "current_password": harness::client::PASSWORD, "new_password": "kata-sandi-baru" })
        }
        // It wants what never happens by itself, so that nothing goes on in the background.
        "create_webhook_endpoint" => {
            json!({ "url": "http://127.0.0.1:9/hook", "event_types": ["webhook_endpoint.tested"] })
        }
        "update_webhook_endpoint" => json!({ "description": "Diambil alih" }),
        "redeliver_webhook_range" => json!({ "from_seq": 1, "to_seq": 1_000_000 }),
        "create_api_key" => json!({ "name": "Kunci", "scopes": ["team:read"] }),
        "assign_conversation" => json!({ "agent_id": NOBODY }),
        "create_contact" | "update_contact" => json!({ "name": "Orang lain" }),
        "merge_contact" => json!({ "contact_id": NOBODY }),
        "unmerge_contact" => json!({ "merge_id": NOBODY }),
        // A string is a CSV file with one column.
        "import_contacts" => json!("name"),
        "create_message" => text("Halo"),
        "set_reaction" => json!({ "emoji": "👍" }),
        "create_template" => crate::support::template(NOBODY, "templat_lain"),
        "update_template" => json!({ "initiate": false }),
        "start_conversation" => json!({
            "channel_id": NOBODY, "phone": "+6281234567890", "template": { "template_id": NOBODY },
        }),
        "create_distribution_policy" | "update_distribution_policy" => json!({ "name": "Kebijakan lain" }),
        "create_division" | "update_division" => json!({ "name": "Divisi lain" }),
        "update_division_members" => json!({ "agent_ids": [] }),
        "create_label" | "update_label" => json!({ "name": "Label lain", "color": "#123456" }),
        "create_note" | "update_note" => json!({ "text": "Catatan lain" }),
        "update_workspace" => json!({ "name": "Toko lain" }),
        "update_assignment_settings" => assignment_settings(&json!({})),
        "update_messaging_settings" => messaging_settings(),
        "create_signed_urls" => json!({ "attachment_ids": [NOBODY] }),
        "update_channel" => json!({ "name": "Diambil alih" }),
        "deliver_inbound" => json!({ "messages": [crate::api_channel::message("m-1", "Halo")] }),
        "create_agent" => {
            json!({ "name": "X", "email": "x@x.example", "role": "agent", "password": "kata-sandi" })
        }
        "update_agent" => json!({ "name": "Diambil alih" }),
        "set_agent_supervisor" => json!({ "supervisor_id": null }),
        "set_agent_allocation" => json!({ "channel_ids": [], "division_ids": [] }),
        "read_notifications" => json!({ "all": true }),
        "update_me" => json!({ "name": "Bukan saya" }),
        "update_notification_preferences" => json!({ "sound": false, "toast": true, "muted_kinds": [] }),
        "set_availability" => json!({ "availability": "away" }),
        "simulate_routing" => json!({ "conversation": { "channel_id": NOBODY } }),
        "create_channel" => harness::app::channels().remove(0).1,
        "create_workspace" => {
            json!({ "name": "X", "slug": "x", "admin": { "name": "X", "email": "x@x.example", "password": "kata-sandi" } })
        }
        other => panic!("give {other} a body that is fine in itself"),
    })
}

pub fn call(caller: &Caller, operation: &Operation, path: &str) -> harness::client::Call {
    let method: Method = operation.method.to_uppercase().parse().unwrap();
    let call = caller.call(method, path);
    if operation_id(operation) == "create_attachment" {
        let (content_type, body) = a_file();
        return call.bytes(&content_type, body);
    }
    match body_of(operation) {
        Some(body) => call.bytes(media_type(operation), body.to_string()),
        None => call,
    }
}

/// What the operation takes.
fn media_type(operation: &Operation) -> &'static str {
    let content = operation.spec["requestBody"]["content"].as_object();
    content.and_then(|types| types.keys().next()).map_or("application/json", String::as_str)
}

/// A form with a file that is fine.
pub fn a_file() -> (String, Vec<u8>) {
    let kind = Part { name: "kind", filename: None, bytes: b"image" };
    form(&[kind, Part { name: "file", filename: Some("foto.png"), bytes: PNG }])
}

/// Messaging settings that are fine.
pub fn messaging_settings() -> Value {
    let limits = json!({ "image": 1000, "video": 1000, "document": 1000, "audio": 1000 });
    json!({ "reply_window_warning_minutes": null, "attachment_limits": limits })
}

pub const NOBODY: &str = "0192f000-0000-7000-8000-000000000000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_01_every_operation_without_a_token_is_401_and_does_nothing() {
    let app = TestApp::start().await;
    let rows = app.database.snapshot();
    let mut tried = 0;
    for operation in operations() {
        if PUBLIC.contains(&operation_id(&operation)) {
            continue;
        }
        let path = filled(operation.path, |_| NOBODY.to_owned());
        let refused = call(&app.anonymous(), &operation, &path).await.problem(401, "missing_credentials");
        assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer"), "{path}");
        assert!(refused.header("stream-cursor").is_none(), "{path}");
        for token in ["x", "", "a.b.c", "tgk_x"] {
            call(&app.bearer(token), &operation, &path).await.problem(401, "invalid_token");
        }
        let basic = call(&app.anonymous(), &operation, &path).header("Authorization", "Basic YTpi");
        basic.await.problem(401, "invalid_token");
        tried += 1;
    }
    assert_eq!(tried + PUBLIC.len(), operations().len());
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_02_a_stranger_cannot_tell_anothers_things_from_those_that_never_were() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let stranger = app.another_team("dua").await.admin();
    let conversation = app.conversation("6281234567890", "Halo").await;
    let claimed = app.admin().act(format!("/v1/conversations/{conversation}/claim")).await.expect(200);
    let sent = app
        .admin()
        .post(format!("/v1/conversations/{conversation}/messages"), text("Halo"))
        .await
        .expect(201);
    let key = json!({ "name": "Kunci", "scopes": ["team:read"] });
    let key = app.admin().post("/v1/api-keys", key).await.expect(201)["api_key"]["id"].clone();
    let key = key.as_str().unwrap().to_owned();
    let label = json!({ "name": "Penting", "color": "#FF0000" });
    let label = app.admin().post("/v1/labels", label).await.expect(201);
    let contact = claimed["contact"]["id"].as_str().unwrap().to_owned();
    let notes = format!("/v1/contacts/{contact}/notes");
    let note = app.admin().post(notes, json!({ "text": "Rahasia" })).await.expect(201);
    let policy = app.admin().post("/v1/distribution-policies", json!({ "name": "Setia" })).await.expect(201);
    let body = crate::support::template(app.channel("whatsapp"), "pesanan_dikirim");
    let template = app.admin().post("/v1/templates", body).await.expect(201);
    let file = app.admin().upload("image", "foto.png", PNG).await.expect(201);
    let endpoint = json!({ "url": "http://127.0.0.1:9/hook", "event_types": ["webhook_endpoint.tested"] });
    let endpoint = app.admin().post("/v1/webhook-endpoints", endpoint).await.expect(201);
    let endpoint = endpoint["webhook_endpoint"]["id"].as_str().unwrap().to_owned();
    let test = app.admin().act(format!("/v1/webhook-endpoints/{endpoint}/test")).await.expect(202);
    let id_of = |name: &str| match name {
        "endpoint_id" => endpoint.clone(),
        "delivery_id" => test.id(),
        "attachment_id" => file.id(),
        "conversation_id" => conversation.clone(),
        "message_id" => sent.id(),
        "ticket_id" => claimed["ticket_id"].as_str().unwrap().to_owned(),
        "channel_id" => app.channel("whatsapp").to_owned(),
        "agent_id" => app.agent(0).id(),
        "division_id" => app.division.to_string(),
        "api_key_id" => key.clone(),
        "policy_id" => policy.id(),
        "template_id" => template.id(),
        "label_id" => label.id(),
        "contact_id" => contact.clone(),
        "note_id" => note.id(),
        other => panic!("say which {other} the first workspace has"),
    };
    // Nobody answers here: what was to be done at the provider has been tried, and waits.
    harness::eventually("the first attempts", || async {
        let jobs = app.count("jobs WHERE attempts = 0 OR claimed_until IS NOT NULL");
        (jobs == 0 && rights::endpoints_rest(&app)).then_some(())
    })
    .await;
    let rows = app.database.snapshot();
    let mut walked: Vec<_> = operations()
        .into_iter()
        .filter(|one| one.path.contains('{') && !PUBLIC.contains(&operation_id(one)))
        .collect();
    // What is deleted is there for nobody afterwards.
    walked.sort_by_key(|one| one.method == "delete");
    for operation in &walked {
        let theirs = call(&stranger, operation, &filled(operation.path, id_of)).await;
        let never = call(&stranger, operation, &filled(operation.path, |_| NOBODY.to_owned())).await;
        let (theirs, never) = (theirs.problem(404, "not_found"), never.problem(404, "not_found"));
        let shown = |reply: &harness::Reply| {
            let mut body = reply.json.clone();
            body["request_id"] = Value::Null;
            body["instance"] = Value::Null;
            body
        };
        assert_eq!(shown(&theirs), shown(&never), "{}", operation.path);
        let names = |reply: &harness::Reply| {
            reply
                .headers
                .keys()
                .map(|name| name.as_str().to_owned())
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(names(&theirs), names(&never), "{}", operation.path);
    }
    assert_eq!(app.database.snapshot(), rows);
    let list =
        stranger.get(format!("/v1/conversations?tab=all&channel_id={}", app.channel("whatsapp"))).await;
    assert_eq!(list.expect(200)["items"], json!([]));
    for list in [
        "/v1/conversations?tab=all",
        "/v1/tickets",
        "/v1/contacts",
        "/v1/channels",
        "/v1/api-keys",
        "/v1/distribution-policies",
        "/v1/templates",
        "/v1/labels",
        "/v1/webhook-endpoints",
    ] {
        assert!(stranger.all(list).await.is_empty(), "{list}");
    }
    let whole = stranger
        .all("/v1/agents")
        .await
        .iter()
        .chain(&stranger.all("/v1/divisions").await)
        .map(Value::to_string)
        .collect::<String>();
    assert!(!whole.contains(&app.agent(0).id()) && !whole.contains(&app.division.to_string()));
    // The things are there for those they belong to.
    for operation in &walked {
        let own = call(&app.admin(), operation, &filled(operation.path, id_of)).await;
        assert!(own.status != 404 && own.status < 500, "{}: {}", operation.path, own.status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_03_ids_of_another_tenant_in_bodies_are_unknown_and_store_nothing() {
    let app = TestApp::start().await;
    let other = app.another_team("dua").await;
    let mine = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{mine}");
    let rows = app.database.snapshot();
    for (name, theirs) in [("agent_id", other.agent(0).id()), ("division_id", other.division.to_string())] {
        let told = |id: &str| app.admin().post(format!("{path}/assign"), json!({ name: id }));
        let (theirs, never) = (told(&theirs).await, told(NOBODY).await);
        let (theirs, never) =
            (theirs.problem(422, "validation_failed"), never.problem(422, "validation_failed"));
        assert_eq!(theirs["errors"], never["errors"]);
    }
    // A channel of the other tenant may have the same account, and its messages the same ids.
    let channel = other.admin().post("/v1/channels", harness::app::channels().remove(0).1).await.expect(201);
    let body = harness::hooks::whatsapp_message(
        "6281234567890",
        "wamid.DUA",
        app.clock.now().unix_seconds(),
        "Halo dua",
    );
    let signature =
        api::channels::signature::sign(body.to_string().as_bytes(), harness::fixtures::APP_SECRET);
    let hook = app.anonymous().act(format!("/hooks/whatsapp/{}", channel.id()));
    hook.header("X-Hub-Signature-256", signature)
        .bytes("application/json", body.to_string())
        .await
        .expect(200);
    let theirs = other.admin().all("/v1/conversations?tab=all").await;
    assert_eq!(theirs.len(), 1);
    let their_message = theirs[0]["last_message"]["id"].clone();
    let body = json!({ "kind": "text", "text": "x", "reply_to": their_message });
    let refused = app.admin().post(format!("{path}/messages"), body).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/reply_to");
    let retry = format!("{path}/messages/{}/retry", their_message.as_str().unwrap());
    app.admin().act(retry).await.problem(404, "not_found");
    assert_eq!(app.admin().all("/v1/conversations?tab=all").await.len(), 1);
    let now = app.database.snapshot();
    for table in ["tickets", "jobs", "ticket_holders"] {
        assert_eq!(now[table], rows[table], "{table}");
    }
}
