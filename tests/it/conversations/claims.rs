//! Who holds a conversation, when many want it.

use futures_util::future::join_all;
use harness::TestApp;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_10_of_fifty_agents_at_once_one_gets_it_and_the_others_learn_who() {
    let mut app = TestApp::start().await;
    let agents = app.hire(50).await;
    let id = app.conversation("6281234567890", "Halo").await;
    for agent in &agents {
        agent.token().await;
    }
    let calls = agents.iter().map(|agent| agent.act(format!("/v1/conversations/{id}/claim")).into_future());
    let replies = join_all(calls).await;
    let winners: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(winners.len(), 1);
    let holder = winners[0]["assignee"]["name"].as_str().unwrap().to_owned();
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!((reply.status, &reply["code"]), (409, &json!("already_held")));
        assert!(reply["detail"].as_str().unwrap().contains(&holder), "{}", reply["detail"]);
    }
    let events = app.events().await;
    assert_eq!(events.iter().filter(|event| event["type"] == "conversation.assigned").count(), 1);
    assert_eq!((app.count("tickets"), app.count("ticket_holders")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transitions_that_do_not_fit_are_conflicts_and_change_nothing() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{id}");
    let act = |what: &str| app.agent(0).act(format!("{path}/{what}"));
    act("unassign").await.problem(409, "not_held");
    let claimed = act("claim").await.expect(200);
    let again = act("claim").await.expect(200);
    assert_eq!(again["version"], claimed["version"], "taking what one holds changes nothing");
    act("resolve").await.expect(200);
    let rows = app.database.snapshot();
    act("resolve").await.problem(409, "already_resolved");
    act("claim").await.problem(409, "already_resolved");
    act("unassign").await.problem(409, "not_held");
    let to_division = json!({ "division_id": app.division });
    app.agent(0).post(format!("{path}/assign"), to_division).await.problem(409, "already_resolved");
    for both in [json!({}), json!({ "agent_id": app.agent(1).id(), "division_id": app.division })] {
        app.agent(0).post(format!("{path}/assign"), both).await.problem(422, "validation_failed");
    }
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_05_what_changed_since_it_was_read_is_refused() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{id}");
    let read = app.agent(0).get(&path).await.expect(200);
    let version = read["version"].as_i64().unwrap();
    assert_eq!(read.header("etag"), Some(format!("\"{version}\"").as_str()));
    app.whatsapp_text("6281234567890", "wamid.lagi", "Halo lagi").await;
    let rows = app.database.snapshot();
    let to = json!({ "agent_id": app.agent(1).id() });
    for what in ["claim", "resolve", "archive", "unassign", "read"] {
        let late = app.agent(0).act(format!("{path}/{what}")).if_match(version);
        late.await.problem(412, "version_mismatch");
    }
    app.agent(0)
        .post(format!("{path}/assign"), to.clone())
        .if_match(version)
        .await
        .problem(412, "version_mismatch");
    let message = crate::support::text("Halo");
    app.agent(0)
        .post(format!("{path}/messages"), message)
        .if_match(version)
        .await
        .problem(412, "version_mismatch");
    assert_eq!(app.database.snapshot(), rows);
    app.agent(0).act(format!("{path}/claim")).if_match(version + 1).await.expect(200);
    app.agent(0).act(format!("{path}/resolve")).header("If-Match", "*").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_archiving_and_coming_back() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{id}");
    assert_eq!(app.agent(0).act(format!("{path}/read")).await.expect(200)["unread_count"], 0);
    let version = app.agent(0).get(&path).await.expect(200)["version"].clone();
    assert_eq!(app.agent(0).act(format!("{path}/read")).await.expect(200)["version"], version);
    let archived = app.agent(0).act(format!("{path}/archive")).await.expect(200);
    assert_ne!(archived["archived_at"], Value::Null);
    let tab = |tab: &'static str| {
        let agent = app.agent(0);
        async move { agent.all(&format!("/v1/conversations?tab={tab}")).await.len() }
    };
    assert_eq!((tab("all").await, tab("unassigned").await, tab("archived").await), (0, 0, 1));
    app.whatsapp_text("6281234567890", "wamid.lagi", "Halo lagi").await;
    assert_eq!((tab("all").await, tab("unassigned").await, tab("archived").await), (1, 1, 0));
    app.agent(0).act(format!("{path}/archive")).await.expect(200);
    assert_eq!(app.agent(0).act(format!("{path}/unarchive")).await.expect(200)["archived_at"], Value::Null);
}
