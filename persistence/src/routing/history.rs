//! What is recorded of a stretch of time: what a dry run is made from.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::conversation::HoldReason;
use domain::id::{AgentId, ChannelId, ContactId, ConversationId, WorkspaceId};
use domain::routing::simulation::{History, Holding, Presence, Recorded};
use domain::routing::{Candidate, LeftOut};
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::decisions::CandidateDocument;
use crate::error::{StoreError, json, word};
use crate::sql::sql;

/// How many decisions are read at once: each is large.
const PAGE: i64 = 1000;

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many decisions were made from `from` until before `to`.
///
/// # Errors
/// Only those of the database.
pub fn count_decisions(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    from: Timestamp,
    to: Timestamp,
) -> Result<i64, StoreError> {
    let row = sql("SELECT count(*) FROM routing_decisions WHERE workspace_id = $1 AND at >= $2 AND at < $3")
        .bind(workspace)
        .bind(from)
        .bind(to)
        .get_result::<CountRow>(conn)?;
    Ok(row.count)
}

/// What is wanted of the past.
#[derive(Debug, Clone)]
pub struct Past {
    /// From when.
    pub from: Timestamp,
    /// Until before when.
    pub to: Timestamp,
    /// The channels for which it is to be told who had resolved the customer's last ticket.
    pub sticky: Vec<ChannelId>,
    /// The most candidates of all decisions together.
    pub most_candidates: usize,
}

/// What is recorded of the past; or, if the decisions have too many candidates, how many of them would have fit.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn history(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    past: &Past,
) -> Result<Result<History, usize>, StoreError> {
    let (from, to) = (past.from, past.to);
    let decisions = match decisions(conn, workspace, past)? {
        Ok(decisions) => decisions,
        Err(fit) => return Ok(Err(fit)),
    };
    let mut conversations: Vec<ConversationId> = decisions.iter().map(|made| made.conversation_id).collect();
    conversations.sort_unstable();
    conversations.dedup();
    Ok(Ok(History {
        from,
        to,
        decisions,
        holdings: holdings(conn, workspace, conversations.clone(), from)?,
        placements: placements(conn, workspace, conversations.clone(), from)?,
        waiting: waiting(conn, workspace, conversations)?,
        presences: presences(conn, workspace, from, to)?,
        own_limits: own_limits(conn, workspace)?,
    }))
}

#[derive(QueryableByName)]
struct DecisionRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    conversation_id: Uuid,
    #[diesel(sql_type = Text)]
    trigger: String,
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    agent_id: Option<Uuid>,
    #[diesel(sql_type = Jsonb)]
    inquiry: Value,
    #[diesel(sql_type = Jsonb)]
    candidates: Value,
    #[diesel(sql_type = Jsonb)]
    omitted: Value,
    #[diesel(sql_type = BigInt)]
    settings_version: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    last_resolver: Option<Uuid>,
}

impl DecisionRow {
    fn into_recorded(self) -> Result<Recorded, StoreError> {
        let (table, id) = ("routing_decisions", self.id);
        let candidates: Vec<CandidateDocument> = json(table, "candidates", id, self.candidates)?;
        let omitted: Vec<(Option<LeftOut>, usize)> = json(table, "omitted", id, self.omitted)?;
        let could = |reason: Option<LeftOut>| reason.is_none_or(LeftOut::depends_on_the_moment);
        Ok(Recorded {
            id: id.into(),
            conversation_id: self.conversation_id.into(),
            trigger: word(table, "trigger", id, &self.trigger)?,
            at: Timestamp::new(self.at),
            agent_id: self.agent_id.map(Into::into),
            inquiry: json(table, "inquiry", id, self.inquiry)?,
            candidates: candidates.into_iter().map(Candidate::from).collect(),
            omits: omitted.iter().any(|(reason, _)| could(*reason)),
            settings_version: self.settings_version,
            last_resolver: self.last_resolver.map(Into::into),
        })
    }
}

fn decisions(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    past: &Past,
) -> Result<Result<Vec<Recorded>, usize>, StoreError> {
    let (mut decisions, mut candidates): (Vec<Recorded>, _) = (Vec::new(), 0);
    let mut after = (past.from, Uuid::nil());
    loop {
        // Who is not allocated is nothing to a simulation, and in a large team most of what is stored.
        let rows = sql("SELECT d.id, d.conversation_id, d.trigger, d.at, d.agent_id, d.inquiry, d.omitted, d.settings_version,
                 (SELECT coalesce(jsonb_agg(one), '[]') FROM jsonb_array_elements(d.candidates) one
                  WHERE coalesce(one ->> 1, '') NOT IN ('not_on_channel', 'not_in_division', 'role_excluded'))
                     AS candidates,
                 CASE WHEN (d.inquiry ->> 'channel_id')::uuid = ANY($6) THEN (
                     SELECT t.agent_id FROM conversations c
                     JOIN conversations o ON o.workspace_id = c.workspace_id AND o.contact_id = c.contact_id
                     JOIN tickets t ON t.workspace_id = o.workspace_id AND t.conversation_id = o.id
                     WHERE c.workspace_id = d.workspace_id AND c.id = d.conversation_id AND t.closed_at <= d.at
                     ORDER BY t.closed_at DESC, t.id DESC LIMIT 1) END AS last_resolver
             FROM routing_decisions d
             WHERE d.workspace_id = $1 AND (d.at, d.id) > ($2, $3) AND d.at < $4 ORDER BY d.at, d.id LIMIT $5")
            .bind(workspace)
            .bind(after.0)
            .bind(after.1)
            .bind(past.to)
            .bind(PAGE)
            .bind(past.sticky.clone())
            .load::<DecisionRow>(conn)?;
        let full = i64::try_from(rows.len()).is_ok_and(|read| read == PAGE);
        for row in rows {
            after = (Timestamp::new(row.at), row.id);
            let made = row.into_recorded()?;
            candidates += made.candidates.len();
            if candidates > past.most_candidates {
                return Ok(Err(decisions.len()));
            }
            decisions.push(made);
        }
        if !full {
            break;
        }
    }
    // Assignments of one transaction have times after its own: ids tell the order in which they were made.
    decisions.sort_unstable_by_key(|made| made.id);
    Ok(Ok(decisions))
}

#[derive(QueryableByName)]
struct HoldingRow {
    #[diesel(sql_type = SqlUuid)]
    conversation_id: Uuid,
    #[diesel(sql_type = Integer)]
    position: i32,
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    from_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    to_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Timestamptz)]
    waited_since: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    answered_at: Option<DateTime<Utc>>,
}

impl HoldingRow {
    fn into_holding(self) -> Result<Holding, StoreError> {
        let reason = word("ticket_holders", "reason", self.position, &self.reason)?;
        let by_routing = match reason {
            HoldReason::AutoAssigned | HoldReason::UnansweredTransfer | HoldReason::Handover => true,
            HoldReason::Claimed | HoldReason::Assigned | HoldReason::Replied | HoldReason::Started => false,
        };
        Ok(Holding {
            conversation_id: self.conversation_id.into(),
            agent_id: self.agent_id.into(),
            from: Timestamp::new(self.from_at),
            to: self.to_at.map(Timestamp::new),
            by_routing,
            waited_since: Timestamp::new(self.waited_since),
            answered_at: self.answered_at.map(Timestamp::new),
        })
    }
}

fn holdings(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversations: Vec<ConversationId>,
    from: Timestamp,
) -> Result<Vec<Holding>, StoreError> {
    sql("SELECT t.conversation_id, h.position, h.agent_id, h.from_at, h.to_at, h.reason, t.answered_at,
             coalesce(lag(h.to_at) OVER (PARTITION BY t.id ORDER BY h.position), t.session_started_at) AS waited_since
         FROM tickets t JOIN ticket_holders h ON h.workspace_id = t.workspace_id AND h.ticket_id = t.id
         WHERE t.workspace_id = $1 AND t.conversation_id = ANY($2) AND (t.closed_at IS NULL OR t.closed_at >= $3)
         ORDER BY t.conversation_id, t.opened_at, t.id, h.position")
        .bind(workspace)
        .bind(conversations)
        // The time of an assignment may be a little after that of its transaction.
        .bind(from.plus(TimeDelta::minutes(-1)))
        .load::<HoldingRow>(conn)?
        .into_iter()
        .map(HoldingRow::into_holding)
        .collect()
}

#[derive(QueryableByName)]
struct PlacementsRow {
    #[diesel(sql_type = SqlUuid)]
    conversation_id: Uuid,
    #[diesel(sql_type = BigInt)]
    placements: i64,
}

fn placements(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversations: Vec<ConversationId>,
    from: Timestamp,
) -> Result<HashMap<ConversationId, usize>, StoreError> {
    let rows = sql("SELECT conversation_id, count(*) AS placements FROM routing_decisions
         WHERE workspace_id = $1 AND conversation_id = ANY($2) AND at >= $3 AND outcome = 'assigned' GROUP BY 1")
    .bind(workspace)
    .bind(conversations)
    .bind(from)
    .load::<PlacementsRow>(conn)?;
    let placements = |row: &PlacementsRow| usize::try_from(row.placements).unwrap_or_default();
    Ok(rows.iter().map(|row| (row.conversation_id.into(), placements(row))).collect())
}

#[derive(QueryableByName)]
struct WaitingRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    waiting_since: DateTime<Utc>,
}

fn waiting(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversations: Vec<ConversationId>,
) -> Result<HashMap<ConversationId, Timestamp>, StoreError> {
    let rows = sql("SELECT id, waiting_since FROM conversations
         WHERE workspace_id = $1 AND id = ANY($2) AND waiting_since IS NOT NULL")
    .bind(workspace)
    .bind(conversations)
    .load::<WaitingRow>(conn)?;
    Ok(rows.into_iter().map(|row| (row.id.into(), Timestamp::new(row.waiting_since))).collect())
}

#[derive(QueryableByName)]
struct PresenceRow {
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    from_at: DateTime<Utc>,
    #[diesel(sql_type = Bool)]
    online: bool,
}

fn presences(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Presence>, StoreError> {
    let rows = sql("SELECT agent_id, from_at, online FROM availability_periods
         WHERE workspace_id = $1 AND from_at < $3 AND (to_at IS NULL OR to_at >= $2) ORDER BY from_at, id")
    .bind(workspace)
    .bind(from)
    .bind(to)
    .load::<PresenceRow>(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Presence {
            agent_id: row.agent_id.into(),
            at: Timestamp::new(row.from_at),
            online: row.online,
        })
        .collect())
}

#[derive(QueryableByName)]
struct LimitRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Integer)]
    max_conversations: i32,
}

fn own_limits(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<HashMap<AgentId, u32>, StoreError> {
    let rows = sql("SELECT id, max_conversations FROM agents
         WHERE workspace_id = $1 AND max_conversations IS NOT NULL")
    .bind(workspace)
    .load::<LimitRow>(conn)?;
    let limit = |row: LimitRow| Some((row.id.into(), u32::try_from(row.max_conversations).ok()?));
    Ok(rows.into_iter().filter_map(limit).collect())
}

#[derive(QueryableByName)]
struct AgentRow {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    agent_id: Option<Uuid>,
}

/// Who resolved the last ticket of this customer. `None` at the outside: there is no such customer on any of these
/// channels (`None`: any channel).
///
/// # Errors
/// Only those of the database.
pub fn last_resolver_of(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    contact: ContactId,
    only_channels: Option<Vec<ChannelId>>,
) -> Result<Option<Option<AgentId>>, StoreError> {
    let rows = sql("SELECT (
             SELECT t.agent_id FROM conversations o
             JOIN tickets t ON t.workspace_id = o.workspace_id AND t.conversation_id = o.id
             WHERE o.workspace_id = p.workspace_id AND o.contact_id = p.id AND t.closed_at IS NOT NULL
                 AND ($3::uuid[] IS NULL OR o.channel_id = ANY($3))
             ORDER BY t.closed_at DESC, t.id DESC LIMIT 1) AS agent_id
         FROM contacts p WHERE p.workspace_id = $1 AND p.id = $2 AND ($3::uuid[] IS NULL OR EXISTS (
             SELECT FROM contact_identities i WHERE i.workspace_id = p.workspace_id AND i.contact_id = p.id
                 AND i.channel_id = ANY($3)))")
    .bind(workspace)
    .bind(contact)
    .bind(only_channels)
    .load::<AgentRow>(conn)?;
    Ok(rows.first().map(|row| row.agent_id.map(Into::into)))
}
