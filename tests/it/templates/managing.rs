//! Templates are made, changed and deleted here, and done so at the provider.

use harness::{TestApp, eventually};
use serde_json::{Value, json};

use crate::support::{approved, template};

async fn reads(app: &TestApp, id: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/templates/{id}");
    eventually(what, || async {
        let now = app.agent(0).get(&path).await.expect(200).json;
        fits(&now).then_some(now)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_is_handed_in_decided_changed_and_deleted() {
    let app = TestApp::with_sandbox().await;
    let (admin, mut log) = (app.admin(), app.follow().await);
    let made = admin.post("/v1/templates", template(app.channel("whatsapp"), "kirim")).await.expect(201);
    assert_eq!((&made["status"], &made["provider_status"]), (&json!("pending"), &Value::Null));
    assert_eq!((&made["initiate"], &made["version"]), (&json!(true), &json!(1)));
    let id = made.id();
    let handed = reads(&app, &id, "a provider's id", |now| now["provider_status"] == "PENDING").await;
    let theirs = app.provider_templates().await.remove(0);
    assert_eq!(theirs["id"], handed["provider_template_id"]);
    assert_eq!(theirs["components"][0]["example"]["body_text"], json!([["Rina", "INV-1"]]));
    let path = format!("/v1/templates/{id}");
    let theirs = theirs["id"].as_str().unwrap().to_owned();

    // While the provider reviews it, it takes no change; whether it may begin is ours.
    let other = json!({ "components": { "body": { "text": "Halo kak." } } });
    admin.patch(&path, other.clone()).await.problem(409, "template_not_changeable");
    admin.patch(&path, json!({ "initiate": false })).if_match(1).await.problem(412, "version_mismatch");
    let quiet = admin.patch(&path, json!({ "initiate": false })).await.expect(200);
    assert_eq!(quiet["initiate"], false);
    app.provider_decides(&theirs, json!({ "status": "REJECTED", "reason": "INVALID_FORMAT" })).await;
    let rejected = admin.get(&path).await.expect(200);
    assert_eq!(
        (&rejected["status"], &rejected["rejection_reason"]),
        (&json!("rejected"), &json!("INVALID_FORMAT"))
    );
    admin.patch(&path, other.clone()).await.expect(200);
    reads(&app, &id, "the change at the provider", |now| now["provider_status"] == "PENDING").await;
    assert_eq!(app.provider_templates().await[0]["components"][0]["text"], "Halo kak.");
    for (word, status) in [("APPROVED", "accepted"), ("PAUSED", "paused"), ("APPROVED", "accepted")] {
        app.provider_decides(&theirs, json!({ "status": word })).await;
        let told = log.until(word, |event| event["data"]["provider_status"] == word).await;
        assert_eq!((&told["type"], &told["data"]["status"]), (&json!("template.updated"), &json!(status)));
        assert_eq!(told["data"]["rejection_reason"], Value::Null);
    }
    app.provider_decides(&theirs, json!({ "category": "MARKETING" })).await;
    assert_eq!(admin.get(&path).await.expect(200)["category"], "marketing");

    // A change that the provider refuses leaves the template as the provider has it.
    let body = json!({ "components": { "body": { "text": "Halo {{1}} ya.", "samples": { "1": "Rina" } } } });
    let changed = admin.patch(&path, body.clone()).await.expect(200);
    assert_eq!((&changed["status"], &changed["provider_status"]), (&json!("pending"), &Value::Null));
    reads(&app, &id, "the second change", |now| now["provider_status"] == "PENDING").await;

    admin.delete(&path).await.expect(204);
    admin.get(&path).await.problem(404, "not_found");
    admin.delete(&path).await.problem(404, "not_found");
    eventually("the deletion at the provider", || async {
        app.provider_templates().await.is_empty().then_some(())
    })
    .await;
    log.until("deletion", |event| event["type"] == "template.deleted" && event["data"]["id"] == *id).await;
    let audited = admin.all("/v1/audit-entries?subject_type=template").await;
    let done: Vec<&Value> = audited.iter().rev().map(|entry| &entry["action"]).collect();
    assert_eq!(done, ["created", "updated", "updated", "updated", "deleted"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_provider_would_refuse_is_refused_at_once_with_each_slip() {
    let app = TestApp::start().await;
    let rows = app.database.snapshot();
    let whole = template(app.channel("whatsapp"), "kirim");
    let components = |change: Value| {
        let mut body = whole.clone();
        body["components"].as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let with = |name: &str, value: Value| {
        let mut body = whole.clone();
        body[name] = value;
        body
    };
    let body =
        |text: &str, examples: Value| components(json!({ "body": { "text": text, "samples": examples } }));
    let button = |button: Value| components(json!({ "buttons": [button] }));
    let cases = [
        (with("name", json!("Pesanan Dikirim")), "/name"),
        (with("language", json!("Indonesia")), "/language"),
        (with("category", json!("authentication")), "/category"),
        (with("channel_id", json!(app.channel("telegram"))), "/channel_id"),
        (with("channel_id", json!(crate::walks::NOBODY)), "/channel_id"),
        (body("", json!({})), "/components/body/text"),
        (body(&"x".repeat(1025), json!({})), "/components/body/text"),
        (body("{{1}} halo", json!({ "1": "a" })), "/components/body/text"),
        (body("halo {{1}}", json!({ "1": "a" })), "/components/body/text"),
        (body("halo {{1}} {{2}} ya", json!({ "1": "a", "2": "b" })), "/components/body/text"),
        (body("halo {{1}} dan {{3}} ya", json!({ "1": "a", "3": "b" })), "/components/body/text"),
        (body("halo {{nama}} ya", json!({ "nama": "a" })), "/components/body/text"),
        (body("halo {{1 ya", json!({})), "/components/body/text"),
        (body("halo {{1}} ya", json!({})), "/components/body/samples/1"),
        (body("halo {{1}} ya", json!({ "1": "a", "2": "b" })), "/components/body/samples/2"),
        (components(json!({ "footer": "x".repeat(61) })), "/components/footer"),
        (components(json!({ "footer": "Toko {{1}}" })), "/components/footer"),
        (components(json!({ "header": { "format": "text" } })), "/components/header/text"),
        (
            components(json!({ "header": { "format": "text", "text": "No. {{1}}" } })),
            "/components/header/sample",
        ),
        (components(json!({ "header": { "format": "image" } })), "/components/header/sample"),
        (button(json!({ "type": "quick_reply", "text": "x".repeat(26) })), "/components/buttons/0/text"),
        (
            button(json!({ "type": "url", "text": "Buka", "url": "javascript:alert(1)" })),
            "/components/buttons/0/url",
        ),
        (
            button(
                json!({ "type": "url", "text": "Buka", "url": "https://a.example/{{1}}/x", "sample": "1" }),
            ),
            "/components/buttons/0/url",
        ),
        (
            button(json!({ "type": "url", "text": "Buka", "url": "https://a.example/{{1}}" })),
            "/components/buttons/0/sample",
        ),
        (
            button(json!({ "type": "phone_number", "text": "Telepon", "phone_number": "0811" })),
            "/components/buttons/0/phone_number",
        ),
        (button(json!({ "type": "copy_code", "text": "Salin" })), "/components/buttons/0/text"),
        (button(json!({ "type": "otp", "text": "Salin" })), "/components/buttons/0/type"),
        (
            components(json!({ "buttons": vec![json!({ "type": "quick_reply", "text": "Ya" }); 11] })),
            "/components/buttons",
        ),
    ];
    for (wrong, pointer) in cases {
        let refused =
            app.admin().post("/v1/templates", wrong.clone()).await.problem(422, "validation_failed");
        let pointers: Vec<&Value> =
            refused["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert!(pointers.contains(&&json!(pointer)), "{wrong}: {pointers:?}");
    }
    let two = components(json!({ "footer": "{{1}}", "body": { "text": "{{2}} a {{2}}" } }));
    let refused = app.admin().post("/v1/templates", two).await.problem(422, "validation_failed");
    assert!(refused["errors"].as_array().unwrap().len() >= 4, "{}", refused.json);
    assert_eq!(app.database.snapshot(), rows);

    app.admin().post("/v1/templates", whole.clone()).await.expect(201);
    app.admin().post("/v1/templates", whole.clone()).await.problem(409, "template_exists");
    let mut english = whole.clone();
    english["language"] = json!("en_US");
    app.admin().post("/v1/templates", english).await.expect(201);
    for reader in [app.agent(0), app.supervisor()] {
        reader.post("/v1/templates", whole.clone()).await.problem(403, "forbidden");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_is_narrowed_and_paged() {
    let app = TestApp::with_sandbox().await;
    for (channel, name) in [("whatsapp", "b_satu"), ("whatsapp2", "b_satu_lagi"), ("whatsapp", "a_dua")] {
        approved(&app, channel, name).await;
    }
    let quiet =
        app.admin().post("/v1/templates", template(app.channel("whatsapp2"), "c_tiga")).await.expect(201);
    app.admin()
        .patch(format!("/v1/templates/{}", quiet.id()), json!({ "initiate": false }))
        .await
        .expect(200);
    let agent = app.agent(0);
    let names = |list: Vec<Value>| -> Vec<String> {
        list.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(agent.all("/v1/templates?limit=1").await), ["a_dua", "b_satu", "b_satu_lagi", "c_tiga"]);
    let second = app.channel("whatsapp2");
    let cases: [(String, &[&str]); 7] = [
        (format!("channel_id={second}"), &["b_satu_lagi", "c_tiga"]),
        ("status=pending".to_owned(), &["c_tiga"]),
        ("status=pending&status=accepted&initiate=true".to_owned(), &["a_dua", "b_satu", "b_satu_lagi"]),
        ("q=SATU".to_owned(), &["b_satu", "b_satu_lagi"]),
        ("q=%25".to_owned(), &[]),
        ("q=_dua".to_owned(), &["a_dua"]),
        (format!("channel_id={second}&q=satu&initiate=true"), &["b_satu_lagi"]),
    ];
    for (query, expected) in cases {
        assert_eq!(names(agent.all(&format!("/v1/templates?{query}")).await), expected, "{query}");
    }
    let page = agent.get("/v1/templates?limit=1").await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    agent.get(format!("/v1/templates?q=satu&cursor={cursor}")).await.problem(422, "invalid_cursor");
    agent.get("/v1/templates?status=APPROVED").await.problem(422, "validation_failed");
}
