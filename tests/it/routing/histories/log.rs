//! What the event log says of automatic assignments: within limits, and oldest first.

use std::collections::{BTreeMap, BTreeSet};

use harness::TestApp;
use harness::events::name;
use serde_json::{Value, json};

/// What the events are applied to.
pub struct Team {
    agents: BTreeMap<String, Value>,
    settings: Value,
    conversations: BTreeMap<String, Value>,
}

impl Team {
    pub async fn of(app: &TestApp) -> Self {
        let admin = app.admin();
        let by_id = |items: Vec<Value>| items.into_iter().map(|one| (text(&one["id"]), one)).collect();
        Self {
            agents: by_id(admin.all("/v1/agents?limit=100").await),
            settings: admin.get("/v1/settings/assignment").await.expect(200).json.clone(),
            conversations: by_id(admin.all("/v1/conversations?tab=all&limit=100").await),
        }
    }

    fn apply(&mut self, event: &Value) {
        let (data, id) = (event["data"].clone(), text(&event["data"]["id"]));
        let name = name(event);
        if name.starts_with("agent.") {
            self.agents.insert(id, data);
        } else if name == "settings.updated" {
            self.settings = data;
        } else if name.starts_with("conversation.") {
            self.conversations.insert(id, data);
        }
    }

    fn load(&self, agent: &Value) -> i64 {
        let held = |one: &&Value| one["assignee"]["id"] == agent["id"];
        i64::try_from(self.conversations.values().filter(held).count()).unwrap()
    }

    /// The channels that have agents of their own.
    fn allocated(&self) -> BTreeSet<String> {
        let active = self.agents.values().filter(|agent| agent["active"] == json!(true));
        active.flat_map(|agent| ids(&agent["channels"])).collect()
    }

    /// Whether what an agent is and works for lets it take a conversation.
    fn may_take(&self, agent: &Value, conversation: &Value) -> bool {
        let channel = text(&conversation["channel"]["id"]);
        let by_channel = ids(&agent["channels"]).contains(&channel);
        let asked = conversation["division"]["id"].as_str();
        let by_division =
            asked.is_some_and(|division| ids(&agent["divisions"]).iter().any(|one| one == division));
        (by_channel || !self.allocated().contains(&channel))
            && (by_division || asked.is_none())
            && (agent["role"] == "agent" || by_channel || by_division)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|one| text(&one["id"])).collect()
}

/// What is so since before the present instant: the clock stands still while things happen, and routing has settled
/// whenever it moves.
#[derive(Default)]
struct Instant {
    at: String,
    allocated: BTreeSet<String>,
    touched: BTreeSet<String>,
}

pub fn check(events: &[Value], mut team: Team) {
    let (mut instant, mut assigned) = (Instant::default(), 0);
    for event in events {
        if event["at"] != json!(instant.at) {
            instant =
                Instant { at: text(&event["at"]), allocated: team.allocated(), touched: BTreeSet::new() };
        }
        if name(event) == "conversation.assigned" && event["actor"]["type"] == "system" {
            check_assignment(&team, &instant, event);
            assigned += 1;
        }
        instant.touched.insert(text(&event["data"]["id"]));
        team.apply(event);
    }
    assert!(assigned > 0, "nothing was assigned in this history");
}

fn check_assignment(team: &Team, instant: &Instant, event: &Value) {
    let given = &event["data"];
    let winner = &team.agents[&text(&given["assignee"]["id"])];
    assert_eq!((&winner["online"], &winner["active"]), (&json!(true), &json!(true)), "{event:#?}");
    assert_eq!(team.settings["assignment_enabled"], json!(true));
    assert_eq!(given["over_limit"], json!(false));
    let limit = [&winner["max_conversations"], &team.settings["max_conversations_per_agent"]];
    if let Some(limit) = limit.into_iter().find_map(Value::as_i64) {
        assert!(team.load(winner) < limit, "above the limit of {limit}: {event:#?}");
    }

    let before = &team.conversations[&text(&given["id"])];
    let Some(since) = before["waiting_since"].as_str() else { return };
    assert_eq!(team.settings["auto_assign"], json!(true));
    if instant.allocated != team.allocated() {
        return;
    }
    // Nobody had these before, and nothing happened to them at this instant.
    let longer = team.conversations.values().filter(|one| {
        one["waiting_since"].as_str().is_some_and(|other| other < since)
            && one["archived_at"].is_null()
            && one["ticket_id"].is_null()
            && !instant.touched.contains(&text(&one["id"]))
    });
    for other in longer {
        assert!(!team.may_take(winner, other), "{other:#?} was passed over by {event:#?}");
    }
}
