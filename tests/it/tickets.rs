//! Tickets: who sees which, and who held them.

mod export;
mod lists;

use harness::TestApp;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_are_seen_by_their_holder_its_supervisor_and_admins() {
    let app = TestApp::start().await;
    let mut tickets = Vec::new();
    for (n, holder) in [app.agent(0), app.agent(2), app.supervisor(), app.admin()].iter().enumerate() {
        let id = app.conversation(&format!("628120000000{n}"), "Halo").await;
        let claimed = holder.act(format!("/v1/conversations/{id}/claim")).await.expect(200);
        tickets.push(claimed["ticket_id"].as_str().unwrap().to_owned());
    }
    for (caller, sees) in [
        (app.agent(0), vec![0]),
        (app.agent(1), vec![]),
        (app.agent(2), vec![1]),
        (app.narrow_agent(), vec![]),
        (app.supervisor(), vec![0, 2]),
        (app.lone_supervisor(), vec![]),
        (app.admin(), vec![0, 1, 2, 3]),
    ] {
        let mut listed: Vec<_> = caller
            .all("/v1/tickets?limit=1")
            .await
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect();
        listed.sort();
        let mut expected: Vec<_> = sees.iter().map(|which| tickets[*which].clone()).collect();
        expected.sort();
        assert_eq!(listed, expected, "{}", caller.me().name);
        for (which, ticket) in tickets.iter().enumerate() {
            for path in [format!("/v1/tickets/{ticket}"), format!("/v1/tickets/{ticket}/messages")] {
                let reply = caller.get(&path).await;
                if sees.contains(&which) {
                    reply.expect(200);
                } else {
                    reply.problem(404, "not_found");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_ticket_moves_with_its_session_and_keeps_its_holders() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{id}");
    let ticket = app.agent(0).act(format!("{path}/claim")).await.expect(200)["ticket_id"].clone();
    let step = chrono::TimeDelta::minutes(1);
    app.advance(step);
    app.agent(0).post(format!("{path}/assign"), json!({ "agent_id": app.agent(1).id() })).await.expect(200);
    app.advance(step);
    let waiting = app.agent(1).act(format!("{path}/unassign")).await.expect(200);
    assert_eq!((&waiting["status"], &waiting["ticket_id"]), (&json!("open"), &ticket));
    app.advance(step);
    let given = app
        .admin()
        .post(format!("{path}/assign"), json!({ "agent_id": app.agent(2).id() }))
        .await
        .expect(200);
    assert_eq!(given["ticket_id"], ticket);
    app.advance(step);
    app.agent(2).act(format!("{path}/resolve")).await.expect(200);
    let shown = app.admin().get(format!("/v1/tickets/{}", ticket.as_str().unwrap())).await.expect(200);
    assert_eq!((&shown["status"], &shown["agent"]["id"]), (&json!("resolved"), &json!(app.agent(2).id())));
    assert_eq!(shown["answered_at"], Value::Null);
    let holders = shown["holders"].as_array().unwrap();
    let held: Vec<_> = holders
        .iter()
        .map(|one| (one["agent"]["id"].as_str().unwrap().to_owned(), one["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        held,
        [(app.agent(0).id(), "claimed"), (app.agent(1).id(), "assigned"), (app.agent(2).id(), "assigned")]
    );
    assert_eq!(holders[0]["to"], holders[1]["from"]);
    assert!(holders[1]["to"].as_str() < holders[2]["from"].as_str(), "it waited in between");
    assert_eq!(holders[2]["to"], shown["closed_at"]);
    assert_eq!(app.count("tickets"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn supervisors_kept_to_channels_see_their_agents_tickets_there_and_nowhere_else() {
    let app = TestApp::start().await;
    let (there, elsewhere) = (app.supervisor(), app.lone_supervisor());
    for (supervisor, agent, channel) in
        [(&there, app.agent(0), "whatsapp"), (&elsewhere, app.agent(2), "messenger")]
    {
        app.database.execute(&format!(
            "UPDATE agents SET supervisor_id = '{}' WHERE id = '{}'",
            supervisor.id(),
            agent.id()
        ));
        app.database.execute(&format!(
            "INSERT INTO channel_agents (workspace_id, channel_id, agent_id)
             SELECT workspace_id, id, '{}' FROM channels WHERE id = '{}'",
            supervisor.id(),
            app.channel(channel)
        ));
        let id = app.conversation(&format!("628120000000{}", channel.len()), "Halo").await;
        agent.act(format!("/v1/conversations/{id}/claim")).await.expect(200);
    }
    app.database.execute("UPDATE assignment_settings SET restrict_to_allocation = true");
    let tickets = there.all("/v1/tickets").await;
    assert_eq!(tickets.len(), 1);
    assert_eq!(tickets[0]["agent"]["id"], app.agent(0).id());
    assert_eq!(elsewhere.all("/v1/tickets").await, Vec::<Value>::new());
}
