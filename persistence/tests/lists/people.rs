//! Customers with their conversations and tickets, known both here and in the database.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use domain::access::Facts;
use domain::id::{LabelId, WorkspaceId};
use domain::search::folded;
use domain::ticket::TicketStatus;
use domain::time::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::world::{AGENTS, CHANNELS, agent, channel};

pub const WORKSPACE: u128 = 9;
pub const LABELS: u128 = 3;

/// A customer as a test thinks of it; numbers instead of ids.
#[derive(Debug, Clone)]
pub struct Person {
    pub number: u128,
    pub name: String,
    pub phone: Option<String>,
    pub blocked: bool,
    pub identities: Vec<Identity>,
}

/// Who a customer is on a channel.
#[derive(Debug, Clone)]
pub struct Identity {
    pub id: Uuid,
    pub channel: u128,
    pub conversation: Option<Conversation>,
}

#[derive(Debug, Clone)]
pub struct Conversation {
    pub assignee: Option<u128>,
    pub labels: Vec<u128>,
    pub tickets: Vec<Ticket>,
}

#[derive(Debug, Clone)]
pub struct Ticket {
    pub id: Uuid,
    pub agent: u128,
    pub status: TicketStatus,
    /// Seconds; many have the same.
    pub opened_at: i64,
}

fn id(kind: u128, number: u128) -> Uuid {
    Uuid::from_u128(WORKSPACE << 64 | kind << 32 | number)
}

pub fn label(number: u128) -> LabelId {
    id(5, number).into()
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_795_000_000 + seconds).unwrap()
}

impl Person {
    pub fn id(&self) -> Uuid {
        id(6, self.number)
    }

    pub fn facts(&self) -> Vec<Facts> {
        let facts = |one: &Identity| Facts {
            channel: channel(WORKSPACE, one.channel),
            assignee: one.conversation.as_ref().and_then(|it| it.assignee).map(|it| agent(WORKSPACE, it)),
            division: None,
        };
        self.identities.iter().map(facts).collect()
    }

    pub fn conversations(&self) -> impl Iterator<Item = (&Identity, &Conversation)> {
        self.identities.iter().filter_map(|one| Some((one, one.conversation.as_ref()?)))
    }
}

/// Whose it is, how it stands, and when it was opened.
type Drawn = (u128, TicketStatus, i64);

fn tickets() -> impl Strategy<Value = Vec<Drawn>> {
    let statuses = proptest::sample::select(TicketStatus::ALL);
    proptest::collection::vec((0..AGENTS, statuses, 0..400_i64), 0..3)
}

/// Channel, two flags, labels, tickets.
type DrawnIdentity = (u128, bool, bool, Vec<u128>, Vec<Drawn>);

fn identities() -> impl Strategy<Value = Vec<DrawnIdentity>> {
    // Channel 3 and label 1 are rare, and label 2 is on nothing.
    let channels = prop_oneof![600 => Just(0), 300 => Just(1), 99 => Just(2), 1 => Just(CHANNELS - 1)];
    let labels = prop_oneof![600 => Just(vec![]), 399 => Just(vec![0]), 1 => Just(vec![0, 1])];
    proptest::collection::vec((channels, any::<bool>(), any::<bool>(), labels, tickets()), 0..3)
}

prop_compose! {
    pub fn people(count: usize)(all in proptest::collection::vec((
        // Many have an "a"; few a "zq".
        prop_oneof![400 => "[a-cA-Cé %_]{2,4}", 400 => "Budi [a-d]{1,3}", 199 => "[王小明李]{2,3}", 1 => "Xyzq [a-c]"],
        proptest::option::weighted(0.5, "62[0-9]{8}"), proptest::bool::weighted(0.01), identities(),
    ), count)) -> Vec<Person> {
        all.into_iter().zip(0..).map(|((name, phone, blocked, identities), number)| {
            let identities = identities.into_iter().zip(0..).map(|((channel, spoke, held, labels, tickets), nth)| {
                let own = number * 100 + nth * 10;
                // Of one conversation only the first ticket may be open, and only while somebody holds it.
                let tickets: Vec<Ticket> = tickets.into_iter().zip(0..).map(|((agent, status, opened_at), n)| {
                    let status = if n == 0 && held { status } else { TicketStatus::Resolved };
                    Ticket { id: id(8, own + n), agent, status, opened_at }
                }).collect();
                let holder = tickets.first().filter(|first| first.status != TicketStatus::Resolved);
                let assignee = holder.map(|ticket| ticket.agent);
                let conversation = Conversation { assignee, labels, tickets };
                Identity { id: id(7, own), channel, conversation: spoke.then_some(conversation) }
            }).collect();
            Person { number, name: format!("P{name}"), phone, blocked, identities }
        }).collect()
    }
}

/// Writes a workspace with these people.
pub fn store(conn: &mut PgConnection, people: &[Person]) -> WorkspaceId {
    let workspace = id(0, 0);
    let agents: Vec<_> = (0..AGENTS).map(|number| agent(WORKSPACE, number)).collect();
    let channels: Vec<_> = (0..CHANNELS).map(|number| channel(WORKSPACE, number)).collect();
    let labels: Vec<_> = (0..LABELS).map(label).collect();
    let contacts: Vec<_> = people
        .iter()
        .map(|one| json!({ "id": one.id(), "name": one.name, "search_name": folded(&one.name), "phone": one.phone, "blocked": one.blocked }))
        .collect();
    let identities: Vec<_> = people
        .iter()
        .flat_map(|one| one.identities.iter().map(|identity| (one.id(), identity)))
        .map(|(contact, one)| json!({ "id": one.id, "contact_id": contact, "channel_id": channel(WORKSPACE, one.channel) }))
        .collect();
    let conversations: Vec<_> = people
        .iter()
        .flat_map(|one| one.conversations().map(|(identity, it)| (one.id(), identity, it)))
        .map(|(contact, identity, one)| {
            let holder = one.assignee.map(|number| agent(WORKSPACE, number));
            let (id, channel) = (identity.id, channel(WORKSPACE, identity.channel));
            let ticket = holder.and(one.tickets.first()).map(|ticket| ticket.id);
            json!({ "id": id, "contact_id": contact, "channel_id": channel, "assignee_id": holder, "ticket_id": ticket,
                    "labels": one.labels.iter().map(|number| label(*number)).collect::<Vec<_>>() })
        })
        .collect();
    let tickets: Vec<_> = people
        .iter()
        .flat_map(Person::conversations)
        .flat_map(|(identity, it)| it.tickets.iter().map(move |ticket| (identity, ticket)))
        .map(|(identity, one)| {
            let answered = (one.status == TicketStatus::Answered).then(|| at(one.opened_at));
            let closed = (one.status == TicketStatus::Resolved).then(|| at(one.opened_at));
            json!({ "id": one.id, "conversation_id": identity.id, "channel_id": channel(WORKSPACE, identity.channel),
                    "agent_id": agent(WORKSPACE, one.agent), "opened_at": at(one.opened_at), "answered_at": answered, "closed_at": closed })
        })
        .collect();
    let world = json!({ "agents": agents, "channels": channels, "labels": labels, "contacts": contacts,
        "identities": identities, "conversations": conversations, "tickets": tickets });
    let script = include_str!("people.sql").replace("{workspace}", &workspace.to_string());
    conn.batch_execute(&script.replace("{world}", &world.to_string().replace('\'', "''"))).unwrap();
    workspace.into()
}
