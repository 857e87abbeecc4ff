//! Deleting a division, and what that takes along.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use harness::TestApp;
use serde_json::{Value, json};

use super::divisions::{agent, division, names};
use crate::support::text;

/// A conversation that waits for the division; answers its path.
async fn given(app: &TestApp, customer: &str, division: &str) -> String {
    let path = format!("/v1/conversations/{}", app.conversation(customer, "Halo").await);
    let id = division.rsplit('/').next().unwrap();
    app.admin().post(format!("{path}/assign"), json!({ "division_id": id })).await.expect(200);
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_says_before_and_after_what_it_affects_and_conversations_stay() {
    let app = TestApp::start().await;
    let (admin, siti, rina) = (app.admin(), app.agent(0), app.agent(2));
    let path = division(&app, "Keluhan", &[&siti, &rina]).await;
    let waiting = given(&app, "6281200000001", &path).await;
    let held = given(&app, "6281200000002", &path).await;
    siti.act(format!("{held}/claim")).await.expect(200);
    let archived = given(&app, "6281200000003", &path).await;
    admin.act(format!("{archived}/archive")).await.expect(200);
    let resolved = given(&app, "6281200000004", &path).await;
    admin.act(format!("{resolved}/resolve")).await.expect(200);
    let elsewhere = given(&app, "6281200000005", &format!("/v1/divisions/{}", app.division)).await;
    let losing = [&waiting, &held, &archived];
    let mut before = Vec::new();
    for conversation in losing {
        before.push(admin.get(conversation).await.expect(200));
    }
    let (rows, others) = (app.database.snapshot(), admin.get(&elsewhere).await.expect(200));

    let impact = admin.get(format!("{path}/deletion-impact")).await.expect(200);
    assert_eq!(
        (&impact["conversations_waiting"], &impact["division"]["name"]),
        (&json!(3), &json!("Keluhan"))
    );
    assert_eq!(names(&impact["members"]), ["Rina Marlina", "Siti Rahmawati"]);
    assert_eq!(app.database.snapshot(), rows, "looking changes nothing");

    let mut log = app.follow().await;
    let deleted = admin.delete(&path).await.expect(200);
    assert_eq!(deleted.json, impact.json);
    for (conversation, before) in losing.into_iter().zip(&before) {
        let after = admin.get(conversation).await.expect(200);
        let mut expected = before.json.clone();
        expected["division"] = Value::Null;
        expected["version"] = json!(before["version"].as_i64().unwrap() + 1);
        assert_eq!(after.json, expected);
    }
    assert_eq!(admin.get(&elsewhere).await.expect(200).json, others.json);
    log.rest().await;
    let told: Vec<_> = log.seen.iter().filter(|event| event["type"] == "conversation.updated").collect();
    let ids: BTreeSet<_> = told.iter().map(|event| event["data"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids, before.iter().map(|one| one["id"].as_str().unwrap()).collect());
    assert!(told.iter().all(|event| event["previous"] == json!({ "division_id": impact["division"]["id"] })));
    let rest: Vec<_> = log.names().split_off(told.len());
    assert_eq!(rest, ["division.deleted", "agent.updated", "agent.updated"]);
    // A client that holds the last version must take it.
    assert_eq!(log.seen[told.len()]["version"], 2);
    assert_eq!(names(&agent(&app, &siti).await["divisions"]), ["Penjualan"]);

    for gone in [admin.get(&path), admin.delete(&path), admin.get(format!("{path}/deletion-impact"))] {
        gone.await.problem(404, "not_found");
    }
    let to = json!({ "division_id": impact["division"]["id"] });
    let refused = admin.post(format!("{waiting}/assign"), to).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/division_id");
    rina.act(format!("{waiting}/claim")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_division_with_hundreds_of_conversations_is_deleted_whole() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let path = division(&app, "Ramai", &[]).await;
    let count = 203;
    join_all((0..count).map(|number| {
        let app = &app;
        async move { app.conversation(&format!("62812{number:08}"), "Halo").await }
    }))
    .await;
    let id = path.rsplit('/').next().unwrap();
    app.database.execute(&format!("UPDATE conversations SET division_id = '{id}'"));
    let mut log = app.follow().await;
    // A stale version is refused before the first round too.
    let rows = app.database.snapshot();
    admin.delete(&path).if_match(7).await.problem(412, "version_mismatch");
    assert_eq!(app.database.snapshot(), rows);
    let deleted = admin.delete(&path).if_match(1).await.expect(200);
    assert_eq!(deleted["conversations_waiting"], count);
    assert_eq!(app.count("conversations WHERE division_id IS NOT NULL OR version <> 2"), 0);
    log.rest().await;
    let told: BTreeSet<_> = log.seen.iter().map(|event| event["conversation_id"].to_string()).collect();
    assert_eq!((log.seen.len(), told.len()), (count + 1, count + 1), "each once, and the division");
    assert_eq!(log.names().last().unwrap(), "division.deleted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_to_a_division_while_it_is_deleted_is_refused_or_loses_it() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let mut conversations = Vec::new();
    for number in 0..12 {
        let id = app.conversation(&format!("62812000000{number:02}"), "Halo").await;
        conversations.push(format!("/v1/conversations/{id}/assign"));
    }
    for round in 0..4 {
        let path = division(&app, &format!("Sebentar {round}"), &[&app.agent(0)]).await;
        let to = json!({ "division_id": path.rsplit('/').next().unwrap() });
        let mut calls: Vec<_> =
            conversations.iter().map(|path| admin.post(path, to.clone()).into_future()).collect();
        calls.insert(round * 3, admin.delete(&path).into_future());
        let mut replies = join_all(calls).await;
        replies.remove(round * 3).expect(200);
        for reply in replies {
            assert!(reply.status == 200 || reply["errors"][0]["pointer"] == "/division_id", "{}", reply.json);
        }
        assert_eq!(app.count("conversations WHERE division_id IS NOT NULL"), 0);
        // Everybody was told the last version of everything.
        for one in admin.all("/v1/conversations?tab=all").await {
            let events = app.events().await;
            let last = events.iter().rfind(|event| {
                event["conversation_id"] == one["id"]
                    && event["type"].as_str().unwrap().starts_with("conversation.")
            });
            assert_eq!(last.unwrap()["data"], one);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_waits_for_a_division_is_answered_by_anybody_when_it_is_gone() {
    let app = TestApp::start().await;
    let path = division(&app, "Keluhan", &[]).await;
    let waiting = given(&app, "6281200000001", &path).await;
    app.admin().delete(&path).await.expect(200);
    app.agent(2).post(format!("{waiting}/messages"), text("Saya bantu")).await.expect(201);
    assert_eq!(app.agent(2).get(&waiting).await.expect(200)["assignee"]["id"], app.agent(2).id());
}
