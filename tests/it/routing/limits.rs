//! The most conversations that an agent is given by itself: the workspace's limit, and its own.

use std::future::IntoFuture;

use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use harness::client::PASSWORD;
use harness::{Caller, TestApp};
use serde_json::{Value, json};

use super::{routed, says, set, settled};
use crate::support::text;

/// Sets an agent's own limit.
async fn limit(app: &TestApp, who: &Caller, limit: Value) -> Value {
    let change = json!({ "max_conversations": limit });
    app.admin().patch(format!("/v1/agents/{}", who.id()), change).await.expect(200).json
}

/// So many customers write, one after the other. Answers the paths of their conversations.
async fn customers(app: &TestApp, numbers: std::ops::Range<u32>) -> Vec<String> {
    let mut paths = Vec::new();
    for n in numbers {
        let id = app.conversation(&format!("62812{n:08}"), "Halo").await;
        paths.push(format!("/v1/conversations/{id}"));
    }
    paths
}

async fn held(app: &TestApp, who: &Caller) -> Vec<Value> {
    let mut all = app.admin().all("/v1/conversations?tab=all&limit=100").await;
    all.retain(|one| one["assignee"]["id"] == who.id());
    all
}

fn waiting(app: &TestApp) -> i64 {
    app.count("conversations WHERE waiting_since IS NOT NULL")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agents_own_limit_beats_the_workspaces() {
    let app = routed(json!({ "max_conversations_per_agent": 2 })).await;
    let (siti, agus, rina) = (app.agent(0), app.agent(1), app.agent(2));
    limit(&app, &siti, json!(3)).await;
    limit(&app, &agus, json!(1)).await;
    for who in [&siti, &agus, &rina] {
        says(who, "online").await;
    }
    customers(&app, 0..10).await;
    settled(&app).await;
    for (who, most) in [(&siti, 3), (&agus, 1), (&rina, 2)] {
        assert_eq!(held(&app, who).await.len(), most, "{}", who.me().name);
    }
    assert_eq!(waiting(&app), 4);
    // Without its own it goes by the workspace's: one takes another, one keeps what it has.
    limit(&app, &agus, Value::Null).await;
    limit(&app, &siti, Value::Null).await;
    settled(&app).await;
    for (who, most) in [(&siti, 3), (&agus, 2), (&rina, 2)] {
        assert_eq!(held(&app, who).await.len(), most, "{}", who.me().name);
    }
    // Where the workspace has none, an own one still holds.
    limit(&app, &siti, json!(4)).await;
    set(&app, json!({ "auto_assign": true })).await;
    customers(&app, 10..20).await;
    settled(&app).await;
    assert_eq!((held(&app, &siti).await.len(), waiting(&app)), (4, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raised_limit_moves_the_queue_at_once_oldest_first() {
    let app = routed(json!({ "max_conversations_per_agent": 1 })).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    says(&siti, "online").await;
    let paths = customers(&app, 0..6).await;
    settled(&app).await;
    let mut log = app.follow().await;
    limit(&app, &siti, json!(3)).await;
    settled(&app).await;
    let decided = |log: &[Value]| -> Vec<(String, Value, Value)> {
        let told = log.iter().filter(|event| event["type"] == "routing.decided");
        told.map(|event| {
            let path = format!("/v1/conversations/{}", event["conversation_id"].as_str().unwrap());
            (path, event["data"]["trigger"].clone(), event["data"]["agent"]["id"].clone())
        })
        .collect()
    };
    let to = |path: &String, cause: &str, who: &Caller| (path.clone(), json!(cause), json!(who.id()));
    let expected = [to(&paths[1], "limit_changed", &siti), to(&paths[2], "limit_changed", &siti)];
    assert_eq!(decided(log.rest().await), expected);
    // The same for everybody.
    says(&agus, "online").await;
    settled(&app).await;
    let mut log = app.follow().await;
    set(&app, json!({ "auto_assign": true, "max_conversations_per_agent": 2 })).await;
    settled(&app).await;
    assert_eq!(decided(log.rest().await), [to(&paths[4], "settings_changed", &agus)]);
    assert_eq!(waiting(&app), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lowered_limit_takes_nothing_away() {
    let app = routed(json!({ "max_conversations_per_agent": 3 })).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    for who in [&siti, &agus] {
        says(who, "online").await;
    }
    customers(&app, 0..7).await;
    settled(&app).await;
    let mut log = app.follow().await;
    limit(&app, &siti, json!(1)).await;
    set(&app, json!({ "auto_assign": true, "max_conversations_per_agent": 2 })).await;
    settled(&app).await;
    for who in [&siti, &agus] {
        let held = held(&app, who).await;
        assert_eq!(held.len(), 3);
        assert!(
            held.iter().all(|one| one["over_limit"] == false),
            "given by itself, and within the limit then"
        );
    }
    // She is given nothing until she is below the new one.
    for (left, waits) in [(2, 1), (1, 1)] {
        let one = held(&app, &siti).await.remove(0)["id"].as_str().unwrap().to_owned();
        siti.act(format!("/v1/conversations/{one}/resolve")).await.expect(200);
        settled(&app).await;
        assert_eq!((held(&app, &siti).await.len(), waiting(&app)), (left, waits));
    }
    let moved = |event: &&Value| {
        ["conversation.assigned", "conversation.unassigned"].contains(&event["type"].as_str().unwrap())
    };
    assert_eq!(log.rest().await.iter().filter(moved).count(), 0);
    let last = held(&app, &siti).await.remove(0)["id"].as_str().unwrap().to_owned();
    siti.act(format!("/v1/conversations/{last}/resolve")).await.expect(200);
    settled(&app).await;
    assert_eq!((held(&app, &siti).await.len(), waiting(&app)), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_hand_an_agent_gets_more_and_the_conversation_says_so() {
    let app = routed(json!({ "max_conversations_per_agent": 1 })).await;
    let (admin, siti, rina) = (app.admin(), app.agent(0), app.agent(2));
    says(&siti, "online").await;
    let paths = customers(&app, 0..6).await;
    settled(&app).await;
    let over = async |path: &String| admin.get(path).await.expect(200)["over_limit"].clone();
    assert_eq!(over(&paths[0]).await, json!(false));
    let mut log = app.follow().await;
    let claimed = siti.act(format!("{}/claim", paths[1])).await.expect(200);
    assert_eq!(claimed["over_limit"], true);
    let told = log.until("the claim", |event| event["type"] == "conversation.assigned").await;
    assert_eq!(told["data"], claimed.json);
    siti.post(format!("{}/messages", paths[2]), text("Saya bantu")).await.expect(201);
    let to = |who: &Caller| json!({ "agent_id": who.id() });
    admin.post(format!("{}/assign", paths[3]), to(&siti)).await.expect(200);
    for path in &paths[1..4] {
        assert_eq!(over(path).await, json!(true), "{path}");
    }
    assert_eq!(held(&app, &siti).await.len(), 4);
    // Who has room is not over it, also when it is away.
    admin.post(format!("{}/assign", paths[3]), to(&rina)).await.expect(200);
    assert_eq!(over(&paths[3]).await, json!(false));
    admin.post(format!("{}/assign", paths[2]), to(&rina)).await.expect(200);
    assert_eq!(over(&paths[2]).await, json!(true));
    app.advance(TimeDelta::minutes(1));
    admin.act(format!("{}/unassign", paths[2])).await.expect(200);
    assert_eq!(over(&paths[2]).await, json!(false), "nobody holds it");
    // Routing gives her nothing until there is room by the limit.
    settled(&app).await;
    assert_eq!((held(&app, &siti).await.len(), waiting(&app)), (2, 3));
    siti.act(format!("{}/resolve", paths[0])).await.expect(200);
    settled(&app).await;
    assert_eq!(held(&app, &siti).await.len(), 1);
    siti.act(format!("{}/resolve", paths[1])).await.expect(200);
    settled(&app).await;
    let now = held(&app, &siti).await;
    assert_eq!((now.len(), &now[0]["over_limit"]), (1, &json!(false)));
    assert_eq!(
        paths[4],
        format!("/v1/conversations/{}", now[0]["id"].as_str().unwrap()),
        "the oldest waiting"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_taken_at_once_as_many_are_within_the_limit_as_it_allows() {
    let app = routed(json!({ "auto_assign": false, "max_conversations_per_agent": 2 })).await;
    let siti = app.agent(0);
    let paths = customers(&app, 0..8).await;
    let taken = join_all(paths.iter().map(|path| siti.act(format!("{path}/claim")).into_future())).await;
    let within = taken.into_iter().filter(|reply| reply["over_limit"] == false).count();
    assert_eq!(within, 2);
    assert_eq!(held(&app, &siti).await.len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_11_whatever_runs_at_once_routing_lifts_nobody_above_the_limit() {
    let app = routed(json!({})).await;
    let team = [app.agent(0), app.agent(1), app.agent(2)];
    for (who, most) in team.iter().zip([1, 2, 3]) {
        limit(&app, who, json!(most)).await;
        says(who, "online").await;
    }
    let come = join_all((0..20).map(|n| {
        let app = &app;
        async move { app.conversation(&format!("62812{n:08}"), "Halo").await }
    }));
    // Meanwhile they help themselves to two each, whatever they have.
    let takes = async |who: &Caller| {
        let mut taken = 0;
        while taken < 2 {
            let list = app.admin().get("/v1/conversations?tab=unassigned&limit=3").await.expect(200);
            let Some(one) = list["items"][0]["id"].as_str() else { continue };
            let reply = who.act(format!("/v1/conversations/{one}/claim")).await;
            assert!([200, 409].contains(&reply.status), "{}", reply.json);
            taken += i32::from(reply.status == 200);
        }
    };
    join(come, join_all(team.iter().map(takes))).await;
    settled(&app).await;
    let (mut within, mut beyond) = (0, 0);
    for (who, most) in team.iter().zip([1, 2, 3]) {
        let held = held(&app, who).await;
        let over = held.iter().filter(|one| one["over_limit"] == true).count();
        assert!(held.len() - over <= most, "{}: {} of {most}", who.me().name, held.len() - over);
        let counted = app.admin().get(format!("/v1/agents/{}", who.id())).await.expect(200);
        assert_eq!(counted["counts"]["assigned"], held.len());
        within += held.len() - over;
        beyond += over;
    }
    assert_eq!((within, waiting(&app)), (6, 14 - i64::try_from(beyond).unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_set_told_kept_in_the_trail_and_checked() {
    let app = TestApp::start().await;
    let (admin, siti) = (app.admin(), app.agent(0));
    let path = format!("/v1/agents/{}", siti.id());
    let person = |limit: Value| {
        json!({ "name": "Nina", "email": "nina@satu.example", "role": "agent", "password": PASSWORD,
            "max_conversations": limit })
    };
    let rows = app.database.snapshot();
    for wrong in [json!(0), json!(1001), json!(-1), json!(1e9), json!(2.5), json!("5"), json!([5])] {
        for reply in [
            admin.patch(&path, json!({ "max_conversations": wrong })).await,
            admin.post("/v1/agents", person(wrong)).await,
        ] {
            let refused = reply.problem(422, "validation_failed");
            assert_eq!(refused["errors"][0]["pointer"], "/max_conversations");
        }
    }
    siti.patch(&path, json!({ "max_conversations": 5 })).await.problem(403, "forbidden");
    app.supervisor().patch(&path, json!({ "max_conversations": 5 })).await.problem(403, "forbidden");
    assert_eq!(app.database.snapshot(), rows);
    let mut log = app.follow().await;
    let mut before = Value::Null;
    let made = admin.get(&path).await.expect(200)["version"].as_i64().unwrap();
    for (value, version) in [(json!(1), made + 1), (json!(1000), made + 2), (Value::Null, made + 3)] {
        let set = limit(&app, &siti, value.clone()).await;
        assert_eq!((&set["max_conversations"], &set["version"]), (&value, &json!(version)));
        let told = log.until("the limit", |event| event["type"] == "agent.updated").await;
        assert_eq!(told["previous"], json!({ "max_conversations": before }));
        assert_eq!(told["data"]["max_conversations"], value);
        let entry = admin.get("/v1/audit-entries?limit=1").await.expect(200)["items"][0].clone();
        assert_eq!(entry["before"], json!({ "max_conversations": before }));
        assert_eq!(entry["after"], json!({ "max_conversations": value }));
        before = value;
    }
    // What is left out stays.
    limit(&app, &siti, json!(7)).await;
    let named = admin.patch(&path, json!({ "name": "Siti R." })).await.expect(200);
    assert_eq!(named["max_conversations"], 7);
    let made = admin.post("/v1/agents", person(json!(12))).await.expect(201);
    assert_eq!(made["max_conversations"], 12);
    assert_eq!(admin.get(format!("/v1/agents/{}", made.id())).await.expect(200)["max_conversations"], 12);
}
