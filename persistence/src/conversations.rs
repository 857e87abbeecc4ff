//! Conversations: the aggregate that writes lock, and the shape that readers see.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::access::{Scope, Visible};
use domain::conversation::{Conversation, ConversationStatus, Session, State};
use domain::id::{AgentId, ChannelId, ConversationId, IdentityId, WorkspaceId};
use domain::reply_window::reply_window;
use domain::resource::{self, AgentRef, ChannelRef, ContactRef, DivisionRef, LastMessage};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    contact_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    session_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    session_started_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    assignee_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    division_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    ticket_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    waiting_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_inbound_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    last_activity_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    last_message_id: Option<Uuid>,
    #[diesel(sql_type = Integer)]
    unread_count: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    archived_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl Row {
    fn state(&self) -> Result<State, StoreError> {
        let unreadable =
            |column| StoreError::Unreadable { table: "conversations", column, id: self.id.to_string() };
        let Some((id, started_at)) = self.session_id.zip(self.session_started_at) else {
            return Ok(State::Resolved);
        };
        let session = Session { id: id.into(), started_at: Timestamp::new(started_at) };
        let ticket = self.ticket_id.map(Into::into);
        Ok(match self.assignee_id {
            Some(assignee) => State::Held {
                session,
                assignee: assignee.into(),
                ticket: ticket.ok_or_else(|| unreadable("ticket_id"))?,
            },
            None => State::Waiting {
                session,
                since: self.waiting_since.map(Timestamp::new).ok_or_else(|| unreadable("waiting_since"))?,
                ticket,
            },
        })
    }

    fn into_conversation(self) -> Result<(WorkspaceId, Conversation), StoreError> {
        let state = self.state()?;
        let conversation = Conversation {
            id: self.id.into(),
            channel_id: self.channel_id.into(),
            contact_id: self.contact_id.into(),
            state,
            division_id: self.division_id.map(Into::into),
            last_inbound_at: self.last_inbound_at.map(Timestamp::new),
            last_activity_at: Timestamp::new(self.last_activity_at),
            last_message_id: self.last_message_id.map(Into::into),
            unread_count: self.unread_count,
            archived_at: self.archived_at.map(Timestamp::new),
            version: self.version,
            created_at: Timestamp::new(self.created_at),
        };
        Ok((self.workspace_id.into(), conversation))
    }
}

/// Reads and locks conversations, in the order of tenant and id: the first lock of every write.
///
/// # Errors
/// `Unreadable` for a row that no rule allows; those of the database.
pub fn lock_many(
    conn: &mut PgConnection,
    keys: Vec<(WorkspaceId, ConversationId)>,
) -> Result<Vec<(WorkspaceId, Conversation)>, StoreError> {
    let (workspaces, ids): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    sql("SELECT c.workspace_id, c.id, c.channel_id, c.contact_id, c.session_id, c.session_started_at, c.assignee_id, c.division_id,
             c.ticket_id, c.waiting_since, c.last_inbound_at, c.last_activity_at, c.last_message_id, c.unread_count,
             c.archived_at, c.version, c.created_at
         FROM unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
         JOIN conversations c ON c.workspace_id = k.workspace_id AND c.id = k.id
         ORDER BY c.workspace_id, c.id FOR NO KEY UPDATE OF c")
        .bind(workspaces)
        .bind(ids)
        .load::<Row>(conn)?
        .into_iter()
        .map(Row::into_conversation)
        .collect()
}

/// Reads and locks one conversation.
///
/// # Errors
/// As [`lock_many`].
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: ConversationId,
) -> Result<Option<Conversation>, StoreError> {
    Ok(lock_many(conn, vec![(workspace, id)])?.pop().map(|(_, conversation)| conversation))
}

/// Stores new conversations, each with its identity.
///
/// # Errors
/// `Taken` if an identity has one already; the caller has just made the identity.
pub fn insert_many(
    conn: &mut PgConnection,
    conversations: Vec<(WorkspaceId, IdentityId, Conversation)>,
) -> Result<(), StoreError> {
    let count = conversations.len();
    let (mut workspaces, mut ids, mut channels, mut contacts, mut identities, mut times) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (workspace, identity, conversation) in conversations {
        workspaces.push(workspace);
        ids.push(conversation.id);
        channels.push(conversation.channel_id);
        contacts.push(conversation.contact_id);
        identities.push(identity);
        times.push(conversation.created_at);
    }
    let changed = sql("INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, last_activity_at, version, created_at)
         SELECT n.workspace_id, n.id, n.channel_id, n.contact_id, n.identity_id, n.at, 0, n.at
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[])
             AS n (workspace_id, id, channel_id, contact_id, identity_id, at)")
        .bind(workspaces)
        .bind(ids)
        .bind(channels)
        .bind(contacts)
        .bind(identities)
        .bind(times)
        .execute(conn)?;
    expect_rows("conversations::insert_many", changed, count)
}

/// Stores changed conversations, raising the version of each by one. All must be locked.
///
/// # Errors
/// `RowCount` if one is not there.
pub fn save_many(
    conn: &mut PgConnection,
    conversations: &mut [(WorkspaceId, Conversation)],
) -> Result<(), StoreError> {
    let mut columns = Columns::default();
    for (workspace, conversation) in conversations.iter_mut() {
        conversation.version += 1;
        columns.push(*workspace, conversation);
    }
    let changed = sql("UPDATE conversations c SET session_id = n.session_id, session_started_at = n.session_started_at,
             assignee_id = n.assignee_id, division_id = n.division_id, ticket_id = n.ticket_id, waiting_since = n.waiting_since,
             last_inbound_at = n.last_inbound_at, last_activity_at = n.last_activity_at, last_message_id = n.last_message_id,
             unread_count = n.unread_count, archived_at = n.archived_at, version = n.version
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::uuid[], $8::timestamptz[],
                     $9::timestamptz[], $10::timestamptz[], $11::uuid[], $12::integer[], $13::timestamptz[], $14::bigint[])
             AS n (workspace_id, id, session_id, session_started_at, assignee_id, division_id, ticket_id, waiting_since,
                   last_inbound_at, last_activity_at, last_message_id, unread_count, archived_at, version)
         WHERE c.workspace_id = n.workspace_id AND c.id = n.id")
        .bind(columns.workspaces)
        .bind(columns.ids)
        .bind(columns.sessions)
        .bind(columns.session_starts)
        .bind(columns.assignees)
        .bind(columns.divisions)
        .bind(columns.tickets)
        .bind(columns.waiting)
        .bind(columns.inbound)
        .bind(columns.activity)
        .bind(columns.messages)
        .bind(columns.unread)
        .bind(columns.archived)
        .bind(columns.versions)
        .execute(conn)?;
    expect_rows("conversations::save_many", changed, conversations.len())
}

/// Stores one changed conversation.
///
/// # Errors
/// As [`save_many`].
pub fn save(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: &mut Conversation,
) -> Result<(), StoreError> {
    let mut one = [(workspace, conversation.clone())];
    save_many(conn, &mut one)?;
    let [(_, saved)] = one;
    *conversation = saved;
    Ok(())
}

#[derive(Default)]
struct Columns {
    workspaces: Vec<WorkspaceId>,
    ids: Vec<ConversationId>,
    sessions: Vec<Option<Uuid>>,
    session_starts: Vec<Option<Timestamp>>,
    assignees: Vec<Option<AgentId>>,
    divisions: Vec<Option<Uuid>>,
    tickets: Vec<Option<Uuid>>,
    waiting: Vec<Option<Timestamp>>,
    inbound: Vec<Option<Timestamp>>,
    activity: Vec<Timestamp>,
    messages: Vec<Option<Uuid>>,
    unread: Vec<i32>,
    archived: Vec<Option<Timestamp>>,
    versions: Vec<i64>,
}

impl Columns {
    fn push(&mut self, workspace: WorkspaceId, conversation: &Conversation) {
        let session = conversation.session();
        self.workspaces.push(workspace);
        self.ids.push(conversation.id);
        self.sessions.push(session.map(|session| session.id.0));
        self.session_starts.push(session.map(|session| session.started_at));
        self.assignees.push(conversation.assignee());
        self.divisions.push(conversation.division_id.map(Uuid::from));
        self.tickets.push(conversation.ticket().map(Uuid::from));
        self.waiting.push(match conversation.state {
            State::Waiting { since, .. } => Some(since),
            State::Held { .. } | State::Resolved => None,
        });
        self.inbound.push(conversation.last_inbound_at);
        self.activity.push(conversation.last_activity_at);
        self.messages.push(conversation.last_message_id.map(Uuid::from));
        self.unread.push(conversation.unread_count);
        self.archived.push(conversation.archived_at);
        self.versions.push(conversation.version);
    }
}

#[derive(QueryableByName)]
struct ShapeRow {
    #[diesel(embed)]
    stored: Row,
    #[diesel(sql_type = Text)]
    channel_kind: String,
    #[diesel(sql_type = Text)]
    channel_name: String,
    #[diesel(sql_type = Text)]
    contact_name: String,
    #[diesel(sql_type = Nullable<Text>)]
    contact_phone: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    assignee_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    division_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    message_kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    message_direction: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    message_text: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    message_at: Option<DateTime<Utc>>,
}

impl ShapeRow {
    fn last_message(&mut self) -> Result<Option<LastMessage>, StoreError> {
        let (Some(id), Some(kind), Some(direction), Some(at)) = (
            self.stored.last_message_id,
            self.message_kind.as_deref(),
            self.message_direction.as_deref(),
            self.message_at,
        ) else {
            return Ok(None);
        };
        Ok(Some(LastMessage {
            id: id.into(),
            kind: word("messages", "kind", id, kind)?,
            direction: word("messages", "direction", id, direction)?,
            text: self.message_text.take(),
            at: Timestamp::new(at),
        }))
    }

    fn into_resource(mut self, now: Timestamp) -> Result<(WorkspaceId, resource::Conversation), StoreError> {
        let last_message = self.last_message()?;
        let kind = word("channels", "kind", self.stored.channel_id, &self.channel_kind)?;
        let (workspace, conversation) = self.stored.into_conversation()?;
        let shape = resource::Conversation {
            id: conversation.id,
            channel: ChannelRef { id: conversation.channel_id, kind, name: self.channel_name },
            contact: ContactRef {
                id: conversation.contact_id,
                name: self.contact_name,
                phone: self.contact_phone,
            },
            status: conversation.status(),
            handler: conversation.handler(),
            assignee: conversation.assignee().zip(self.assignee_name).map(|(id, name)| AgentRef { id, name }),
            division: conversation
                .division_id
                .zip(self.division_name)
                .map(|(id, name)| DivisionRef { id, name }),
            unread_count: conversation.unread_count,
            last_message,
            last_activity_at: conversation.last_activity_at,
            reply_window: reply_window(kind, conversation.last_inbound_at, now),
            ticket_id: conversation.ticket(),
            waiting_since: match conversation.state {
                State::Waiting { since, .. } => Some(since),
                State::Held { .. } | State::Resolved => None,
            },
            archived_at: conversation.archived_at,
            version: conversation.version,
            created_at: conversation.created_at,
        };
        Ok((workspace, shape))
    }
}

/// The columns and joins of the shape; `c` is the conversation.
macro_rules! shape {
    ([$($from:tt)*], $rest:literal) => {
        concat!(
            "SELECT c.workspace_id, c.id, c.channel_id, c.contact_id, c.session_id, c.session_started_at, c.assignee_id,
                 c.division_id, c.ticket_id, c.waiting_since, c.last_inbound_at, c.last_activity_at, c.last_message_id,
                 c.unread_count, c.archived_at, c.version, c.created_at,
                 h.kind AS channel_kind, h.name AS channel_name, p.name AS contact_name, p.phone AS contact_phone,
                 a.name AS assignee_name, d.name AS division_name, m.kind AS message_kind,
                 m.direction AS message_direction, left(m.text, 200) AS message_text, m.at AS message_at
             FROM ",
            $($from)*,
            " JOIN channels h ON h.workspace_id = c.workspace_id AND h.id = c.channel_id
             JOIN contacts p ON p.workspace_id = c.workspace_id AND p.id = c.contact_id
             LEFT JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = c.assignee_id
             LEFT JOIN divisions d ON d.workspace_id = c.workspace_id AND d.id = c.division_id
             LEFT JOIN messages m ON m.workspace_id = c.workspace_id AND m.id = c.last_message_id ",
            $rest
        )
    };
}

/// One page of a list: found first, by an index in the order of the list, and joined afterwards.
macro_rules! page {
    ($condition:literal) => {
        shape!(
            [concat!(
                "(SELECT * FROM conversations c WHERE c.workspace_id = $1 AND ",
                $condition,
                "    AND ($2::timestamptz IS NULL OR (c.last_activity_at, c.id) < ($2, $3::uuid))
                     AND (cardinality($4::uuid[]) = 0 OR c.channel_id = ANY($4))
                     AND (cardinality($5::text[]) = 0 OR $5 @> ARRAY[CASE WHEN c.session_id IS NULL THEN 'resolved'
                              WHEN c.assignee_id IS NULL THEN 'open' ELSE 'answered' END])
                   ORDER BY c.last_activity_at DESC, c.id DESC LIMIT $6) c"
            )],
            "ORDER BY c.last_activity_at DESC, c.id DESC"
        )
    };
}

/// The shapes of these conversations, in no order; unknown ones are left out.
///
/// # Errors
/// As [`lock_many`].
pub fn shapes(
    conn: &mut PgConnection,
    keys: Vec<(WorkspaceId, ConversationId)>,
    now: Timestamp,
) -> Result<Vec<(WorkspaceId, resource::Conversation)>, StoreError> {
    let (workspaces, ids): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    sql(shape!(
        ["unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
             JOIN conversations c ON c.workspace_id = k.workspace_id AND c.id = k.id"],
        ""
    ))
    .bind(workspaces)
    .bind(ids)
    .load::<ShapeRow>(conn)?
    .into_iter()
    .map(|row| row.into_resource(now))
    .collect()
}

/// The shape of one conversation, whoever asks: for events and answers to writes.
///
/// # Errors
/// As [`lock_many`].
pub fn shape(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: ConversationId,
    now: Timestamp,
) -> Result<Option<resource::Conversation>, StoreError> {
    Ok(shapes(conn, vec![(workspace, id)], now)?.pop().map(|(_, shape)| shape))
}

/// Which conversations a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those held by this agent (the tab `mine`).
    pub held_by: Option<AgentId>,
    /// Only those that nobody holds (the tab `unassigned`).
    pub unassigned: bool,
    /// Only archived ones; otherwise only the others.
    pub archived: bool,
    /// Only on one of these channels; empty: on any.
    pub channels: Vec<ChannelId>,
    /// Only those that stand like one of these; empty: like any.
    pub statuses: Vec<ConversationStatus>,
}

/// Where a page of [`list`] begins: after this activity and id.
pub type After = (Timestamp, ConversationId);

/// Conversations by last activity, newest first, at most `limit`.
///
/// # Errors
/// As [`lock_many`].
pub fn list(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: Filter,
    after: Option<After>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<resource::Conversation>, StoreError> {
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let scope = Narrowed::to(&visible.conversations, &filter);
    let statuses: Vec<&'static str> = filter.statuses.iter().map(|status| status.as_str()).collect();
    let statement = match (filter.archived, &scope) {
        (_, Narrowed::Empty) => return Ok(Vec::new()),
        (false, Narrowed::Any) => page!("c.archived_at IS NULL"),
        (false, Narrowed::Nobody) => page!("c.archived_at IS NULL AND c.assignee_id IS NULL"),
        (false, Narrowed::Holder(_)) => page!("c.archived_at IS NULL AND c.assignee_id = $7"),
        (false, Narrowed::Holders(..)) => {
            page!("c.archived_at IS NULL AND (c.assignee_id = ANY($7) OR ($8 AND c.assignee_id IS NULL))")
        }
        (true, Narrowed::Any) => page!("c.archived_at IS NOT NULL"),
        (true, Narrowed::Nobody) => page!("c.archived_at IS NOT NULL AND c.assignee_id IS NULL"),
        (true, Narrowed::Holder(_)) => page!("c.archived_at IS NOT NULL AND c.assignee_id = $7"),
        (true, Narrowed::Holders(..)) => {
            page!("c.archived_at IS NOT NULL AND (c.assignee_id = ANY($7) OR ($8 AND c.assignee_id IS NULL))")
        }
    };
    let statement = sql(statement)
        .bind(visible.workspace_id)
        .bind(at)
        .bind(id)
        .bind(filter.channels)
        .bind(statuses)
        .bind(limit);
    let statement = match scope {
        Narrowed::Empty | Narrowed::Any | Narrowed::Nobody => statement,
        Narrowed::Holder(agent) => statement.bind(agent),
        Narrowed::Holders(agents, unassigned) => statement.bind(agents).bind(unassigned),
    };
    statement
        .load::<ShapeRow>(conn)?
        .into_iter()
        .map(|row| row.into_resource(now).map(|(_, shape)| shape))
        .collect()
}

/// What is left of the reader's scope under the filter's tab.
enum Narrowed {
    Empty,
    Any,
    Nobody,
    Holder(AgentId),
    Holders(Vec<AgentId>, bool),
}

impl Narrowed {
    fn to(scope: &Scope, filter: &Filter) -> Self {
        let sees = |by| scope.contains(domain::access::Held { by });
        match (filter.held_by, filter.unassigned) {
            (Some(agent), false) if sees(Some(agent)) => Self::Holder(agent),
            (None, true) if sees(None) => Self::Nobody,
            (None, false) => match scope {
                Scope::Everything => Self::Any,
                Scope::HeldBy { agents, unassigned: false } if agents.len() == 1 => Self::Holder(agents[0]),
                Scope::HeldBy { agents, unassigned } => Self::Holders(agents.clone(), *unassigned),
            },
            _ => Self::Empty,
        }
    }
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

/// Whether the tenant has any conversation.
///
/// # Errors
/// Only those of the database.
pub fn any(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<bool, StoreError> {
    let row = sql("SELECT EXISTS (SELECT 1 FROM conversations WHERE workspace_id = $1) AS exists")
        .bind(workspace)
        .get_result::<CountRow>(conn)?;
    Ok(row.exists)
}
