//! Two servers on one database.

use std::time::Duration;

use chrono::TimeDelta;
use harness::TestApp;
use serde_json::json;

use super::facts::{assert_sound, holder, settled};
use super::races::{chaos, of_chaos};
use super::{prepared, routed, says};

/// More than one transaction does.
const COUNT: i64 = 250;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_at_once_exceed_no_limit_and_lose_nothing() {
    let mut app = routed(of_chaos()).await;
    let node = app.node(|_| {}).await;
    let wires = [app.wire().clone(), node.wire().clone()];
    chaos(&mut app, &wires).await;
    drop(node);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_one_turns_each_timer_once() {
    let app = routed(json!({ "unanswered_transfer_minutes": 1, "notify_supervisor_minutes": 1,
        "auto_handover": true, "handover_grace_seconds": 60 }))
    .await;
    let node = app.node(|_| {}).await;
    says(&app.agent(0), "online").await;
    for n in 0..COUNT {
        app.whatsapp_text(&format!("62813{n:08}"), &format!("wamid.{n}"), "Halo").await;
    }
    settled(&app).await;
    let held =
        |which: usize| app.count(&format!("conversations WHERE assignee_id = '{}'", app.agent(which).id()));
    let assigned = || app.count("routing_decisions WHERE outcome = 'assigned'");
    let mut holder_now = 0;
    for round in 1..=3_i64 {
        let next = 1 - holder_now;
        says(&app.agent(next), "online").await;
        settled(&app).await;
        app.clock.advance(TimeDelta::minutes(1));
        app.app().router.notify_one();
        node.app().router.notify_one();
        settled(&app).await;
        assert_eq!((assigned(), held(next)), (COUNT * (round + 1), COUNT));
        holder_now = next;
    }
    let notices = "SELECT agent_id || ' ' || count(*) || ' ' || count(DISTINCT conversation_id) AS value
                   FROM notifications WHERE kind = 'unanswered' GROUP BY agent_id";
    assert_eq!(app.database.values(notices), [format!("{} {COUNT} {COUNT}", app.supervisor().id())]);
    // And a handover.
    says(&app.agent(holder_now), "offline").await;
    settled(&app).await;
    app.clock.advance(TimeDelta::minutes(1));
    node.app().router.notify_one();
    app.app().router.notify_one();
    settled(&app).await;
    assert_eq!((assigned(), held(1 - holder_now)), (COUNT * 5, COUNT));
    assert_sound(&app).await;
}

/// The first server takes no requests by itself: it polls never, and is woken by nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_that_stopped_left_is_picked_up_by_the_other() {
    let app =
        prepared(TestApp::options().settings(|settings| settings.times.job_poll = Duration::from_secs(3600)))
            .await;
    let node = app.node(|_| {}).await;
    super::set_routed(&app, json!({ "unanswered_transfer_minutes": 1 })).await;
    says(&app.agent(0), "online").await;
    settled(&app).await;
    node.stop().await;
    // Written down as by a server that ended before it could look.
    let id = app.conversation("6281200000001", "Halo").await;
    settled(&app).await;
    app.database.execute(&format!(
        "INSERT INTO routing_requests (workspace_id, id, cause, agent_id, created_at)
         VALUES ('{}', gen_random_uuid(), 'agent_available', '{}', now())",
        app.workspace,
        app.agent(1).id()
    ));
    let other = app.node(|settings| settings.times.job_poll = Duration::from_millis(100)).await;
    settled(&app).await;
    assert_eq!(holder(&app, &id), app.agent(0).id());
    says(&app.agent(1), "online").await;
    settled(&app).await;
    // Nobody is woken: the other one finds what is due by itself.
    app.clock.advance(TimeDelta::minutes(1));
    settled(&app).await;
    assert_eq!(holder(&app, &id), app.agent(1).id());
    drop(other);
    assert_sound(&app).await;
}
