//! Every stored decision, made again from what was stored of it.

use domain::agent::{Availability, Role};
use domain::id::ConversationId;
use domain::resource::{RoutingCandidate, RoutingDecision};
use domain::routing::{DecisionOutcome, Inquiry, LeftOut, Member, Team, decide};
use harness::TestApp;
use persistence::routing::decisions_of;

pub fn check(app: &TestApp) {
    let (mut conn, workspace) = (app.database.connect(), app.team.workspace);
    let mut turns = Vec::new();
    for id in app.database.values("SELECT id::text AS value FROM conversations") {
        let id: ConversationId = id.parse::<uuid::Uuid>().unwrap().into();
        for decision in decisions_of(&mut conn, workspace, id, None, 1000).unwrap() {
            check_one(&decision);
            turns.extend(decision.agent.is_some().then_some(decision.at));
        }
    }
    assert!(!turns.is_empty(), "nothing was assigned in this history");
    let count = turns.len();
    turns.sort_unstable();
    turns.dedup();
    assert_eq!(turns.len(), count, "two assignments have the same time");
}

fn check_one(decision: &RoutingDecision) {
    let mut team = Team::default();
    for candidate in decision.candidates.as_ref().unwrap() {
        team.insert(member(candidate, &decision.inquiry));
    }
    let again = decide(&team, &decision.inquiry);
    assert_eq!(again.winner(), decision.agent.as_ref().map(|agent| agent.id), "{decision:#?}");
    assert_eq!((again.reason, again.tie_break), (decision.reason, decision.tie_break), "{decision:#?}");
    let outcome = match (again.winner(), decision.inquiry.holder_id) {
        (Some(_), _) => [DecisionOutcome::Assigned; 2],
        (None, None) => [DecisionOutcome::Queued; 2],
        (None, Some(_)) => [DecisionOutcome::Queued, DecisionOutcome::Kept],
    };
    assert!(outcome.contains(&decision.outcome), "{decision:#?}");
}

/// Who was left out for what it is or where it works is left out again; of the others only numbers decide.
fn member(candidate: &RoutingCandidate, asked: &Inquiry) -> Member {
    let by_number = |reason: &LeftOut| [LeftOut::AtCapacity, LeftOut::ExcludedPrevious].contains(reason);
    assert!(candidate.reasons.len() <= 1 && candidate.eligible == candidate.reasons.is_empty());
    let here = candidate.reasons.iter().all(by_number);
    Member {
        id: candidate.agent.id,
        role: Role::Agent,
        availability: if here { Availability::Online } else { Availability::Offline },
        online: here,
        max_conversations: candidate.limit,
        channels: vec![asked.channel_id],
        divisions: asked.division_id.into_iter().collect(),
        load: candidate.load.unwrap(),
        last_assigned_at: candidate.last_assigned_at,
    }
}
