//! Who is told what, when a conversation changes hands: live, in a replay and by long poll the same.

use api::stream::protocol::Envelope;
use harness::events::Follower;
use harness::{Caller, StreamClient, TestApp};
use serde_json::{Value, json};

use super::{events, quick_app, up_to};

struct Eyes {
    name: &'static str,
    caller: Caller,
    client: StreamClient,
    began: String,
    told: Vec<Envelope>,
}

impl Eyes {
    async fn open(app: &TestApp, name: &'static str, caller: Caller) -> Self {
        let (client, ready) = StreamClient::of(app, &caller, None).await;
        Self { name, caller, client, began: ready.cursor, told: Vec::new() }
    }

    /// What it was told since it was asked last.
    async fn news(&mut self, head: i64) -> Vec<String> {
        let events = events(up_to(&mut self.client, head).await);
        let names = events.iter().map(|event| event.event_type.to_string()).collect();
        self.told.extend(events);
        names
    }
}

/// A conversation goes to an agent, or to nobody. Who is named nowhere hears nothing of it.
struct Step {
    what: &'static str,
    to: Option<usize>,
    /// Who is told what happened.
    full: Vec<&'static str>,
    /// Who is told that there is a conversation.
    shown: Vec<&'static str>,
    /// Who is told that it is gone.
    hidden: Vec<&'static str>,
}

fn steps() -> [Step; 5] {
    let all = |more: &[&'static str]| [&["admin", "agent 0", "agent 2"], more].concat();
    let step = |what, to, full, shown: &[&'static str], hidden: &[&'static str]| Step {
        what,
        to,
        full,
        shown: shown.to_vec(),
        hidden: hidden.to_vec(),
    };
    [
        step("to agent 0", Some(0), all(&["supervisor"]), &[], &["lone supervisor"]),
        step("to the narrow agent", Some(3), all(&[]), &["narrow agent"], &["supervisor"]),
        step("to agent 2", Some(2), all(&[]), &[], &["narrow agent"]),
        step("to agent 1", Some(1), all(&[]), &["supervisor"], &[]),
        step("to nobody", None, all(&["supervisor"]), &["lone supervisor"], &[]),
    ]
}

const BUSY: [&str; 2] = ["message.created", "conversation.updated"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_told_of_what_they_may_see_and_of_gaining_and_losing_sight() {
    let app = quick_app().await;
    let mut eyes = vec![
        Eyes::open(&app, "admin", app.admin()).await,
        // Of the agents 0 and 1.
        Eyes::open(&app, "supervisor", app.supervisor()).await,
        Eyes::open(&app, "lone supervisor", app.lone_supervisor()).await,
        Eyes::open(&app, "agent 0", app.agent(0)).await,
        Eyes::open(&app, "agent 2", app.agent(2)).await,
        Eyes::open(&app, "narrow agent", app.narrow_agent()).await,
    ];
    let other = app.another_team("dua").await;
    let mut stranger = StreamClient::of(&app, &other.admin(), None).await.0;
    let customer = "6281234567890";
    let id = app.conversation(customer, "Halo").await;
    let path = format!("/v1/conversations/{id}");
    for one in &mut eyes {
        let names = one.news(app.head(app.workspace).await).await;
        let begun = names.iter().filter(|name| !name.starts_with("contact.")).count();
        // The customer is everybody's; the conversation that nobody holds is not the narrow agent's.
        assert_eq!(begun > 0, one.name != "narrow agent", "{}: {names:?}", one.name);
    }

    for Step { what, to, full, shown, hidden } in steps() {
        let admin = app.admin();
        let after = match to {
            Some(agent) => {
                let to = json!({ "agent_id": app.agent(agent).id() });
                admin.post(format!("{path}/assign"), to).await.expect(200)
            }
            None => admin.act(format!("{path}/unassign")).await.expect(200),
        };
        app.conversation(customer, what).await;
        let head = app.head(app.workspace).await;
        for one in &mut eyes {
            let (name, before) = (one.name, one.told.len());
            let names = one.news(head).await;
            let of = |prefix: &str| names.iter().filter(|name| name.starts_with(prefix)).count();
            let told = &one.told[before..];
            let first = told.iter().find(|event| event.event_type.as_str().starts_with("conversation."));
            let said = first.map(|event| (event.event_type.as_str(), &event.data));
            let own = if to.is_some() { "conversation.assigned" } else { "conversation.unassigned" };
            if full.contains(&name) {
                assert_eq!(said, Some((own, &after.json)), "{what}, {name}");
            } else if shown.contains(&name) {
                assert_eq!(said, Some(("conversation.shown", &after.json)), "{what}, {name}");
            } else if hidden.contains(&name) {
                assert_eq!(said, Some(("conversation.hidden", &json!({ "id": id }))), "{what}, {name}");
                assert_eq!((of("conversation."), of("message.")), (1, 0), "{what}, {name}: {names:?}");
                assert!(told.iter().all(|event| event.previous.is_none()), "{what}, {name}");
            } else {
                assert_eq!((of("conversation."), of("message.")), (0, 0), "{what}, {name}: {names:?}");
            }
            if full.contains(&name) || shown.contains(&name) {
                assert!(BUSY.iter().all(|busy| of(busy) > 0), "{what}, {name}: {names:?}");
                assert_eq!(of("conversation.hidden"), 0, "{what}, {name}");
            }
            // A ticket is seen by its holder, the holder's supervisor, and admins.
            let ticket = match (name, to) {
                ("admin", _) => true,
                ("supervisor", Some(agent)) => agent < 2,
                ("agent 0", Some(agent)) => agent == 0,
                ("agent 2", Some(agent)) => agent == 2,
                ("narrow agent", Some(agent)) => agent == 3,
                _ => false,
            };
            let tickets = of("ticket.") - of("ticket.hidden");
            if to.is_some() {
                assert_eq!(tickets > 0, ticket, "{what}, {name}: {names:?}");
            }
        }
    }

    for one in &mut eyes {
        let (mut again, _) = StreamClient::of(&app, &one.caller, Some(&one.began)).await;
        assert_eq!(again.caught_up().await, one.told, "{}", one.name);
        let polled = Follower::from_cursor(one.caller.clone(), one.began.clone()).rest().await.to_vec();
        let told: Vec<Value> = one.told.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
        assert_eq!(polled, told, "{}", one.name);
    }
    let head = app.head(other.workspace).await;
    assert_eq!(up_to(&mut stranger, head).await, []);
}
