//! What happens in a history.

use harness::hooks::{NUMBER, SECOND_NUMBER, whatsapp_message};
use harness::team::assignment_settings;
use harness::{Caller, Reply, TestApp};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::routed;
use super::log::Team;
use crate::support::text;

/// How many customers there are; every other one writes to the second number.
const CUSTOMERS: usize = 8;
/// Four agents, a supervisor and the admin.
const PEOPLE: usize = 6;

/// A workspace where things happen.
pub struct World {
    pub app: TestApp,
    /// The team and the settings as they were at the beginning.
    pub beginning: Team,
    conversations: Vec<String>,
}

/// One thing that happens. Customers, with their conversations, and people are named by their numbers.
#[derive(Debug)]
pub enum Step {
    Writes(usize),
    Reply(usize, usize),
    Claim(usize, usize),
    Assign(usize, usize),
    Division(usize),
    /// Unassign, resolve, archive, unarchive.
    Act(usize, &'static str),
    Says(usize, &'static str),
    Limit(usize, Option<u32>),
    Allocate(usize, Vec<&'static str>, bool),
    Configure(Value),
}

pub fn step(random: &mut StdRng) -> Step {
    let (which, who) = (random.random_range(0..CUSTOMERS), random.random_range(0..PEOPLE));
    match random.random_range(0..100) {
        0..25 => Step::Writes(which),
        25..31 => Step::Reply(who, which),
        31..35 => Step::Claim(who, which),
        35..41 => Step::Assign(which, who),
        41..45 => Step::Division(which),
        45..51 => Step::Act(which, "unassign"),
        51..62 => Step::Act(which, "resolve"),
        62..64 => Step::Act(which, "archive"),
        64..66 => Step::Act(which, "unarchive"),
        66..84 => Step::Says(who, ["online", "online", "online", "away", "offline"].choose(random).unwrap()),
        84..88 => Step::Limit(who, *[None, Some(1), Some(3)].choose(random).unwrap()),
        88..93 => {
            let channels: [&[&str]; 4] = [&[], &["whatsapp"], &["whatsapp2"], &["whatsapp", "whatsapp2"]];
            Step::Allocate(who, channels.choose(random).unwrap().to_vec(), random.random())
        }
        _ => Step::Configure(settings(random)),
    }
}

fn settings(random: &mut StdRng) -> Value {
    let strategy = ["least_busy", "round_robin"].choose(random);
    let limit = [None, Some(1), Some(2), Some(3)].choose(random);
    let transfer = [None, Some(1), Some(2)].choose(random);
    let notice = [None, Some(1)].choose(random);
    let grace = [0, 30, 60].choose(random);
    json!({
        "assignment_enabled": random.random_bool(0.9),
        "auto_assign": random.random_bool(0.85),
        "strategy": strategy,
        "max_conversations_per_agent": limit,
        "unanswered_transfer_minutes": transfer,
        "notify_supervisor_minutes": notice,
        "auto_handover": random.random_bool(0.6),
        "handover_grace_seconds": grace,
    })
}

impl World {
    /// Every customer has a conversation that waits; a few people are online, and each number has a policy.
    pub async fn begin(random: &mut StdRng) -> Self {
        let app = routed(json!({ "auto_assign": false })).await;
        app.database.execute(&format!(
            "INSERT INTO distribution_policies (workspace_id, id, name, sticky_agent, idle_transfer_minutes, strategy, created_at)
             SELECT '{0}', p.id::uuid, p.name, p.sticky, p.idle, p.strategy, now()
             FROM (VALUES ('{1}', 'Pusat', true, NULL, NULL), ('{2}', 'Cabang', false, 5, 'round_robin'))
                 AS p (id, name, sticky, idle, strategy)",
            app.team.workspace, policy(1), policy(2)
        ));
        for (channel, number) in [("whatsapp", 1), ("whatsapp2", 2)] {
            app.database.execute(&format!(
                "INSERT INTO distribution_policy_channels (workspace_id, channel_id, policy_id)
                 VALUES ('{}', '{}', '{}')",
                app.team.workspace,
                app.channel(channel),
                policy(number)
            ));
        }
        let mut world = Self { beginning: Team::of(&app).await, app, conversations: Vec::new() };
        for customer in 0..CUSTOMERS {
            let id = world.writes(customer).await;
            world.conversations.push(id);
        }
        for who in 0..PEOPLE {
            if random.random() {
                world.take(&Step::Says(who, "online")).await;
            }
        }
        world.beginning = Team::of(&world.app).await;
        world
    }

    /// Lets it happen; it may be refused.
    pub async fn take(&self, step: &Step) {
        let admin = self.app.admin();
        let path = |which: usize| format!("/v1/conversations/{}", self.conversations[which]);
        let reply = match step {
            Step::Writes(which) => {
                self.writes(*which).await;
                return;
            }
            Step::Reply(who, which) => {
                self.person(*who).post(format!("{}/messages", path(*which)), text("Baik kak")).await
            }
            Step::Claim(who, which) => self.person(*who).act(format!("{}/claim", path(*which))).await,
            Step::Assign(which, who) => {
                let to = json!({ "agent_id": self.person(*who).id() });
                admin.post(format!("{}/assign", path(*which)), to).await
            }
            Step::Division(which) => {
                let to = json!({ "division_id": self.app.team.division });
                admin.post(format!("{}/assign", path(*which)), to).await
            }
            Step::Act(which, act) => admin.act(format!("{}/{act}", path(*which))).await,
            Step::Says(who, availability) => {
                let body = json!({ "availability": availability });
                self.person(*who).put("/v1/me/availability", body).await
            }
            Step::Limit(who, limit) => {
                let path = format!("/v1/agents/{}", self.person(*who).id());
                admin.patch(path, json!({ "max_conversations": limit })).await
            }
            Step::Allocate(who, channels, division) => {
                let channels: Vec<&str> = channels.iter().map(|kind| self.app.channel(kind)).collect();
                let divisions: Vec<_> = division.then_some(self.app.team.division).into_iter().collect();
                let path = format!("/v1/agents/{}/allocation", self.person(*who).id());
                admin.put(path, json!({ "channel_ids": channels, "division_ids": divisions })).await
            }
            Step::Configure(changes) => {
                admin.put("/v1/settings/assignment", assignment_settings(changes)).await
            }
        };
        assert_understood(step, &reply);
    }

    fn person(&self, number: usize) -> Caller {
        match number {
            4 => self.app.supervisor(),
            5 => self.app.admin(),
            agent => self.app.agent(agent),
        }
    }

    /// Answers the conversation.
    async fn writes(&self, customer: usize) -> String {
        let provider_id = format!("wamid.{}", Uuid::from_u128(rand::random()).simple());
        let body = whatsapp_message(
            &format!("62812000000{customer}"),
            &provider_id,
            self.app.clock.now().unix_seconds(),
            "Halo",
        );
        // The webhook of one number may bring what was written to another of the same app.
        let number = if customer.is_multiple_of(2) { NUMBER } else { SECOND_NUMBER };
        self.app.hook("whatsapp", body.to_string().replace(NUMBER, number)).await.expect(200);
        let query = format!(
            "SELECT conversation_id::text AS value FROM messages WHERE provider_message_id = '{provider_id}'"
        );
        self.app.database.values(&query).remove(0)
    }
}

fn policy(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn assert_understood(step: &Step, reply: &Reply) {
    let fine = matches!(reply.status, 200 | 201 | 403 | 404 | 409);
    assert!(fine, "{step:?}: {} {:?}", reply.status, reply.json);
}
