//! `GET /v1/queue`: who waits, in which place, and why.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use harness::hooks::telegram_message;
use harness::team::assignment_settings;
use harness::{Caller, TestApp, eventually};
use serde_json::{Value, json};

use super::{SETTINGS, routed, says, set};
use crate::auth::api_keys::key;

const QUEUE: &str = "/v1/queue";

fn field<'a>(entries: &'a [Value], name: &str) -> Vec<&'a Value> {
    entries.iter().map(|one| &one[name]).collect()
}

/// A customer on Telegram writes; answers its conversation's id.
async fn telegram(app: &TestApp, customer: i64) -> String {
    let at = app.clock.now().unix_seconds();
    let body = telegram_message(customer, customer, 1, at, "Halo bot");
    app.hook("telegram", body.to_string()).await.expect(200);
    let query = format!(
        "SELECT c.id::text AS value FROM conversations c JOIN contact_identities i ON i.id = c.identity_id
         WHERE i.external_id = '{customer}'"
    );
    app.database.values(&query).remove(0)
}

async fn assign(app: &TestApp, conversation: &str, to: Value) {
    app.admin().post(format!("/v1/conversations/{conversation}/assign"), to).await.expect(200);
}

/// Six wait, a second after each other: on WhatsApp, on Telegram, for the division, in the archive, one put back, and one more.
async fn six(app: &TestApp) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(match number {
            1 => telegram(app, 7_512_345_678).await,
            _ => app.conversation(&format!("628120000000{number}"), "Halo").await,
        });
        app.advance(TimeDelta::seconds(1));
    }
    assign(app, &ids[2], json!({ "division_id": app.division })).await;
    app.admin().act(format!("/v1/conversations/{}/archive", ids[3])).await.expect(200);
    assign(app, &ids[4], json!({ "agent_id": app.agent(0).id() })).await;
    app.advance(TimeDelta::seconds(1));
    app.agent(0).act(format!("/v1/conversations/{}/unassign", ids[4])).await.expect(200);
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_waited_longest_comes_first_with_its_place_in_the_whole_queue() {
    let app = TestApp::start().await;
    let ids = six(&app).await;
    let admin = app.admin();
    let whole = admin.all("/v1/queue?limit=2").await;
    // Who was put back has waited from then on; the archived one is in no queue.
    let order = [0, 1, 2, 5, 4].map(|which: usize| json!(ids[which]));
    assert_eq!(field(&whole, "conversation_id"), order.iter().collect::<Vec<_>>());
    assert_eq!(field(&whole, "place"), [1, 2, 3, 4, 5]);
    let causes = ["session_started", "session_started", "division_set", "session_started", "unassigned"];
    assert_eq!(field(&whole, "cause"), causes);
    for entry in &whole {
        let path = format!("/v1/conversations/{}", entry["conversation_id"].as_str().unwrap());
        let conversation = admin.get(path).await.expect(200);
        for name in ["contact", "channel", "division", "waiting_since"] {
            assert_eq!(entry[name], conversation[name], "{name}");
        }
    }
    let of_telegram = admin.all(&format!("{QUEUE}?channel_id={}", app.channel("telegram"))).await;
    assert_eq!(
        (field(&of_telegram, "conversation_id"), field(&of_telegram, "place")),
        (vec![&order[1]], vec![&json!(2)])
    );
    let of_division = admin.all(&format!("{QUEUE}?division_id={}", app.division)).await;
    assert_eq!(
        (field(&of_division, "conversation_id"), field(&of_division, "place")),
        (vec![&order[2]], vec![&json!(3)])
    );
    // A page begins where the one before ended, whatever has left the queue since.
    let page = admin.get("/v1/queue?limit=2").await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    admin.act(format!("/v1/conversations/{}/claim", ids[1])).await.expect(200);
    let next = admin.get(format!("/v1/queue?limit=2&cursor={cursor}")).await.expect(200);
    let next = next["items"].as_array().unwrap();
    assert_eq!(
        (field(next, "conversation_id"), field(next, "place")),
        (vec![&order[2], &order[3]], vec![&json!(2), &json!(3)])
    );
    let other = format!("/v1/queue?channel_id={}&cursor={cursor}", app.channel("telegram"));
    admin.get(other).await.problem(422, "invalid_cursor");
}

/// What waits of the tab `unassigned`.
async fn tab(reader: &Caller) -> Vec<String> {
    let tab = reader.all("/v1/conversations?tab=unassigned&status=open").await;
    let mut ids: Vec<_> = tab.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_sees_what_waits_of_its_tab_unassigned() {
    let app = TestApp::start().await;
    let ids = six(&app).await;
    app.narrow_agent().get(QUEUE).await.problem(403, "forbidden");
    let limited = key(&app, json!({ "channel_ids": [app.channel("telegram")] })).await.program;
    let blind = key(&app, json!({ "scopes": ["team:read"] })).await.program;
    blind.get(QUEUE).await.problem(403, "scope_missing");
    // Siti is of the division and works for WhatsApp, Rina is of none and works for both, Agus for nothing.
    for (who, channels) in [(app.agent(0), vec!["whatsapp"]), (app.agent(2), vec!["whatsapp", "telegram"])] {
        let path = format!("/v1/agents/{}", who.id());
        let divisions = app.admin().get(&path).await.expect(200)["divisions"].clone();
        let divisions: Vec<_> = divisions.as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        let channels: Vec<_> = channels.into_iter().map(|kind| app.channel(kind)).collect();
        let body = json!({ "channel_ids": channels, "division_ids": divisions });
        app.admin().put(format!("{path}/allocation"), body).await.expect(200);
    }
    let readers = [app.admin(), app.supervisor(), app.agent(0), app.agent(1), app.agent(2), limited];
    for (restricted, expected) in [(false, ["01245"; 5]), (true, ["01245", "", "0245", "", "0145"])] {
        let body = assignment_settings(&json!({ "restrict_to_allocation": restricted }));
        app.admin().put(SETTINGS, body).await.expect(200);
        for (reader, numbers) in readers.iter().zip(expected.into_iter().chain(["1"])) {
            let digit = |digit: char| ids[digit.to_digit(10).unwrap() as usize].clone();
            let mut expected: Vec<String> = numbers.chars().map(digit).collect();
            expected.sort();
            // Who acts is believed for a second.
            let queue = eventually(&format!("restricted: {restricted}, sees {numbers}"), || async {
                let queue = reader.all(QUEUE).await;
                let id = |one: &Value| one["conversation_id"].as_str().unwrap().to_owned();
                let mut seen: Vec<String> = queue.iter().map(id).collect();
                seen.sort();
                (seen == expected).then_some(queue)
            })
            .await;
            assert_eq!(tab(reader).await, expected);
            // How much waits elsewhere is nothing to the reader.
            let places = field(&queue, "place");
            assert_eq!(json!(places), json!((1..=numbers.len()).collect::<Vec<_>>()));
        }
    }
}

async fn why(app: &TestApp) -> Value {
    let queue = app.admin().all(QUEUE).await;
    assert_eq!(queue.len(), 1, "{queue:?}");
    queue[0]["why"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_says_why_it_waits_as_of_now() {
    let app = routed(json!({ "assignment_enabled": false })).await;
    let id = app.conversation("6281200000001", "Halo").await;
    assert_eq!(why(&app).await, json!({ "code": "assignment_disabled", "left_out": [] }));
    set(&app, json!({ "auto_assign": false })).await;
    assert_eq!(why(&app).await, json!({ "code": "auto_assign_disabled", "left_out": [] }));
    // The admin and two supervisors are given nothing by themselves.
    let nobody = |left_out: Value| json!({ "code": "nobody_available", "left_out": left_out });
    set(&app, json!({ "auto_assign": true, "max_conversations_per_agent": 1 })).await;
    let offline = json!([{ "reason": "role_excluded", "agents": 3 }, { "reason": "offline", "agents": 4 }]);
    assert_eq!(why(&app).await, nobody(offline));
    says(&app.agent(1), "away").await;
    let away = json!([
        { "reason": "role_excluded", "agents": 3 },
        { "reason": "offline", "agents": 3 },
        { "reason": "away", "agents": 1 },
    ]);
    assert_eq!(why(&app).await, nobody(away));
    // Siti is of the division, and full.
    assign(&app, &id, json!({ "division_id": app.division })).await;
    let taken = app.conversation("6281200000002", "Untuk Siti").await;
    assign(&app, &taken, json!({ "agent_id": app.agent(0).id() })).await;
    says(&app.agent(0), "online").await;
    let elsewhere = json!([
        { "reason": "not_in_division", "agents": 6 },
        { "reason": "at_capacity", "agents": 1 },
    ]);
    assert_eq!(why(&app).await, nobody(elsewhere));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_can_take_is_about_to_be_assigned() {
    let app = routed(json!({})).await;
    says(&app.agent(2), "online").await;
    // While another router works on the workspace, this one waits.
    let mut other = app.database.connect();
    other.batch_execute("BEGIN; UPDATE routing_states SET run = run + 1").unwrap();
    let id = app.conversation("6281200000001", "Halo").await;
    let why = why(&app).await;
    assert_eq!(why["code"], "about_to_be_assigned");
    let left_out = json!([{ "reason": "role_excluded", "agents": 3 }, { "reason": "offline", "agents": 3 }]);
    assert_eq!(why["left_out"], left_out);
    other.batch_execute("ROLLBACK").unwrap();
    eventually("the assignment", || async {
        let conversation = app.admin().get(format!("/v1/conversations/{id}")).await.expect(200);
        (conversation["assignee"]["id"] == app.agent(2).id()).then_some(())
    })
    .await;
    assert_eq!(app.admin().all(QUEUE).await, Vec::<Value>::new());
}
