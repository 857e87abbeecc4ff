//! Why a conversation waits.

use std::collections::BTreeMap;

use super::{Configuration, Decision, Inquiry, LeftOut, Outcome, Team, decide};
use crate::resource::{OmittedCandidates, QueueCode, QueueReason};

/// Why a conversation waits, by these settings and this team: what routing would decide now.
#[must_use]
pub fn why_waiting(configuration: &Configuration, team: &Team, inquiry: &Inquiry) -> QueueReason {
    let nobody_asked = |code| QueueReason { code, left_out: Vec::new() };
    if !configuration.settings.assignment_enabled {
        return nobody_asked(QueueCode::AssignmentDisabled);
    }
    if !configuration.settings.auto_assign {
        return nobody_asked(QueueCode::AutoAssignDisabled);
    }
    let decision = decide(team, inquiry);
    let code = match decision.outcome {
        Outcome::Found(_) => QueueCode::AboutToBeAssigned,
        Outcome::NotFound(_) => QueueCode::NobodyAvailable,
    };
    QueueReason { code, left_out: left_out(&decision) }
}

/// How many were left out, by reason.
fn left_out(decision: &Decision) -> Vec<OmittedCandidates> {
    let mut counts: BTreeMap<LeftOut, i64> = BTreeMap::new();
    for reason in decision.candidates().iter().filter_map(|one| one.left_out) {
        *counts.entry(reason).or_default() += 1;
    }
    counts.into_iter().map(|(reason, agents)| OmittedCandidates { reason: Some(reason), agents }).collect()
}
