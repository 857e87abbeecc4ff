//! What the provider has, and decides, comes here.

use harness::{TestApp, eventually};
use serde_json::{Value, json};

use crate::support::template;

fn body(text: &str) -> Value {
    json!([{ "type": "BODY", "text": text }])
}

/// Reads the templates of a channel and answers what was told of it, the end last.
async fn synced(app: &TestApp, channel: &str) -> Vec<Value> {
    let mut log = app.follow().await;
    let path = format!("/v1/channels/{}/templates/sync", app.channel(channel));
    let answer = app.admin().act(path).await.expect(202);
    assert_eq!((&answer["channel_id"], &answer["finished_at"]), (&json!(app.channel(channel)), &Value::Null));
    log.until("the end", |event| event["type"] == "template.synced").await;
    let told = log.rest().await.to_vec();
    told.into_iter().filter(|event| event["type"].as_str().unwrap().starts_with("template.")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_takes_over_what_is_there_once_and_forgets_what_is_gone() {
    let app = TestApp::with_sandbox().await;
    for number in 0..60 {
        app.provider_makes(json!({ "name": format!("templat_{number:02}"), "components": body("Halo kak") }))
            .await;
    }
    let odd = json!([{ "type": "BODY", "text": "Halo" }, { "type": "CAROUSEL", "cards": [] }]);
    app.provider_makes(json!({ "name": "korsel", "components": odd, "status": "PAUSED" })).await;
    // What waits to be handed in is not there yet: it stays.
    let first = synced(&app, "whatsapp").await;
    let end = &first.last().unwrap()["data"];
    assert_eq!((&end["created"], &end["updated"], &end["deleted"]), (&json!(61), &json!(0), &json!(0)));
    assert_ne!(end["finished_at"], Value::Null);
    let all = app.agent(0).all("/v1/templates?limit=100").await;
    assert_eq!(all.len(), 61);
    let odd = all.iter().find(|one| one["name"] == "korsel").unwrap();
    assert_eq!((&odd["unsupported"], &odd["status"]), (&json!(["CAROUSEL"]), &json!("paused")));
    assert_eq!(all.iter().filter(|one| one["status"] == "accepted" && one["initiate"] == true).count(), 60);

    assert_eq!(synced(&app, "whatsapp").await.len(), 1, "nothing is new the second time");

    app.faults(json!([{ "target": "webhook", "action": { "type": "drop" } }])).await;
    let theirs = |name: &str| {
        let found = all.iter().find(|one| one["name"] == name).unwrap();
        found["provider_template_id"].as_str().unwrap().to_owned()
    };
    app.provider_decides(&theirs("templat_07"), json!({ "status": "DELETED" })).await;
    app.provider_decides(&theirs("templat_08"), json!({ "status": "DISABLED", "quality": "RED" })).await;
    let told = synced(&app, "whatsapp").await;
    let kinds: Vec<&Value> = told.iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["template.updated", "template.deleted", "template.synced"]);
    assert_eq!(
        (&told[0]["data"]["status"], &told[0]["data"]["quality"]),
        (&json!("disabled"), &json!("RED"))
    );
    assert_eq!(told[1]["data"]["name"], "templat_07");
    assert_eq!(app.count("jobs"), 0);
    let path = format!("/v1/channels/{}/templates/sync", app.channel("telegram"));
    app.admin().act(path).await.problem(422, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_handed_in_twice_is_there_once_and_a_refusal_is_told() {
    let app = TestApp::with_sandbox().await;
    // The provider has one of this name: Tanggap's own, whose answer was lost, or somebody else's.
    app.provider_makes(
        json!({ "name": "kirim", "components": body("Punya orang lain"), "status": "PENDING" }),
    )
    .await;
    let made =
        app.admin().post("/v1/templates", template(app.channel("whatsapp"), "kirim")).await.expect(201);
    let path = format!("/v1/templates/{}", made.id());
    let rejected = eventually("the refusal", || async {
        let now = app.admin().get(&path).await.expect(200);
        (now["status"] == "rejected").then_some(now)
    })
    .await;
    assert!(rejected["rejection_reason"].as_str().unwrap().contains("already"), "{}", rejected.json);
    assert_eq!(rejected["provider_template_id"], Value::Null);

    // A worker that died after the provider took it: the second attempt finds it.
    app.database.execute("UPDATE templates SET status = 'pending', rejection_reason = NULL");
    app.database.execute(&format!(
        "INSERT INTO jobs (workspace_id, id, kind, lane, channel_id, subject_id, attempts, due_at, claimed_until, created_at)
         SELECT workspace_id, gen_random_uuid(), 'submit_template', channel_id, channel_id, id, 1, created_at, created_at, created_at
         FROM templates WHERE id = '{}'",
        made.id()
    ));
    app.advance(chrono::TimeDelta::seconds(1));
    let adopted = eventually("its adoption", || async {
        let now = app.admin().get(&path).await.expect(200);
        (now["provider_template_id"] != Value::Null).then_some(now)
    })
    .await;
    assert_eq!(adopted["provider_status"], "PENDING");
    assert_eq!(app.provider_templates().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_providers_news_reaches_every_channel_of_the_business_account() {
    let app = TestApp::with_sandbox().await;
    for (id, name, status) in [
        ("1689556908129832", "konfirmasi_pesanan", "PENDING"),
        ("1689556908129835", "promo_akhir_tahun", "PENDING"),
        ("1689556908129840", "pengingat_bayar", "APPROVED"),
        ("1689556908129841", "promo_lebaran", "APPROVED"),
        ("1689556908129842", "lama_sekali", "APPROVED"),
    ] {
        let new = json!({ "id": id, "name": name, "status": status, "components": body("Halo kak") });
        app.provider_makes(new).await;
    }
    for channel in ["whatsapp", "whatsapp2"] {
        synced(&app, channel).await;
    }
    let mut log = app.follow().await;
    app.fixture("whatsapp/25_template_status_updates.json").await;
    for channel in ["whatsapp", "whatsapp2"] {
        let list = app.admin().all(&format!("/v1/templates?channel_id={}", app.channel(channel))).await;
        let stands: Vec<_> =
            list.iter().map(|one| (one["name"].as_str().unwrap(), one["status"].as_str().unwrap())).collect();
        let expected = [
            ("konfirmasi_pesanan", "accepted"),
            ("pengingat_bayar", "paused"),
            ("promo_akhir_tahun", "rejected"),
            ("promo_lebaran", "disabled"),
        ];
        assert_eq!(stands, expected, "{channel}");
        assert_eq!(
            (&list[0]["category"], &list[2]["rejection_reason"]),
            (&json!("marketing"), &json!("INVALID_FORMAT"))
        );
    }
    let told = log.rest().await.len();
    assert_eq!(told, 10, "five of each channel");
    app.fixture("whatsapp/25_template_status_updates.json").await;
    assert_eq!(log.rest().await.len(), told, "the same news again is no news");
}
