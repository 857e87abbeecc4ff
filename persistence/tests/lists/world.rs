//! Conversations and tickets that are known both here and in the database.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use domain::access::Facts;
use domain::channel::ChannelKind;
use domain::conversation::{ConversationStatus, Tab};
use domain::id::{AgentId, ChannelId, DivisionId, LabelId, WorkspaceId};
use domain::search::folded;
use domain::time::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

pub const AGENTS: u128 = 5;
pub const CHANNELS: u128 = 4;
pub const DIVISIONS: u128 = 3;
pub const LABELS: u128 = 3;

/// First and last names, some of which have the same pieces.
pub const FIRST: [&str; 6] = ["Budi", "Ibu", "José", "ÅSA", "Siti 100%", "x_y\\z"];
pub const LAST: [&str; 4] = ["", "Santoso", "sanusi", "Ōtani 大谷"];

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

pub fn label(workspace: u128, number: u128) -> LabelId {
    thing(workspace, 5, number).into()
}

/// The kind of a channel.
pub fn kind(channel: u128) -> ChannelKind {
    ChannelKind::ALL[usize::try_from(channel).unwrap() % 3]
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
    pub unread: bool,
    pub labels: Vec<u128>,
    /// Of its customer.
    pub name: String,
    pub phone: Option<String>,
    pub username: Option<String>,
    pub external_id: String,
}

prop_compose! {
    fn customers()(
        first in proptest::sample::select(FIRST.as_slice()), last in proptest::sample::select(LAST.as_slice()),
        phone in proptest::option::of("62812[0-3]{4}"), username in proptest::option::weighted(0.3, "(budi|Siti)_[a-c]{1,3}"),
    ) -> (String, Option<String>, Option<String>) {
        (format!("{first} {last}").trim().to_owned(), phone, username)
    }
}

prop_compose! {
    pub fn conversations(count: usize)(all in proptest::collection::vec((
        proptest::sample::select(ConversationStatus::ALL), 0..AGENTS, proptest::option::of(0..DIVISIONS),
        // Some channels are busier than others.
        prop_oneof![8 => Just(0), 4 => Just(1), 1 => 2..CHANNELS], proptest::bool::weighted(0.25), 0..40_i64,
        (proptest::bool::weighted(0.2), proptest::sample::subsequence((0..LABELS).collect::<Vec<_>>(), 0..=2), customers()),
    ), count)) -> Vec<Known> {
        all.into_iter().zip(0..).map(|((status, assignee, division, channel, archived, active_at, rest), number)| {
            // What is resolved waits for nobody.
            let division = division.filter(|_| status != ConversationStatus::Resolved);
            let (unread, labels, (name, phone, username)) = rest;
            let external_id = format!("ID.{number}");
            Known {
                number, status, assignee, division, channel, archived, active_at, unread, labels, name, phone, username, external_id
            }
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

    /// Is its customer one who is searched for by these words?
    pub fn is_named(&self, words: &str) -> bool {
        let word = words.to_lowercase();
        let digits = words.replace(['+', ' '], "");
        let digits = digits.trim_start_matches('0');
        let has = |text: &Option<String>, part: &str| text.as_ref().is_some_and(|text| text.contains(part));
        let phone = self.phone.as_ref().map(|phone| match self.number % 2 {
            0 => phone.clone(),
            _ => format!("{phone}{}", self.number),
        });
        let username = self.username.as_ref().map(|name| name.to_lowercase());
        folded(&self.name).contains(&folded(words))
            || (digits.len() >= 3 && digits.chars().all(|c| c.is_ascii_digit()) && has(&phone, digits))
            || (word.trim_start_matches('@').len() >= 3 && has(&username, word.trim_start_matches('@')))
            || self.external_id.to_lowercase() == word
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
             VALUES ('{id}', '{channel}', '{}', 'C', '{number}', '{{}}', '', 'connected', now());",
            kind(number)
        );
    }
    for number in 0..DIVISIONS {
        let division = division(workspace, number);
        script += &format!(
            "INSERT INTO divisions (workspace_id, id, name, created_at) VALUES ('{id}', '{division}', 'D{number}', now());"
        );
    }
    for number in 0..LABELS {
        let label = label(workspace, number);
        script += &format!(
            "INSERT INTO labels (workspace_id, id, name, search_name, color, created_at)
             VALUES ('{id}', '{label}', 'L{number}', 'l{number}', '#336699', now());"
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
    let text = |text: Option<&str>| text.map_or("NULL".to_owned(), |text| format!("'{text}'"));
    let (name, search_name, external_id) = (&one.name, folded(&one.name), &one.external_id);
    // A number is known by the contact or by the identity, a user name by the identity only.
    let (phone, identity_phone) = match one.number % 2 {
        0 => (text(one.phone.as_deref()), text(None)),
        // Two customers on a channel have different numbers there.
        _ => (text(None), text(one.phone.as_ref().map(|phone| format!("{phone}{}", one.number)).as_deref())),
    };
    let (username, unread) = (text(one.username.as_deref()), i32::from(one.unread));
    let labels: String = one
        .labels
        .iter()
        .map(|number| {
            let label = label(workspace, *number);
            format!(
                "INSERT INTO conversation_labels (workspace_id, conversation_id, label_id) VALUES ('{id}', '{own}', '{label}');"
            )
        })
        .collect();
    format!(
        "INSERT INTO contacts (workspace_id, id, name, search_name, phone, created_at)
         VALUES ('{id}', '{own}', '{name}', '{search_name}', {phone}, now());
         INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, phone, username, created_at)
         VALUES ('{id}', '{own}', '{own}', '{channel}', '{external_id}', {identity_phone}, {username}, now());
         INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at,
             assignee_id, division_id, ticket_id, waiting_since, waiting_cause, assigned_at, last_activity_at, archived_at, unread_count, created_at)
         VALUES ('{id}', '{own}', '{channel}', '{own}', '{own}', {session}, {began}, {assignee}, {division}, {ticket},
             {waiting}, {cause}, {assigned}, '{at}', {archived}, {unread}, now());
         {labels}
         INSERT INTO tickets (workspace_id, id, conversation_id, channel_id, session_id, agent_id, session_started_at, opened_at)
         VALUES ('{id}', '{own}', '{own}', '{channel}', '{own}', '{holder}', '{at}', '{at}');"
    )
}
