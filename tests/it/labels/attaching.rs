//! Labels on conversations.

use futures_util::future::join_all;
use harness::TestApp;
use serde_json::{Value, json};

use super::{label, place, wearers};
use crate::walks::NOBODY;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_label_is_put_on_once_told_with_what_was_and_comes_off_with_the_label() {
    let app = TestApp::start().await;
    let (admin, siti) = (app.admin(), app.agent(0));
    let id = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{id}");
    let (red, blue) = (label(&siti, "merah").await, label(&siti, "Biru").await);
    let version = siti.get(&path).await.expect(200)["version"].as_i64().unwrap();
    let mut log = app.follow().await;
    for label in [&red, &blue] {
        siti.put(place(&id, label), json!({})).await.expect(200);
    }
    let names = |conversation: &Value| -> Vec<String> {
        let labels = conversation["labels"].as_array().unwrap();
        labels.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    // Again: the same answer, nothing told. By name, whatever the case.
    let again = siti.put(place(&id, &red), json!({})).await.expect(200);
    assert_eq!(
        (names(&again.json), again["version"].as_i64()),
        (vec!["Biru".into(), "merah".into()], Some(version + 2))
    );
    let told = log.rest().await.to_vec();
    assert_eq!(log.names(), ["conversation.updated", "conversation.updated"]);
    assert_eq!((&told[1]["data"], names(&told[1]["previous"])), (&again.json, vec!["merah".to_owned()]));
    let listed = siti.get("/v1/conversations?tab=all").await.expect(200);
    assert_eq!(listed["items"][0]["labels"], again["labels"]);

    let impact = admin.get(format!("/v1/labels/{red}/deletion-impact")).await.expect(200);
    assert_eq!(impact["conversations"], 1);
    log.seen.clear();
    let deleted = admin.delete(format!("/v1/labels/{red}")).await.expect(200);
    assert_eq!(deleted.json, impact.json);
    log.rest().await;
    assert_eq!(log.names(), ["label.deleted"]);
    assert_eq!(log.seen[0]["data"]["version"], 2);
    let now = siti.get(&path).await.expect(200);
    assert_eq!((names(&now.json), &now["version"]), (vec!["Biru".to_owned()], &again["version"]));
    for gone in [siti.put(place(&id, &red), json!({})), siti.delete(place(&id, &red))] {
        gone.await.problem(404, "not_found");
    }
    siti.delete(place(&id, &blue)).if_match(version).await.problem(412, "version_mismatch");
    siti.delete(place(&id, &blue)).if_match(version + 2).await.expect(200);
    let rows = app.database.snapshot();
    siti.delete(place(&id, &blue)).await.expect(200);
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_may_label_a_conversation_does_with_labels_of_its_own_workspace_twenty_at_most() {
    let app = TestApp::start().await;
    let (admin, siti) = (app.admin(), app.agent(0));
    let id = app.conversation("6281234567890", "Halo").await;
    let vip = label(&admin, "VIP").await;
    let assign = json!({ "agent_id": siti.id() });
    admin.post(format!("/v1/conversations/{id}/assign"), assign).await.expect(200);
    let other = app.another_team("dua").await;
    let theirs = label(&other.admin(), "VIP").await;
    let rows = app.database.snapshot();
    app.agent(2).put(place(&id, &vip), json!({})).await.problem(403, "forbidden");
    app.narrow_agent().put(place(&id, &vip), json!({})).await.problem(404, "not_found");
    app.lone_supervisor().put(place(&id, &vip), json!({})).await.problem(404, "not_found");
    for missing in [&theirs, NOBODY, "x"] {
        siti.put(place(&id, missing), json!({})).await.problem(404, "not_found");
        siti.delete(place(&id, missing)).await.problem(404, "not_found");
    }
    other.admin().put(place(&id, &theirs), json!({})).await.problem(404, "not_found");
    assert_eq!(app.database.snapshot(), rows);

    // Twenty, also when more are put on at once.
    let mut labels = Vec::new();
    for n in 0..24 {
        labels.push(label(&siti, &format!("Label {n}")).await);
    }
    let put = |label: &String| siti.put(place(&id, label), json!({})).into_future();
    let replies = join_all(labels.iter().map(put)).await;
    let (done, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!((done.len(), refused.len()), (20, 4));
    for reply in refused {
        let refused = reply.problem(409, "too_many_labels");
        assert!(refused["detail"].as_str().unwrap().contains("20"));
    }
    let have = siti.get(format!("/v1/conversations/{id}")).await.expect(200);
    assert_eq!(have["labels"].as_array().unwrap().len(), 20);
    // One that it has can still be put on.
    let has = have["labels"][0]["id"].as_str().unwrap();
    siti.put(place(&id, has), json!({})).await.expect(200);
    assert_eq!(wearers(&app, &vip), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_one_channel_labels_there_and_changes_no_label_of_all() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let vip = label(&app.admin(), "VIP").await;
    let make = async |kind: &str| {
        let scopes = ["conversations:read", "conversations:write"];
        let body = json!({ "name": kind, "scopes": scopes, "channel_ids": [app.channel(kind)] });
        let made = app.admin().post("/v1/api-keys", body).await.expect(201);
        app.bearer(made["key"].as_str().unwrap())
    };
    let (here, elsewhere) = (make("whatsapp").await, make("telegram").await);
    here.put(place(&id, &vip), json!({})).await.expect(200);
    elsewhere.put(place(&id, &vip), json!({})).await.problem(404, "not_found");
    for limited in [here, elsewhere] {
        let path = format!("/v1/labels/{vip}");
        limited.get(&path).await.expect(200);
        limited.patch(&path, json!({ "name": "Lain" })).await.problem(403, "forbidden");
        limited.delete(&path).await.problem(403, "forbidden");
    }
}
