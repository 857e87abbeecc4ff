//! What tests of routing ask again and again.

use std::collections::BTreeMap;

use harness::{Caller, TestApp, eventually};
use serde_json::{Value, json};

/// Waits until routing has nothing to do: nothing to look at, and no timer that is due. It may take any time as long as
/// it gets on, but not any number of runs.
pub async fn settled(app: &TestApp) {
    let state = || {
        let due = format!("timers WHERE state = 'armed' AND due_at <= '{}'", app.clock.now());
        let left = app.count("routing_requests") + app.count(&due);
        let runs = app.database.values("SELECT sum(run)::text AS value FROM routing_states").remove(0);
        (left, runs.parse::<u64>().unwrap())
    };
    let (_, first) = state();
    loop {
        let (left, before) = state();
        if left == 0 {
            return;
        }
        assert!(before - first < 1000, "routing runs and runs, and {left} things are left");
        eventually("routing gets on", || async {
            let (left, run) = state();
            (left == 0 || run != before).then_some(())
        })
        .await;
    }
}

/// Waits until the router has looked at the workspace since this was called. What it is given to look at does not exist.
pub async fn looked(app: &TestApp) {
    app.database.execute(&format!(
        "INSERT INTO routing_requests (workspace_id, id, cause, conversation_id, created_at)
         VALUES ('{}', gen_random_uuid(), 'session_started', gen_random_uuid(), now())",
        app.workspace
    ));
    app.app().router.notify_one();
    settled(app).await;
}

/// Who holds a conversation; nothing if nobody does.
pub fn holder(app: &TestApp, conversation: &str) -> String {
    let query = format!(
        "SELECT coalesce(assignee_id::text, '') AS value FROM conversations WHERE id = '{conversation}'"
    );
    app.database.values(&query).remove(0)
}

/// Trigger, outcome and winner of every decision about a conversation, oldest first.
pub fn decisions(app: &TestApp, conversation: &str) -> Vec<String> {
    app.database.values(&format!(
        "SELECT trigger || ' ' || outcome || coalesce(' ' || agent_id, '') AS value FROM routing_decisions
         WHERE conversation_id = '{conversation}' ORDER BY id"
    ))
}

/// How a timer of a conversation stands; nothing if there is none.
pub fn timer(app: &TestApp, conversation: &str, kind: &str) -> String {
    let query = format!(
        "SELECT state AS value FROM timers WHERE kind = '{kind}' AND conversation_id = '{conversation}'"
    );
    app.database.values(&query).pop().unwrap_or_default()
}

/// Whom notifications of a kind went to, by id, with how many.
pub fn notified(app: &TestApp, conversation: &str, kind: &str) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for agent in app.database.values(&format!(
        "SELECT agent_id::text AS value FROM notifications
         WHERE kind = '{kind}' AND conversation_id = '{conversation}'"
    )) {
        *told.entry(agent).or_default() += 1;
    }
    told
}

/// Once each.
pub fn once<const N: usize>(whom: [&Caller; N]) -> BTreeMap<String, usize> {
    whom.into_iter().map(|who| (who.id(), 1)).collect()
}

/// The path of a conversation.
pub fn path(conversation: &str) -> String {
    format!("/v1/conversations/{conversation}")
}

/// An agent answers.
pub async fn answers(who: &Caller, conversation: &str) {
    let words = crate::support::text("Siap kak");
    who.post(format!("{}/messages", path(conversation)), words).await.expect(201);
}

/// Somebody gives a conversation to an agent.
pub async fn gives(who: &Caller, conversation: &str, to: &Caller) {
    who.post(format!("{}/assign", path(conversation)), json!({ "agent_id": to.id() })).await.expect(200);
}

/// What must hold of a workspace in which routing has nothing to do, whatever happened before.
pub async fn assert_sound(app: &TestApp) {
    assert_rows(&|query| app.database.values(query));
    assert_log(&app.events().await);
}

/// What the tables must agree on: holders, tickets and counts are the same story; who waits has a decision that says why;
/// nothing that is over has a timer that runs.
pub fn assert_rows(values: &dyn Fn(&str) -> Vec<String>) {
    let none = |what: &str, query: &str| {
        let wrong = values(query);
        assert!(wrong.is_empty(), "{what}: {wrong:?}");
    };
    none(
        "counts that differ from the conversations held",
        "SELECT n.agent_id || ': ' || n.assigned || ' for ' || count(c.id) AS value FROM agent_counts n
         LEFT JOIN conversations c ON c.workspace_id = n.workspace_id AND c.assignee_id = n.agent_id
         GROUP BY n.workspace_id, n.agent_id, n.assigned HAVING n.assigned <> count(c.id)",
    );
    none(
        "conversations whose ticket tells another story",
        "SELECT c.id::text AS value FROM conversations c
         LEFT JOIN tickets t ON t.workspace_id = c.workspace_id AND t.conversation_id = c.id AND t.closed_at IS NULL
         LEFT JOIN ticket_holders h ON h.workspace_id = t.workspace_id AND h.ticket_id = t.id AND h.to_at IS NULL
         WHERE c.ticket_id IS DISTINCT FROM t.id OR c.assignee_id IS DISTINCT FROM h.agent_id
            OR c.assignee_id <> t.agent_id",
    );
    none(
        "conversations that wait without a decision that says why",
        "SELECT c.id || ' ' || c.waiting_cause AS value FROM conversations c
         JOIN assignment_settings s ON s.workspace_id = c.workspace_id AND s.assignment_enabled AND s.auto_assign
         WHERE c.waiting_since IS NOT NULL AND c.archived_at IS NULL AND NOT (c.waiting_decided AND EXISTS (
             SELECT FROM routing_decisions d WHERE d.workspace_id = c.workspace_id AND d.conversation_id = c.id
                 AND d.outcome = 'queued'))",
    );
    none(
        "timers of what is over",
        "SELECT t.id::text AS value FROM timers t
         JOIN conversations c ON c.workspace_id = t.workspace_id AND c.id = t.conversation_id
         WHERE c.unanswered_since IS NULL OR c.session_id IS NULL
            OR (t.kind = 'unanswered_transfer' AND c.assignee_id IS NULL)",
    );
}

/// What the log must say: every conversation has one holder at a time; routing gives nobody more than its limit, and only
/// what it decided to.
pub fn assert_log(events: &[Value]) {
    let mut held: BTreeMap<String, String> = BTreeMap::new();
    let mut limits: BTreeMap<String, i64> = BTreeMap::new();
    let mut of_workspace = None;
    let (mut assigned, mut decided): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for event in events {
        let (kind, data) = (event["type"].as_str().unwrap(), &event["data"]);
        if kind == "settings.updated" {
            of_workspace = data["max_conversations_per_agent"].as_i64();
        } else if kind.starts_with("agent.") {
            let id = data["id"].as_str().unwrap().to_owned();
            match data["max_conversations"].as_i64() {
                Some(limit) => limits.insert(id, limit),
                None => limits.remove(&id),
            };
        } else if kind == "routing.decided" {
            decided.push((data["conversation_id"].clone(), data["agent"]["id"].clone()));
        } else if kind.starts_with("conversation.") {
            let id = data["id"].as_str().unwrap().to_owned();
            let to = data["assignee"]["id"].as_str().map(ToOwned::to_owned);
            if kind == "conversation.assigned" && event["actor"]["type"] == "system" {
                let to = to.clone().unwrap();
                let load = held.values().filter(|holder| **holder == to).count();
                let limit = limits.get(&to).copied().or(of_workspace);
                assert!(
                    limit.is_none_or(|limit| i64::try_from(load).unwrap() < limit),
                    "{to} was given {id} and held {load} of {limit:?}"
                );
                assert_ne!(held.get(&id), Some(&to), "{id} was given to its holder");
                assigned.push((data["id"].clone(), json!(to)));
            }
            match to {
                Some(to) => held.insert(id, to),
                None => held.remove(&id),
            };
        }
    }
    assert_eq!(assigned, decided, "what routing gave, and what it decided");
}

/// The conversations that routing gave to somebody, in the order in which it did.
pub fn given(events: &[Value]) -> Vec<(String, String)> {
    let by_routing =
        |event: &&Value| event["type"] == "conversation.assigned" && event["actor"]["type"] == "system";
    let pair = |event: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&event["data"]["id"]), text(&event["data"]["assignee"]["id"]))
    };
    events.iter().filter(by_routing).map(pair).collect()
}
