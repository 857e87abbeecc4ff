//! Decisions, with what they were made from.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{AgentId, ConversationId, RoutingDecisionId, WorkspaceId};
use domain::resource::{AgentRef, OmittedCandidates, RoutingCandidate, RoutingDecision, StickyAgent};
use domain::routing::{Candidate, DecisionOutcome, DecisionReason, Inquiry, LeftOut, TieBreak, Trigger};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, json, word};
use crate::sql::sql;

/// A decision as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDecision {
    /// Its id.
    pub id: RoutingDecisionId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// What made routing look at it.
    pub trigger: Trigger,
    /// When; no two assignments of a workspace have the same time.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: DecisionOutcome,
    /// Who was given the conversation.
    pub agent_id: Option<AgentId>,
    /// By what.
    pub reason: DecisionReason,
    /// What told the agent from the next in line.
    pub tie_break: Option<TieBreak>,
    /// What was asked.
    pub inquiry: Inquiry,
    /// The candidates, best first; of a large team not all.
    pub candidates: Vec<Candidate>,
    /// How many more there were, by reason.
    pub omitted: Vec<(Option<LeftOut>, usize)>,
    /// The version of the configuration.
    pub settings_version: i64,
    /// The version of the rules.
    pub rules_version: i32,
    /// How long the deciding took, in microseconds.
    pub duration_us: i64,
}

/// A candidate in the column `candidates`: a list of what [`Candidate`] has in its order. There may be hundreds in a
/// decision, and their names would be most of what is written.
#[derive(Serialize, Deserialize)]
pub(super) struct CandidateDocument(AgentId, Option<LeftOut>, u32, Option<u32>, Option<Timestamp>);

impl From<&Candidate> for CandidateDocument {
    fn from(candidate: &Candidate) -> Self {
        let Candidate { agent_id, left_out, load, limit, last_assigned_at } = *candidate;
        Self(agent_id, left_out, load, limit, last_assigned_at)
    }
}

impl From<CandidateDocument> for Candidate {
    fn from(CandidateDocument(agent_id, left_out, load, limit, last_assigned_at): CandidateDocument) -> Self {
        Self { agent_id, left_out, load, limit, last_assigned_at }
    }
}

/// As text, which PostgreSQL reads as it is; a value would be taken apart and put together once more.
fn document(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Stores decisions.
///
/// # Errors
/// Only those of the database.
pub fn insert_decisions(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    decisions: &[StoredDecision],
) -> Result<(), StoreError> {
    if decisions.is_empty() {
        return Ok(());
    }
    let of = |decision: &StoredDecision| {
        document(&decision.candidates.iter().map(CandidateDocument::from).collect::<Vec<_>>())
    };
    let inserted = sql("INSERT INTO routing_decisions (workspace_id, id, conversation_id, trigger, at, outcome, agent_id, reason,
             tie_break, inquiry, candidates, omitted, settings_version, rules_version, duration_us)
         SELECT $1, n.id, n.conversation_id, n.trigger, n.at, n.outcome, n.agent_id, n.reason, n.tie_break, n.inquiry::jsonb,
             n.candidates::jsonb, n.omitted::jsonb, n.settings_version, n.rules_version, n.duration_us
         FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[], $7::uuid[], $8::text[], $9::text[],
                     $10::text[], $11::text[], $12::text[], $13::bigint[], $14::integer[], $15::bigint[])
             AS n (id, conversation_id, trigger, at, outcome, agent_id, reason, tie_break, inquiry, candidates, omitted,
                   settings_version, rules_version, duration_us)")
    .bind(workspace)
    .bind(decisions.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| one.conversation_id).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| one.trigger.as_str()).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| one.at).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| one.outcome.as_str()).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| one.agent_id).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| one.tie_break.map(TieBreak::as_str)).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| document(&one.inquiry)).collect::<Vec<_>>())
    .bind(decisions.iter().map(of).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| document(&one.omitted)).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| one.settings_version).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| one.rules_version).collect::<Vec<_>>())
    .bind(decisions.iter().map(|one| one.duration_us).collect::<Vec<_>>())
    .execute(conn)?;
    expect_rows("routing::insert_decisions", inserted, decisions.len())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    conversation_id: Uuid,
    #[diesel(sql_type = Text)]
    trigger: String,
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    agent_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Nullable<Text>)]
    tie_break: Option<String>,
    #[diesel(sql_type = Jsonb)]
    inquiry: Value,
    #[diesel(sql_type = Jsonb)]
    candidates: Value,
    #[diesel(sql_type = Jsonb)]
    omitted: Value,
    #[diesel(sql_type = BigInt)]
    settings_version: i64,
    #[diesel(sql_type = Integer)]
    rules_version: i32,
    #[diesel(sql_type = BigInt)]
    duration_us: i64,
}

impl Row {
    fn into_decision(self) -> Result<StoredDecision, StoreError> {
        let (table, id) = ("routing_decisions", self.id);
        let candidates: Vec<CandidateDocument> = json(table, "candidates", id, self.candidates)?;
        Ok(StoredDecision {
            id: id.into(),
            conversation_id: self.conversation_id.into(),
            trigger: word(table, "trigger", id, &self.trigger)?,
            at: Timestamp::new(self.at),
            outcome: word(table, "outcome", id, &self.outcome)?,
            agent_id: self.agent_id.map(Into::into),
            reason: word(table, "reason", id, &self.reason)?,
            tie_break: self.tie_break.map(|text| word(table, "tie_break", id, &text)).transpose()?,
            inquiry: json(table, "inquiry", id, self.inquiry)?,
            candidates: candidates.into_iter().map(Into::into).collect(),
            omitted: json(table, "omitted", id, self.omitted)?,
            settings_version: self.settings_version,
            rules_version: self.rules_version,
            duration_us: self.duration_us,
        })
    }
}

/// The decisions of a conversation, newest first, from before `before`.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn decisions_of(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
    before: Option<RoutingDecisionId>,
    limit: i64,
) -> Result<Vec<RoutingDecision>, StoreError> {
    let rows = sql("SELECT id, conversation_id, trigger, at, outcome, agent_id, reason, tie_break, inquiry, candidates, omitted,
             settings_version, rules_version, duration_us
         FROM routing_decisions WHERE workspace_id = $1 AND conversation_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4")
    .bind(workspace)
    .bind(conversation)
    .bind(before.unwrap_or(Uuid::max().into()))
    .bind(limit)
    .load::<Row>(conn)?;
    let decisions = rows.into_iter().map(Row::into_decision).collect::<Result<Vec<_>, _>>()?;
    let named: BTreeSet<AgentId> = decisions.iter().flat_map(names_in).collect();
    let names = names(conn, workspace, named.into_iter().collect())?;
    Ok(decisions.into_iter().map(|decision| shape(decision, &names)).collect())
}

fn names_in(decision: &StoredDecision) -> impl Iterator<Item = AgentId> {
    let candidates = decision.candidates.iter().map(|candidate| candidate.agent_id);
    candidates.chain(decision.agent_id).chain(decision.inquiry.sticky_agent_id)
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
}

/// What members are called, also those who have left.
///
/// # Errors
/// Only those of the database.
pub fn names(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<AgentId>,
) -> Result<HashMap<AgentId, String>, StoreError> {
    let rows = sql("SELECT id, name FROM agents WHERE workspace_id = $1 AND id = ANY($2)")
        .bind(workspace)
        .bind(ids)
        .load::<NameRow>(conn)?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.name)).collect())
}

fn shape(decision: StoredDecision, names: &HashMap<AgentId, String>) -> RoutingDecision {
    let agent = |id: AgentId| AgentRef { id, name: names.get(&id).cloned().unwrap_or_default() };
    let candidates = decision.candidates.iter().map(|one| RoutingCandidate::of(one, agent(one.agent_id)));
    let omitted = decision.omitted.iter().copied().map(OmittedCandidates::of);
    let sticky_agent = decision.inquiry.sticky_agent_id.map(|id| StickyAgent {
        agent: agent(id),
        chosen: decision.agent_id == Some(id),
        left_out: decision
            .candidates
            .iter()
            .find(|candidate| candidate.agent_id == id)
            .and_then(|candidate| candidate.left_out),
    });
    RoutingDecision {
        id: decision.id,
        conversation_id: decision.conversation_id,
        trigger: decision.trigger,
        at: decision.at,
        outcome: decision.outcome,
        agent: decision.agent_id.map(agent),
        reason: decision.reason,
        tie_break: decision.tie_break,
        sticky_agent,
        candidates: Some(candidates.collect()),
        omitted: Some(omitted.collect()),
        inquiry: decision.inquiry,
        settings_version: decision.settings_version,
        rules_version: decision.rules_version,
        duration_us: decision.duration_us,
    }
}

/// Forgets decisions made before `before`, at most `limit` per workspace, oldest first. Answers how many it forgot.
///
/// # Errors
/// Only those of the database.
pub fn forget_decisions(conn: &mut PgConnection, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    Ok(sql("DELETE FROM routing_decisions d USING workspaces w, LATERAL (
             SELECT o.id FROM routing_decisions o
             WHERE o.workspace_id = w.id AND o.at < $1 ORDER BY o.at, o.id LIMIT $2
         ) old
         WHERE d.workspace_id = w.id AND d.id = old.id")
    .bind(before)
    .bind(limit)
    .execute(conn)?)
}
