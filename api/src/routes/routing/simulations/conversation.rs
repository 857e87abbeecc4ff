//! One conversation that might come.

use std::collections::HashMap;

use diesel::PgConnection;
use domain::access::{Caller, SimulateRouting};
use domain::actor::Actor;
use domain::conversation::Conversation;
use domain::id::{AgentId, ChannelId, ContactId, DivisionId};
use domain::refusal::Refusal;
use domain::resource::{AgentRef, OmittedCandidates, RoutingCandidate, SimulatedDecision};
use domain::routing::{
    CANDIDATES_NAMED, Configuration, Decision, DecisionOutcome, Inquiry, RULES_VERSION, Team, decide,
};
use domain::time::Timestamp;
use persistence::db::in_one_snapshot;
use persistence::error::Failure;
use persistence::{agents, divisions, routing};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::draft::Draft;

/// A conversation that might come.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HypotheticalConversation {
    /// On which channel.
    pub channel_id: ChannelId,
    /// For which division; null: for anybody.
    pub division_id: Option<DivisionId>,
    /// Of whom; null: of somebody new. It matters where customers return to who resolved their last ticket.
    pub contact_id: Option<ContactId>,
}

/// Decides about it, on the team as it is now. Nothing changes meanwhile.
pub(super) fn simulate(
    conn: &mut PgConnection,
    caller: &Caller<SimulateRouting>,
    draft: &Draft,
    asked: HypotheticalConversation,
    now: Timestamp,
) -> Result<SimulatedDecision, Failure> {
    in_one_snapshot(conn, |conn| {
        let workspace = caller.actor().workspace_id;
        let (_, draft) = draft.read(conn, caller.actor())?;
        let last_resolver = check(conn, caller, asked)?;
        let mut conversation = Conversation::begin(
            Uuid::nil().into(),
            asked.channel_id,
            asked.contact_id.unwrap_or(Uuid::nil().into()),
            now,
        );
        conversation.division_id = asked.division_id;
        let mut team = Team::default();
        for member in routing::team(conn, workspace)? {
            team.insert(member);
        }
        let inquiry = draft.inquiry(&conversation, last_resolver);
        let decision = decide(&team, &inquiry);
        answer(conn, caller.actor(), &draft, inquiry, &decision)
    })
}

/// Refuses what the workspace does not have, or what does not exist for the caller. Answers who resolved the customer's last
/// ticket.
fn check(
    conn: &mut PgConnection,
    caller: &Caller<SimulateRouting>,
    asked: HypotheticalConversation,
) -> Result<Option<AgentId>, Failure> {
    let unknown = |name: &str| {
        let pointer = format!("/conversation/{name}_id");
        Refusal::invalid(pointer, "unknown", format!("there is no such {name}"))
    };
    let workspace = caller.actor().workspace_id;
    let known = agents::known_channels(conn, workspace, vec![asked.channel_id])?;
    if known.is_empty() || caller.actor().is_kept_from(asked.channel_id) {
        return Err(unknown("channel").into());
    }
    if let Some(division) = asked.division_id {
        divisions::get(conn, workspace, division)?.ok_or_else(|| unknown("division"))?;
    }
    let Some(contact) = asked.contact_id else { return Ok(None) };
    let only = caller.actor().key().and_then(|key| key.channels.clone());
    let found = routing::last_resolver_of(conn, workspace, contact, only)?;
    Ok(found.ok_or_else(|| unknown("contact"))?)
}

fn answer(
    conn: &mut PgConnection,
    reader: &Actor,
    draft: &Configuration,
    inquiry: Inquiry,
    decision: &Decision,
) -> Result<SimulatedDecision, Failure> {
    let (candidates, omitted) = decision.ranked(CANDIDATES_NAMED);
    let winner = decision.winner();
    let named = candidates.iter().map(|one| one.agent_id).chain(winner).collect();
    let names: HashMap<AgentId, String> = routing::names(conn, reader.workspace_id, named)?;
    let agent = |id: AgentId| AgentRef { id, name: names.get(&id).cloned().unwrap_or_default() };
    let candidates =
        candidates.iter().map(|one| RoutingCandidate::of(one, agent(one.agent_id)).seen_by(reader)).collect();
    Ok(SimulatedDecision {
        assigns: draft.assigns(),
        outcome: winner.map_or(DecisionOutcome::Queued, |_| DecisionOutcome::Assigned),
        agent: winner.map(agent),
        reason: decision.reason,
        tie_break: decision.tie_break,
        inquiry,
        candidates,
        omitted: omitted.into_iter().map(OmittedCandidates::of).collect(),
        rules_version: RULES_VERSION,
    })
}
