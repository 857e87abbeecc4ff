//! Conversations and tickets that are known both here and in the database.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use domain::access::Facts;
use domain::conversation::{ConversationStatus, Tab};
use domain::id::{AgentId, ChannelId, DivisionId, WorkspaceId};
use domain::time::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

pub const AGENTS: u128 = 5;
pub const CHANNELS: u128 = 4;
pub const DIVISIONS: u128 = 3;

/// One of a kind of thing of a workspace; `kind` keeps the ids of different kinds apart.
fn thing(workspace: u128, kind: u128, number: u128) -> Uuid {
    Uuid::from_u128(workspace << 64 | kind << 32 | number)
}

pub fn agent(workspace: u128, number: u128) -> AgentId {
    thing(workspace, 1, number).into()
}

pub fn channel(workspace: u128, number: u128) -> ChannelId {
    thing(workspace, 2, number).into()
}

pub fn division(workspace: u128, number: u128) -> DivisionId {
    thing(workspace, 3, number).into()
}

/// A conversation as a test thinks of it; numbers instead of ids.
#[derive(Debug, Clone)]
pub struct Known {
    pub number: u128,
    pub status: ConversationStatus,
    pub assignee: u128,
    pub division: Option<u128>,
    pub channel: u128,
    pub archived: bool,
    /// Seconds; a few conversations have the same.
    pub active_at: i64,
}

prop_compose! {
    pub fn conversations(count: usize)(all in proptest::collection::vec((
        proptest::sample::select(ConversationStatus::ALL), 0..AGENTS, proptest::option::of(0..DIVISIONS),
        // Some channels are busier than others.
        prop_oneof![8 => Just(0), 4 => Just(1), 1 => 2..CHANNELS], proptest::bool::weighted(0.25), 0..40_i64,
    ), count)) -> Vec<Known> {
        all.into_iter().zip(0..).map(|((status, assignee, division, channel, archived, active_at), number)| {
            // What is resolved waits for nobody.
            let division = division.filter(|_| status != ConversationStatus::Resolved);
            Known { number, status, assignee, division, channel, archived, active_at }
        }).collect()
    }
}

impl Known {
    pub fn id(&self, workspace: u128) -> Uuid {
        thing(workspace, 4, self.number)
    }

    pub fn active_at(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_795_000_000 + self.active_at).unwrap()
    }

    pub fn is_held(&self) -> bool {
        self.status == ConversationStatus::Answered
    }

    pub fn facts(&self, workspace: u128) -> Facts {
        Facts {
            channel: channel(workspace, self.channel),
            assignee: self.is_held().then(|| agent(workspace, self.assignee)),
            division: self.division.map(|number| division(workspace, number)),
        }
    }

    /// Is it in this tab of this agent, were there no scopes?
    pub fn is_in(&self, tab: Tab, reader: u128) -> bool {
        match tab {
            Tab::Mine => !self.archived && self.is_held() && self.assignee == reader,
            Tab::All => !self.archived,
            Tab::Unassigned => !self.archived && !self.is_held(),
            Tab::Archived => self.archived,
        }
    }
}

/// Writes a workspace with these conversations. Each has a ticket by its side, with the same id, opened when the
/// conversation was last active by the agent that would hold it.
pub fn store(conn: &mut PgConnection, workspace: u128, conversations: &[Known]) -> WorkspaceId {
    let id = thing(workspace, 0, 0);
    let mut script = format!(
        "INSERT INTO workspaces (id, name, slug, timezone, created_at) VALUES ('{id}', 'W', 'w{workspace}', 'UTC', now());"
    );
    for number in 0..AGENTS {
        let agent = agent(workspace, number);
        script += &format!(
            "INSERT INTO agents (workspace_id, id, name, email, password_hash, role, created_at)
             VALUES ('{id}', '{agent}', 'A', 'a{number}@example.test', '', 'agent', now());"
        );
    }
    for number in 0..CHANNELS {
        let channel = channel(workspace, number);
        script += &format!(
            "INSERT INTO channels (workspace_id, id, kind, name, external_id, config, secrets, state, created_at)
             VALUES ('{id}', '{channel}', 'telegram', 'C', '{number}', '{{}}', '', 'connected', now());"
        );
    }
    for number in 0..DIVISIONS {
        let division = division(workspace, number);
        script += &format!(
            "INSERT INTO divisions (workspace_id, id, name, created_at) VALUES ('{id}', '{division}', 'D{number}', now());"
        );
    }
    for one in conversations {
        script += &rows(workspace, id, one);
    }
    conn.batch_execute(&script).unwrap();
    id.into()
}

fn rows(workspace: u128, id: Uuid, one: &Known) -> String {
    let (own, facts, at) = (one.id(workspace), one.facts(workspace), one.active_at());
    let quoted = |id: Option<Uuid>| id.map_or("NULL".to_owned(), |id| format!("'{id}'"));
    let (session, began) = match one.status {
        ConversationStatus::Resolved => ("NULL".to_owned(), "NULL".to_owned()),
        ConversationStatus::Open | ConversationStatus::Answered => (quoted(Some(own)), format!("'{at}'")),
    };
    let ticket = quoted(one.is_held().then_some(own));
    let waiting = if one.status == ConversationStatus::Open { began.as_str() } else { "NULL" };
    let cause = if one.status == ConversationStatus::Open { "'session_started'" } else { "NULL" };
    let assigned = if one.is_held() { began.as_str() } else { "NULL" };
    let archived = if one.archived { "now()" } else { "NULL" };
    let (channel, division) = (facts.channel, quoted(facts.division.map(Uuid::from)));
    let (assignee, holder) = (quoted(facts.assignee.map(Uuid::from)), agent(workspace, one.assignee));
    format!(
        "INSERT INTO contacts (workspace_id, id, name, created_at) VALUES ('{id}', '{own}', 'P', now());
         INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, created_at)
         VALUES ('{id}', '{own}', '{own}', '{channel}', '{own}', now());
         INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at,
             assignee_id, division_id, ticket_id, waiting_since, waiting_cause, assigned_at, last_activity_at, archived_at, created_at)
         VALUES ('{id}', '{own}', '{channel}', '{own}', '{own}', {session}, {began}, {assignee}, {division}, {ticket},
             {waiting}, {cause}, {assigned}, '{at}', {archived}, now());
         INSERT INTO tickets (workspace_id, id, conversation_id, channel_id, session_id, agent_id, session_started_at, opened_at)
         VALUES ('{id}', '{own}', '{own}', '{channel}', '{own}', '{holder}', '{at}', '{at}');"
    )
}
