//! Many at once: what routing gives, and what people do by hand meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use harness::hooks::whatsapp_message;
use harness::{Caller, TestApp};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::facts::{assert_sound, decisions, given, holder, path, settled};
use super::{routed, says, set};

/// Conversations come in by so many writers at once.
async fn arrive(app: &TestApp, count: usize, writers: usize) {
    let next = Arc::new(AtomicUsize::new(0));
    let at = app.clock.now().unix_seconds();
    let write = |_| {
        let next = next.clone();
        async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return;
                }
                let body = whatsapp_message(&format!("62814{n:08}"), &format!("wamid.d{n}"), at, "Halo");
                app.hook("whatsapp", body.to_string()).await.expect(200);
            }
        }
    };
    join_all((0..writers).map(write)).await;
}

async fn online(app: &mut TestApp, count: usize) -> Vec<Caller> {
    let agents = app.hire(count).await;
    for agent in &agents {
        says(agent, "online").await;
    }
    agents
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_11_of_500_conversations_by_8_writers_10_agents_get_5_each_and_the_others_wait_with_a_reason() {
    let mut app = routed(json!({ "max_conversations_per_agent": 5 })).await;
    let agents = online(&mut app, 10).await;
    arrive(&app, 500, 8).await;
    settled(&app).await;
    for agent in &agents {
        let held = app.count(&format!("conversations WHERE assignee_id = '{}'", agent.id()));
        assert_eq!(held, 5);
    }
    assert_eq!(app.count("conversations WHERE waiting_since IS NOT NULL"), 450);
    assert_eq!(app.count("routing_decisions WHERE outcome = 'queued'"), 450);
    assert_eq!(app.count("routing_decisions WHERE outcome = 'assigned'"), 50);
    assert_sound(&app).await;
    // One resolves, and the oldest that waits is next.
    for (round, agent) in (1..=3).zip(&agents) {
        let oldest = "SELECT id::text AS value FROM conversations WHERE waiting_since IS NOT NULL
                      ORDER BY waiting_since, id LIMIT 1";
        let oldest = app.database.values(oldest).remove(0);
        let query =
            format!("SELECT id::text AS value FROM conversations WHERE assignee_id = '{}'", agent.id());
        let held = app.database.values(&query).remove(0);
        agent.act(format!("{}/resolve", path(&held))).await.expect(200);
        settled(&app).await;
        assert_eq!(holder(&app, &oldest), agent.id());
        assert_eq!(decisions(&app, &oldest)[1], format!("slot_freed assigned {}", agent.id()));
        assert_eq!(app.count("routing_decisions WHERE outcome = 'assigned'"), 50 + round);
    }
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_12_what_is_given_by_hand_while_routing_gives_it_stays_given_by_hand() {
    let mut app = routed(json!({ "max_conversations_per_agent": 40 })).await;
    let agents = online(&mut app, 4).await;
    let (target, admin) = (app.agent(2), app.admin());
    admin.token().await;
    let at = app.clock.now().unix_seconds();
    let race = |n: usize| {
        let (app, admin, target) = (&app, &admin, &target);
        async move {
            let provider = format!("wamid.d{n}");
            let body = whatsapp_message(&format!("62814{n:08}"), &provider, at, "Halo");
            app.hook("whatsapp", body.to_string()).await.expect(200);
            let query = format!(
                "SELECT conversation_id::text AS value FROM messages WHERE provider_message_id = '{provider}'"
            );
            let id = app.database.values(&query).remove(0);
            let to = json!({ "agent_id": target.id() });
            admin.post(format!("{}/assign", path(&id)), to).await.expect(200);
            id
        }
    };
    let mut all = Vec::new();
    for batch in 0..15 {
        all.extend(join_all((0..8).map(|n| race(batch * 8 + n))).await);
    }
    settled(&app).await;
    for id in &all {
        assert_eq!(holder(&app, id), target.id());
    }
    let events = app.events().await;
    for id in &all {
        let last = events.iter().rfind(|event| {
            event["type"].as_str().unwrap().starts_with("conversation.") && event["data"]["id"] == json!(id)
        });
        assert_eq!(last.unwrap()["data"]["assignee"]["id"], json!(target.id()));
    }
    let by_routing = given(&events).len();
    assert!((1..all.len()).contains(&by_routing), "no race: routing gave {by_routing} of {}", all.len());
    assert!(app.count("conversations WHERE over_limit") >= 120 - 40, "given by hand beyond the limit");
    assert_eq!(agents.len(), 4);
    assert_sound(&app).await;
}

/// What somebody does at random, over and over: takes, gives, answers, ends, puts back, comes and goes.
async fn work(agent: Caller, others: Vec<String>, done: Arc<AtomicBool>) -> usize {
    let mut acts = 0;
    while !done.load(Ordering::Acquire) {
        let tab = if rand::random_bool(0.5) { "mine" } else { "unassigned" };
        let list = agent.get(format!("/v1/conversations?tab={tab}&limit=50")).await.expect(200);
        let items = list["items"].as_array().unwrap();
        if items.is_empty() {
            says(&agent, if rand::random_bool(0.8) { "online" } else { "away" }).await;
            continue;
        }
        let id = items[rand::random_range(0..items.len())]["id"].as_str().unwrap();
        let to = json!({ "agent_id": others[rand::random_range(0..others.len())] });
        let call = match (tab, rand::random_range(0..6)) {
            ("mine", 0) => agent.post(format!("{}/assign", path(id)), to),
            ("mine", 1) => agent.act(format!("{}/unassign", path(id))),
            ("mine", 2) => agent.post(format!("{}/messages", path(id)), crate::support::text("Siap kak")),
            ("mine", _) => agent.act(format!("{}/resolve", path(id))),
            _ => agent.act(format!("{}/claim", path(id))),
        };
        let reply = call.await;
        assert!(matches!(reply.status, 200 | 201 | 403 | 404 | 409), "{}: {}", reply.what, reply.json);
        acts += 1;
        if rand::random_bool(0.1) {
            says(&agent, if rand::random_bool(0.7) { "online" } else { "offline" }).await;
        }
    }
    acts
}

/// What routing gives stays within the limits, whatever people do meanwhile; see [`assert_sound`].
pub async fn chaos(app: &mut TestApp, nodes: &[Arc<harness::client::Wire>]) {
    let agents = online(app, 8).await;
    let ids: Vec<String> = agents.iter().map(Caller::id).collect();
    let done = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for (n, agent) in agents.iter().enumerate() {
        let here = if nodes.is_empty() { agent.clone() } else { agent.at(&nodes[n % nodes.len()]) };
        tasks.spawn(work(here, ids.clone(), done.clone()));
    }
    arrive(app, 400, 4).await;
    done.store(true, Ordering::Release);
    let acts: usize = tasks.join_all().await.into_iter().sum();
    assert!(acts > 100, "only {acts}");
    // What is due while nobody works, and what nobody takes.
    app.advance(chrono::TimeDelta::minutes(3));
    settled(app).await;
    assert_sound(app).await;
    assert!(given(&app.events().await).len() > 20);
    // Everybody comes back, nobody has a limit: nothing is left over.
    set(app, json!({ "auto_assign": true })).await;
    says(&agents[0], "online").await;
    settled(app).await;
    assert_eq!(app.count("conversations WHERE waiting_since IS NOT NULL"), 0);
    assert_sound(app).await;
}

/// The settings of [`chaos`].
pub fn of_chaos() -> Value {
    json!({ "max_conversations_per_agent": 3, "unanswered_transfer_minutes": 2, "notify_supervisor_minutes": 1,
        "auto_handover": true, "handover_grace_seconds": 30 })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_people_do_meanwhile_routing_exceeds_no_limit_and_loses_nothing() {
    let mut app = routed(of_chaos()).await;
    chaos(&mut app, &[]).await;
}
