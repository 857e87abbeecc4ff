//! The log of everything that happened, numbered per workspace without gaps and in the order of
//! commits: who has seen `n` has seen everything up to `n`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::access::Facts;
use domain::event::{Audience, EventType, Sight};
use domain::id::{ChannelId, ConversationId, EventId, WorkspaceId};
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

/// An event to be written.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub event_type: EventType,
    /// When.
    pub at: Timestamp,
    /// Who may be told.
    pub audience: Audience,
    /// The conversation it is about.
    pub conversation_id: Option<ConversationId>,
    /// The fields of the envelope after `seq` and `prev`, as JSON text without the opening brace.
    pub body: String,
}

/// An event as the log holds it.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Its number.
    pub seq: i64,
    /// What happened.
    pub event_type: EventType,
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// Who may be told.
    pub audience: Audience,
    /// The conversation it is about.
    pub conversation_id: Option<ConversationId>,
    /// The fields of the envelope after `seq` and `prev`, as JSON text without the opening brace.
    pub body: String,
}

/// Appends events, as the last thing of a transaction: the workspace's counter stays locked until
/// the commit. Answers the number of the last event per workspace.
///
/// # Errors
/// `RowCount` if a workspace has no counter.
pub fn append(
    conn: &mut PgConnection,
    events: Vec<NewEvent>,
) -> Result<BTreeMap<WorkspaceId, i64>, StoreError> {
    let mut counts: BTreeMap<WorkspaceId, i64> = BTreeMap::new();
    for event in &events {
        *counts.entry(event.workspace_id).or_default() += 1;
    }
    if counts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let last = raise_counters(conn, &counts)?;
    let mut next: BTreeMap<WorkspaceId, i64> =
        last.iter().map(|(id, seq)| (*id, seq - counts.get(id).unwrap_or(&0) + 1)).collect();
    let numbers = events
        .iter()
        .map(|event| {
            let slot = next.entry(event.workspace_id).or_insert(1);
            *slot += 1;
            *slot - 1
        })
        .collect();
    insert(conn, events, numbers)?;
    Ok(last)
}

#[derive(QueryableByName)]
struct CounterRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = BigInt)]
    seq: i64,
}

fn raise_counters(
    conn: &mut PgConnection,
    counts: &BTreeMap<WorkspaceId, i64>,
) -> Result<BTreeMap<WorkspaceId, i64>, StoreError> {
    // Locked in the order of ids: two batches over the same workspaces cannot block each other.
    let rows = sql("WITH wanted AS (
             SELECT c.workspace_id, v.n FROM unnest($1::uuid[], $2::bigint[]) AS v (workspace_id, n)
             JOIN event_counters c ON c.workspace_id = v.workspace_id
             ORDER BY c.workspace_id FOR NO KEY UPDATE OF c
         )
         UPDATE event_counters c SET seq = c.seq + wanted.n FROM wanted
         WHERE c.workspace_id = wanted.workspace_id RETURNING c.workspace_id, c.seq")
    .bind(counts.keys().copied().collect::<Vec<_>>())
    .bind(counts.values().copied().collect::<Vec<_>>())
    .load::<CounterRow>(conn)?;
    expect_rows("events::append", rows.len(), counts.len())?;
    Ok(rows.into_iter().map(|row| (row.workspace_id.into(), row.seq)).collect())
}

fn insert(conn: &mut PgConnection, events: Vec<NewEvent>, numbers: Vec<i64>) -> Result<(), StoreError> {
    let count = events.len();
    let mut columns = Columns::default();
    for event in events {
        columns.push(event);
    }
    let changed = sql("INSERT INTO events (workspace_id, seq, id, type, at, audience, agent_id, conversation_id, channel_id,
             before_exists, before_assignee_id, before_division_id, after_exists, after_assignee_id, after_division_id, body,
             contact_sight)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[], $7::uuid[],
             $8::uuid[], $9::uuid[], $10::boolean[], $11::uuid[], $12::uuid[], $13::boolean[], $14::uuid[], $15::uuid[], $16::text[],
             $17::jsonb[])")
        .bind(columns.workspaces)
        .bind(numbers)
        .bind(columns.ids)
        .bind(columns.types)
        .bind(columns.times)
        .bind(columns.audiences)
        .bind(columns.agents)
        .bind(columns.conversations)
        .bind(columns.channels)
        .bind(columns.before_exists)
        .bind(columns.before_assignees)
        .bind(columns.before_divisions)
        .bind(columns.after_exists)
        .bind(columns.after_assignees)
        .bind(columns.after_divisions)
        .bind(columns.bodies)
        .bind(columns.contact_sights)
        .execute(conn)?;
    expect_rows("events::append", changed, count)
}

#[derive(Default)]
struct Columns {
    workspaces: Vec<WorkspaceId>,
    ids: Vec<EventId>,
    types: Vec<&'static str>,
    times: Vec<Timestamp>,
    audiences: Vec<&'static str>,
    agents: Vec<Option<Uuid>>,
    conversations: Vec<Option<ConversationId>>,
    channels: Vec<Option<ChannelId>>,
    before_exists: Vec<bool>,
    before_assignees: Vec<Option<Uuid>>,
    before_divisions: Vec<Option<Uuid>>,
    after_exists: Vec<bool>,
    after_assignees: Vec<Option<Uuid>>,
    after_divisions: Vec<Option<Uuid>>,
    bodies: Vec<String>,
    contact_sights: Vec<Option<Value>>,
}

impl Columns {
    fn push(&mut self, event: NewEvent) {
        let (audience, agent, sight) = match &event.audience {
            Audience::Everyone => ("everyone", None, None),
            Audience::Admins => ("admins", None, None),
            Audience::Agent(agent) => ("agent", Some(agent.0), None),
            Audience::Conversation(sight) => ("conversation", None, Some(*sight)),
            Audience::Ticket(sight) => ("ticket", None, Some(*sight)),
            Audience::Channel(_) => ("channel", None, None),
            Audience::Contact(_) => ("contact", None, None),
        };
        let before = sight.and_then(|sight| sight.before);
        let after = sight.and_then(|sight| sight.after);
        let channel = match event.audience {
            Audience::Channel(channel) => Some(channel),
            _ => after.or(before).map(|facts| facts.channel),
        };
        let assignee = |facts: Option<Facts>| facts.and_then(|facts| facts.assignee).map(Uuid::from);
        let division = |facts: Option<Facts>| facts.and_then(|facts| facts.division).map(Uuid::from);
        self.workspaces.push(event.workspace_id);
        self.ids.push(event.id);
        self.types.push(event.event_type.as_str());
        self.times.push(event.at);
        self.audiences.push(audience);
        self.agents.push(agent);
        self.conversations.push(event.conversation_id);
        self.channels.push(channel);
        self.before_exists.push(before.is_some());
        self.before_assignees.push(assignee(before));
        self.before_divisions.push(division(before));
        self.after_exists.push(after.is_some());
        self.after_assignees.push(assignee(after));
        self.after_divisions.push(division(after));
        self.bodies.push(event.body);
        self.contact_sights.push(match event.audience {
            Audience::Contact(sight) => serde_json::to_value(sight).ok(),
            _ => None,
        });
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    r#type: String,
    #[diesel(sql_type = diesel::sql_types::Timestamptz)]
    at: chrono::DateTime<chrono::Utc>,
    #[diesel(sql_type = Text)]
    audience: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    agent_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    conversation_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    channel_id: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    before_exists: bool,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    before_assignee_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    before_division_id: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    after_exists: bool,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    after_assignee_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    after_division_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    body: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    contact_sight: Option<Value>,
}

impl Row {
    fn unreadable(&self, column: &'static str) -> StoreError {
        StoreError::Unreadable { table: "events", column, id: self.id.to_string() }
    }

    fn into_event(mut self) -> Result<StoredEvent, StoreError> {
        // A node of the version before wrote no channel: then it is nobody's whose channels are limited.
        let channel = ChannelId(self.channel_id.unwrap_or_default());
        let facts = |exists: bool, assignee: Option<Uuid>, division: Option<Uuid>| {
            exists.then(|| Facts {
                channel,
                assignee: assignee.map(Into::into),
                division: division.map(Into::into),
            })
        };
        let sight = Sight {
            before: facts(self.before_exists, self.before_assignee_id, self.before_division_id),
            after: facts(self.after_exists, self.after_assignee_id, self.after_division_id),
        };
        let audience = match (self.audience.as_str(), self.agent_id) {
            ("everyone", _) => Audience::Everyone,
            ("admins", _) => Audience::Admins,
            ("agent", Some(agent)) => Audience::Agent(agent.into()),
            ("conversation", _) => Audience::Conversation(sight),
            ("ticket", _) => Audience::Ticket(sight),
            ("channel", _) => Audience::Channel(channel),
            ("contact", _) => {
                let sight = self.contact_sight.take().and_then(|sight| serde_json::from_value(sight).ok());
                Audience::Contact(sight.ok_or_else(|| self.unreadable("contact_sight"))?)
            }
            _ => return Err(self.unreadable("audience")),
        };
        Ok(StoredEvent {
            seq: self.seq,
            event_type: word("events", "type", self.id, &self.r#type)?,
            id: self.id.into(),
            at: Timestamp::new(self.at),
            audience,
            conversation_id: self.conversation_id.map(Into::into),
            body: self.body,
        })
    }
}

/// Events after `after`, oldest first, at most `limit`.
///
/// # Errors
/// Only those of the database.
pub fn read(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    after: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, StoreError> {
    sql("SELECT seq, id, type, at, audience, agent_id, conversation_id, channel_id, before_exists, before_assignee_id,
             before_division_id, after_exists, after_assignee_id, after_division_id, body, contact_sight
         FROM events WHERE workspace_id = $1 AND seq > $2 ORDER BY seq LIMIT $3")
    .bind(workspace)
    .bind(after)
    .bind(limit)
    .load::<Row>(conn)?
    .into_iter()
    .map(Row::into_event)
    .collect()
}

#[derive(QueryableByName)]
struct NumberedRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(embed)]
    event: Row,
}

/// The events with these numbers, each once; those that are no longer kept are left out.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn numbered(
    conn: &mut PgConnection,
    numbers: impl IntoIterator<Item = (WorkspaceId, i64)>,
) -> Result<HashMap<(WorkspaceId, i64), StoredEvent>, StoreError> {
    let numbers: BTreeSet<_> = numbers.into_iter().collect();
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sql("SELECT e.workspace_id, e.seq, e.id, e.type, e.at, e.audience, e.agent_id, e.conversation_id, e.channel_id,
             e.before_exists, e.before_assignee_id, e.before_division_id, e.after_exists, e.after_assignee_id, e.after_division_id,
             e.body, e.contact_sight
         FROM unnest($1::uuid[], $2::bigint[]) AS n (workspace_id, seq)
         CROSS JOIN LATERAL (SELECT * FROM events e WHERE e.workspace_id = n.workspace_id AND e.seq = n.seq OFFSET 0) e")
    .bind(numbers.iter().map(|(workspace, _)| *workspace).collect::<Vec<_>>())
    .bind(numbers.iter().map(|(_, seq)| *seq).collect::<Vec<_>>())
    .load::<NumberedRow>(conn)?;
    rows.into_iter()
        .map(|row| Ok(((row.workspace_id.into(), row.event.seq), row.event.into_event()?)))
        .collect()
}

/// The number of the last committed event.
///
/// # Errors
/// `RowCount` if the workspace is unknown.
pub fn head(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<i64, StoreError> {
    let row = sql("SELECT workspace_id, seq FROM event_counters WHERE workspace_id = $1")
        .bind(workspace)
        .get_result::<CounterRow>(conn)
        .optional()?;
    row.map(|row| row.seq).ok_or(StoreError::RowCount { statement: "events::head", changed: 0, expected: 1 })
}

/// The same for several workspaces at once; unknown ones are left out.
///
/// # Errors
/// Only those of the database.
pub fn heads(
    conn: &mut PgConnection,
    workspaces: Vec<WorkspaceId>,
) -> Result<Vec<(WorkspaceId, i64)>, StoreError> {
    let rows = sql("SELECT workspace_id, seq FROM event_counters WHERE workspace_id = ANY($1)")
        .bind(workspaces)
        .load::<CounterRow>(conn)?;
    Ok(rows.into_iter().map(|row| (row.workspace_id.into(), row.seq)).collect())
}

#[derive(QueryableByName)]
struct OldestRow {
    #[diesel(sql_type = BigInt)]
    seq: i64,
}

/// The number of the oldest event that is still kept; one past the last if none is.
///
/// # Errors
/// As [`head`].
pub fn oldest(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<i64, StoreError> {
    let row = sql("SELECT seq FROM events WHERE workspace_id = $1 ORDER BY seq LIMIT 1")
        .bind(workspace)
        .get_result::<OldestRow>(conn)
        .optional()?;
    match row {
        Some(row) => Ok(row.seq),
        None => Ok(head(conn, workspace)? + 1),
    }
}

/// Forgets events written before `before`, at most `limit` per workspace, oldest first, so that what
/// is kept stays without gaps. Answers how many it forgot.
///
/// # Errors
/// Only those of the database.
pub fn forget(conn: &mut PgConnection, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    Ok(sql("DELETE FROM events e USING event_counters c, LATERAL (
             SELECT o.seq FROM (
                 SELECT i.seq, i.at FROM events i WHERE i.workspace_id = c.workspace_id ORDER BY i.seq LIMIT $2
             ) o WHERE o.at < $1
         ) old
         WHERE e.workspace_id = c.workspace_id AND e.seq = old.seq")
        .bind(before)
        .bind(limit)
        .execute(conn)?)
}
