//! Conversations as writes lock and store them.

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::conversation::{Conversation, State};
use domain::id::{AgentId, ContactId, ConversationId, IdentityId, WorkspaceId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

use super::Row;

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
             c.ticket_id, c.waiting_since, c.waiting_cause, c.waiting_decided, c.assigned_at, c.over_limit,
             c.unanswered_since, c.previous_holders, c.last_inbound_at, c.last_activity_at, c.last_message_id, c.unread_count,
             c.archived_at, c.blocked, c.version, c.created_at
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

/// The conversations whose customers wait for an answer, or wrote after this time, unlocked; no resolved ones.
///
/// # Errors
/// As [`lock_many`].
pub fn awaiting(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    wrote_after: Timestamp,
) -> Result<Vec<Conversation>, StoreError> {
    // The shelf leaves out the resolved ones, which are most.
    sql("SELECT c.workspace_id, c.id, c.channel_id, c.contact_id, c.session_id, c.session_started_at, c.assignee_id, c.division_id,
             c.ticket_id, c.waiting_since, c.waiting_cause, c.waiting_decided, c.assigned_at, c.over_limit,
             c.unanswered_since, c.previous_holders, c.last_inbound_at, c.last_activity_at, c.last_message_id, c.unread_count,
             c.archived_at, c.blocked, c.version, c.created_at
         FROM conversations c WHERE c.workspace_id = $1 AND (c.unanswered_since IS NOT NULL OR c.last_inbound_at > $2)
           AND c.shelf IN ('open', 'directed', 'answered', 'archived_open', 'archived_directed', 'archived_answered')")
    .bind(workspace)
    .bind(wrote_after)
    .load::<Row>(conn)?
    .into_iter()
    .map(|row| Ok(row.into_conversation()?.1))
    .collect()
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
    let (mut workspaces, mut ids, mut channels, mut contacts, mut identities, mut blocked, mut times) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (workspace, identity, conversation) in conversations {
        workspaces.push(workspace);
        ids.push(conversation.id);
        channels.push(conversation.channel_id);
        contacts.push(conversation.contact_id);
        identities.push(identity);
        blocked.push(conversation.blocked);
        times.push(conversation.created_at);
    }
    let changed = sql("INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, last_activity_at, blocked, version, created_at)
         SELECT n.workspace_id, n.id, n.channel_id, n.contact_id, n.identity_id, n.at, n.blocked, 0, n.at
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::boolean[])
             AS n (workspace_id, id, channel_id, contact_id, identity_id, at, blocked)")
        .bind(workspaces)
        .bind(ids)
        .bind(channels)
        .bind(contacts)
        .bind(identities)
        .bind(times)
        .bind(blocked)
        .execute(conn)?;
    expect_rows("conversations::insert_many", changed, count)
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Stores changed conversations, raising the version of each by one. All must be locked. Their labels follow them to their
/// new places in lists.
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
    let saved = sql("WITH saved AS (UPDATE conversations c SET session_id = n.session_id, session_started_at = n.session_started_at,
             assignee_id = n.assignee_id, division_id = n.division_id, ticket_id = n.ticket_id, waiting_since = n.waiting_since,
             last_inbound_at = n.last_inbound_at, last_activity_at = n.last_activity_at, last_message_id = n.last_message_id,
             unread_count = n.unread_count, archived_at = n.archived_at, version = n.version, waiting_cause = n.waiting_cause,
             waiting_decided = n.waiting_decided, assigned_at = n.assigned_at, over_limit = n.over_limit,
             unanswered_since = n.unanswered_since, previous_holders = n.previous_holders::uuid[], blocked = n.blocked,
             contact_id = n.contact_id
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::uuid[], $8::timestamptz[],
                     $9::timestamptz[], $10::timestamptz[], $11::uuid[], $12::integer[], $13::timestamptz[], $14::bigint[],
                     $15::text[], $16::boolean[], $17::timestamptz[], $18::boolean[], $19::timestamptz[], $20::text[], $21::boolean[], $22::uuid[])
             AS n (workspace_id, id, session_id, session_started_at, assignee_id, division_id, ticket_id, waiting_since,
                   last_inbound_at, last_activity_at, last_message_id, unread_count, archived_at, version,
                   waiting_cause, waiting_decided, assigned_at, over_limit, unanswered_since, previous_holders,
                   blocked, contact_id)
         WHERE c.workspace_id = n.workspace_id AND c.id = n.id
         RETURNING c.workspace_id, c.id, c.shelf, c.last_activity_at),
         placed AS (UPDATE conversation_labels k SET shelf = s.shelf, last_activity_at = s.last_activity_at FROM saved s
             WHERE k.workspace_id = s.workspace_id AND k.conversation_id = s.id
               AND (k.shelf, k.last_activity_at) IS DISTINCT FROM (s.shelf, s.last_activity_at))
         SELECT count(*) AS count FROM saved")
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
        .bind(columns.waiting_causes)
        .bind(columns.waiting_decided)
        .bind(columns.assigned)
        .bind(columns.over_limit)
        .bind(columns.unanswered)
        .bind(columns.previous_holders)
        .bind(columns.blocked)
        .bind(columns.contacts)
        .get_result::<CountRow>(conn)?;
    expect_rows("conversations::save_many", usize::try_from(saved.count).unwrap_or(0), conversations.len())
}

/// Says of waiting conversations that a stored decision says why they wait. Nothing that clients see changes.
///
/// # Errors
/// Only those of the database.
pub fn mark_decided(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<ConversationId>,
) -> Result<(), StoreError> {
    sql("UPDATE conversations SET waiting_decided = true
         WHERE workspace_id = $1 AND id = ANY($2) AND waiting_since IS NOT NULL")
    .bind(workspace)
    .bind(ids)
    .execute(conn)?;
    Ok(())
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
    waiting_causes: Vec<Option<&'static str>>,
    waiting_decided: Vec<bool>,
    assigned: Vec<Option<Timestamp>>,
    over_limit: Vec<bool>,
    unanswered: Vec<Option<Timestamp>>,
    /// Each a literal of PostgreSQL's: `unnest` takes lists of lists apart.
    previous_holders: Vec<String>,
    blocked: Vec<bool>,
    contacts: Vec<ContactId>,
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
        let (mut waiting, mut held) = (None, None);
        match conversation.state {
            State::Waiting { since, cause, decided, .. } => waiting = Some((since, cause, decided)),
            State::Held { since, over_limit, .. } => held = Some((since, over_limit)),
            State::Resolved => {}
        }
        self.waiting.push(waiting.map(|(since, ..)| since));
        self.waiting_causes.push(waiting.map(|(_, cause, _)| cause.as_str()));
        self.waiting_decided.push(waiting.is_some_and(|(.., decided)| decided));
        self.assigned.push(held.map(|(since, _)| since));
        self.over_limit.push(held.is_some_and(|(_, over_limit)| over_limit));
        self.unanswered.push(conversation.unanswered_since);
        let previous: Vec<_> = conversation.previous_holders.iter().map(ToString::to_string).collect();
        self.previous_holders.push(format!("{{{}}}", previous.join(",")));
        self.blocked.push(conversation.blocked);
        self.contacts.push(conversation.contact_id);
        self.inbound.push(conversation.last_inbound_at);
        self.activity.push(conversation.last_activity_at);
        self.messages.push(conversation.last_message_id.map(Uuid::from));
        self.unread.push(conversation.unread_count);
        self.archived.push(conversation.archived_at);
        self.versions.push(conversation.version);
    }
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The conversations of these identities.
///
/// # Errors
/// Only those of the database.
pub fn of_identities(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    identities: Vec<IdentityId>,
) -> Result<Vec<ConversationId>, StoreError> {
    let rows = sql("SELECT id FROM conversations WHERE workspace_id = $1 AND identity_id = ANY($2)")
        .bind(workspace)
        .bind(identities)
        .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}
