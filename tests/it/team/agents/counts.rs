//! Stored counts are the facts counted.

use harness::{Caller, TestApp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::{new, path, signed_in};
use crate::support::text;

/// Members whose counts are not what their conversations and tickets say.
const WRONG: &str = "SELECT format('%s has %s, and %s', n.agent_id, (n.assigned, n.handled, n.resolved), f) AS value
    FROM agent_counts n, LATERAL (SELECT
        (SELECT count(*) FROM conversations c WHERE c.workspace_id = n.workspace_id AND c.assignee_id = n.agent_id),
        (SELECT count(DISTINCT h.ticket_id) FROM ticket_holders h
         WHERE h.workspace_id = n.workspace_id AND h.agent_id = n.agent_id),
        (SELECT count(*) FROM tickets t
         WHERE t.workspace_id = n.workspace_id AND t.agent_id = n.agent_id AND t.closed_at IS NOT NULL)) f
    WHERE (n.assigned, n.handled, n.resolved) <> f";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_anything_in_any_order_the_stored_counts_are_the_facts() {
    let app = TestApp::start().await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut members: Vec<(String, Caller)> =
        (0..3).map(|n| app.agent(n)).chain([app.admin()]).map(|one| (one.id(), one)).collect();
    let customers: Vec<String> = (0..6).map(|n| format!("628150000000{n}")).collect();
    let mut paths = Vec::new();
    for customer in &customers {
        paths.push(format!("/v1/conversations/{}", app.conversation(customer, "Halo").await));
    }
    let mut done = 0;
    for step in 0..240 {
        let which = random.random_range(0..paths.len());
        let conversation = &paths[which];
        let (id, member) = members[random.random_range(0..members.len())].clone();
        let call = match random.random_range(0..12) {
            0..=1 => member.act(format!("{conversation}/claim")),
            2..=4 => app.admin().post(format!("{conversation}/assign"), json!({ "agent_id": id })),
            5 => app.admin().post(format!("{conversation}/assign"), json!({ "division_id": app.division })),
            6 => member.act(format!("{conversation}/unassign")),
            7 => member.act(format!("{conversation}/resolve")),
            8 => member.post(format!("{conversation}/messages"), text("Ya")),
            9 => app.admin().act(format!("{conversation}/archive")),
            10 => {
                app.conversation(&customers[which], "Lagi").await;
                continue;
            }
            _ => {
                if step % 5 != 0 || id == app.admin().id() {
                    continue;
                }
                app.admin().delete(format!("/v1/agents/{id}")).await.expect(204);
                members.retain(|(own, _)| *own != id);
                let made = app
                    .admin()
                    .post("/v1/agents", new("Baru", &format!("baru{step}"), "agent"))
                    .await
                    .expect(201);
                members.push((made.id(), signed_in(&app, made["email"].as_str().unwrap()).await));
                continue;
            }
        };
        let reply = call.await;
        assert!(reply.status < 500, "{}", reply.json);
        done += usize::from(reply.status < 300);
        if step % 10 == 0 {
            assert_eq!(app.database.values(WRONG), Vec::<String>::new(), "seed {seed}, step {step}");
        }
    }
    assert_eq!(app.database.values(WRONG), Vec::<String>::new(), "seed {seed}");
    assert!(done > 50, "only {done} calls did something");
    assert!(
        app.count("agent_counts WHERE handled > 0") > 2 && app.count("agent_counts WHERE resolved > 0") > 0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_stay_right_when_everybody_grabs_the_same_conversations() {
    let app = TestApp::start().await;
    let mut paths = Vec::new();
    for n in 0..4 {
        paths.push(format!("/v1/conversations/{}", app.conversation(&format!("62816{n:07}"), "Halo").await));
    }
    let mut callers = Vec::new();
    for n in 0..8_usize {
        let (app_admin, member) = (app.admin(), app.agent(n % 3));
        let paths = paths.clone();
        callers.push(tokio::spawn(async move {
            let mut random = StdRng::seed_from_u64(n as u64);
            for _ in 0..20 {
                let path = &paths[random.random_range(0..paths.len())];
                let reply = match random.random_range(0..4) {
                    0 => member.act(format!("{path}/claim")).await,
                    1 => app_admin.post(format!("{path}/assign"), json!({ "agent_id": member.id() })).await,
                    2 => member.post(format!("{path}/messages"), text("Ya")).await,
                    _ => app_admin.act(format!("{path}/unassign")).await,
                };
                assert!(reply.status < 500, "{}", reply.json);
            }
        }));
    }
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(app.database.values(WRONG), Vec::<String>::new());
    // What clients see is what is stored.
    let siti = app.admin().get(path(&app.agent(0))).await.expect(200);
    let held = app.count(&format!("conversations WHERE assignee_id = '{}'", app.agent(0).id()));
    assert_eq!(siti["counts"]["assigned"].as_i64(), Some(held));
}
