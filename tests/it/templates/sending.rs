//! Messages from templates: checked before anything is stored, allowed when nothing else is.

use chrono::TimeDelta;
use harness::{TestApp, eventually};
use serde_json::{Value, json};

use crate::support::{Messages, approved, claimed, text};

fn message(template: &str, parameters: Value) -> Value {
    json!({ "kind": "template", "template": { "template_id": template, "parameters": parameters } })
}

fn filled(template: &str) -> Value {
    message(template, json!({ "body": { "1": "Rina", "2": "INV-7" } }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_the_window_only_templates_go_and_the_refusal_names_them() {
    let app = TestApp::with_sandbox().await;
    let customer = app.customer("whatsapp", "6281234567890");
    customer.writes("Halo").await;
    let path = claimed(&app, &app.agent(0), "whatsapp").await;
    let good = approved(&app, "whatsapp", "kirim").await;
    let quiet = approved(&app, "whatsapp", "diam").await;
    app.admin().patch(format!("/v1/templates/{quiet}"), json!({ "initiate": false })).await.expect(200);
    approved(&app, "whatsapp2", "kanal_lain").await;
    let body = crate::support::template(app.channel("whatsapp"), "belum");
    let waiting = app.admin().post("/v1/templates", body).await.expect(201).id();
    let messages = format!("{path}/messages");
    let siti = app.agent(0);

    // Inside the window one that may not begin is as good as any.
    siti.post(&messages, filled(&quiet)).await.expect(201);
    customer.receives(1).await;
    app.advance(TimeDelta::hours(25));
    let conversation = siti.get(&path).await.expect(200);
    assert_eq!(conversation["reply_window"]["allowed"], json!(["template"]));
    let before = app.count("messages");
    let refused = siti.post(&messages, text("Halo lagi")).await.problem(409, "reply_window_closed");
    assert_eq!(refused["templates"], json!([{ "id": good, "name": "kirim", "language": "id" }]));
    let other = siti.post(&messages, filled(&quiet)).await.problem(409, "template_not_initiating");
    assert_eq!(other["templates"], json!([]));
    siti.post(&messages, filled(&waiting)).await.problem(409, "template_not_accepted");
    assert_eq!(app.count("messages"), before);

    let mut body = filled(&good);
    body["client_message_id"] = json!("satu");
    let sent = siti.post(&messages, body.clone()).await.expect(201);
    let words = "Halo Rina, pesanan INV-7 sudah kami kirim ya.\n\nToko Tani";
    assert_eq!((&sent["kind"], &sent["text"]), (&json!("template"), &json!(words)));
    let said = &sent["content"]["template"];
    assert_eq!(
        (&said["name"], &said["language"], &said["parameters"]["body"]["2"]),
        (&json!("kirim"), &json!("id"), &json!("INV-7"))
    );
    assert_eq!(customer.receives(2).await[1], "Halo Rina, pesanan INV-7 sudah kami kirim ya.");
    assert_eq!(siti.get(&path).await.expect(200)["last_message"]["text"], words);
    assert_eq!(siti.post(&messages, body.clone()).await.expect(201).id(), sent.id());
    body["template"]["parameters"]["body"]["2"] = json!("INV-8");
    let taken = siti.post(&messages, body).await.problem(422, "validation_failed");
    assert_eq!(taken["errors"][0]["pointer"], "/client_message_id");

    // A resolved one is opened again, by one that may.
    siti.act(format!("{path}/resolve")).await.expect(200);
    customer.writes("Makasih").await;
    siti.act(format!("{path}/resolve")).await.expect(200);
    siti.post(&messages, filled(&quiet)).await.problem(409, "template_not_initiating");
    siti.post(&messages, filled(&good)).await.expect(201);
    assert_eq!(siti.get(&path).await.expect(200)["status"], "answered");
    customer.receives(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_parameter_that_is_wrong_is_named_and_nothing_is_stored() {
    let app = TestApp::with_sandbox().await;
    app.customer("whatsapp", "6281234567890").writes("Halo").await;
    let path = claimed(&app, &app.agent(0), "whatsapp").await;
    let (siti, messages) = (app.agent(0), format!("{path}/messages"));
    let good = approved(&app, "whatsapp", "kirim").await;
    let components = json!([
        { "type": "HEADER", "format": "IMAGE" }, { "type": "BODY", "text": "Halo {{nama}}, ini." },
        { "type": "BUTTONS", "buttons": [
            { "type": "URL", "text": "Lacak", "url": "https://a.example/{{1}}" }, { "type": "COPY_CODE", "example": "A" },
            { "type": "PHONE_NUMBER", "text": "Telepon", "phone_number": "+6281119876543" },
        ] },
    ]);
    app.provider_makes(json!({ "name": "rumit", "parameter_format": "NAMED", "components": components }))
        .await;
    app.provider_makes(
        json!({ "name": "korsel", "components": [{ "type": "BODY", "text": "a" }, { "type": "CAROUSEL" }] }),
    )
    .await;
    app.admin().act(format!("/v1/channels/{}/templates/sync", app.channel("whatsapp"))).await.expect(202);
    let named = |name: &'static str| {
        let app = &app;
        async move {
            let found = eventually("the templates that were read", || async {
                app.admin().all(&format!("/v1/templates?q={name}")).await.pop()
            });
            found.await["id"].as_str().unwrap().to_owned()
        }
    };
    let (hard, odd) = (named("rumit").await, named("korsel").await);
    eventually("the end of the reading", || async { (app.count("jobs") == 0).then_some(()) }).await;
    let rows = app.database.snapshot();
    let at = "/template/parameters";
    let body = |one: &str| json!({ "body": { "1": one, "2": "b" } });
    let file = crate::walks::NOBODY;
    let cases: Vec<(Value, Vec<(String, &str)>)> = vec![
        (
            message(&good, json!({})),
            vec![(format!("{at}/body/1"), "missing"), (format!("{at}/body/2"), "missing")],
        ),
        (
            message(&good, json!({ "body": { "1": "a", "2": "b", "3": "c" } })),
            vec![(format!("{at}/body/3"), "unknown")],
        ),
        (message(&good, body(" ")), vec![(format!("{at}/body/1"), "empty")]),
        (message(&good, body("a\nb")), vec![(format!("{at}/body/1"), "line_break")]),
        (message(&good, body("a\tb")), vec![(format!("{at}/body/1"), "line_break")]),
        (message(&good, body("a    b")), vec![(format!("{at}/body/1"), "spaces")]),
        (message(&good, body(&"x".repeat(1020))), vec![(format!("{at}/body"), "too_long")]),
        (
            message(&good, json!({ "body": { "1": "a", "2": "b" }, "header": { "text": "x" } })),
            vec![(format!("{at}/header/text"), "unknown")],
        ),
        (
            message(&hard, json!({ "body": { "1": "a" } })),
            vec![
                (format!("{at}/header/attachment_id"), "missing"),
                (format!("{at}/body/nama"), "missing"),
                (format!("{at}/body/1"), "unknown"),
                (format!("{at}/buttons"), "missing"),
                (format!("{at}/buttons"), "missing"),
            ],
        ),
        (
            message(
                &hard,
                json!({ "body": { "nama": "a" }, "header": { "attachment_id": file }, "buttons": [
                { "index": 0, "value": "x" }, { "index": 0, "value": "y" }, { "index": 1, "value": "x".repeat(21) },
                { "index": 2, "value": "z" }, { "index": 9, "value": "z" },
            ] }),
            ),
            vec![
                (format!("{at}/buttons/1/index"), "duplicate"),
                (format!("{at}/buttons/2/value"), "too_long"),
                (format!("{at}/buttons/3/index"), "unknown"),
                (format!("{at}/buttons/4/index"), "unknown"),
            ],
        ),
        (
            message(
                &hard,
                json!({ "body": { "nama": "a" }, "header": { "attachment_id": file }, "buttons": [
                { "index": 0, "value": "x" }, { "index": 1, "value": "y" },
            ] }),
            ),
            vec![(format!("{at}/header/attachment_id"), "unknown")],
        ),
        (message(&odd, json!({})), vec![("/template/template_id".to_owned(), "not_supported")]),
        (message(file, json!({})), vec![("/template/template_id".to_owned(), "unknown")]),
        (json!({ "kind": "template" }), vec![("/template".to_owned(), "required")]),
    ];
    for (wrong, expected) in cases {
        let refused = siti.post(&messages, wrong.clone()).await.problem(422, "validation_failed");
        let told: Vec<(String, String)> = refused["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                (one["pointer"].as_str().unwrap().to_owned(), one["code"].as_str().unwrap().to_owned())
            })
            .collect();
        let expected: Vec<_> = expected.into_iter().map(|(at, code)| (at, code.to_owned())).collect();
        assert_eq!(told, expected, "{wrong}");
    }
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_opted_out_gets_no_marketing_and_a_stopped_template_is_offered_no_longer() {
    let app = TestApp::with_sandbox().await;
    app.customer("whatsapp", "6281234567890").writes("Halo").await;
    let path = claimed(&app, &app.agent(0), "whatsapp").await;
    let (siti, messages) = (app.agent(0), format!("{path}/messages"));
    let (promo, useful) =
        (approved(&app, "whatsapp", "promo").await, approved(&app, "whatsapp", "kirim").await);
    let theirs = app.provider_templates().await;
    let theirs = theirs.iter().find(|one| one["name"] == "promo").unwrap()["id"].as_str().unwrap().to_owned();
    app.provider_decides(&theirs, json!({ "category": "MARKETING" })).await;
    app.database.execute("UPDATE contacts SET opted_out_at = now()");
    siti.post(&messages, filled(&promo)).await.problem(409, "contact_opted_out");
    siti.post(&messages, filled(&useful)).await.expect(201);
    app.database.execute("UPDATE contacts SET opted_out_at = NULL");

    for (word, status, code) in
        [("PAUSED", "paused", "template_paused"), ("DISABLED", "disabled", "template_disabled")]
    {
        // The provider stops it, and its news gets lost.
        app.provider_decides(&theirs, json!({ "status": "APPROVED" })).await;
        app.faults(json!([{ "target": "webhook", "action": { "type": "drop" } }])).await;
        app.provider_decides(&theirs, json!({ "status": word })).await;
        let sent = siti.post(&messages, filled(&promo)).await.expect(201);
        let failed = eventually("the refusal", || async {
            let all = siti.all_messages(&path).await;
            all.into_iter().find(|one| one["id"] == sent["id"] && one["status"] == "failed")
        })
        .await;
        assert_eq!(failed["error"]["code"], code);
        assert_eq!(app.admin().get(format!("/v1/templates/{promo}")).await.expect(200)["status"], status);
        siti.post(&messages, filled(&promo)).await.problem(409, "template_not_accepted");
        app.no_faults().await;
    }
    let telegram = app.customer("telegram", "7512345678");
    telegram.writes("Halo").await;
    let elsewhere = claimed(&app, &siti, "telegram").await;
    let refused =
        siti.post(format!("{elsewhere}/messages"), filled(&useful)).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/kind");
}
