//! The shapes of a dry run of routing.

use serde::{Deserialize, Serialize};

use super::{AgentRef, OmittedCandidates, RoutingCandidate};
use crate::id::{AgentId, ConversationId, RoutingDecisionId};
use crate::routing::simulation::{Approximation, Outcome, Totals, Waited};
use crate::routing::{DecisionOutcome, DecisionReason, Inquiry, TieBreak};
use crate::time::Timestamp;

shape! {
    /// What a dry run answers: one of the two, as was asked.
    pub struct RoutingSimulation {
        /// What would be decided now about a conversation.
        pub conversation: Option<SimulatedDecision>,
        /// What would have become of a stretch of time.
        pub range: Option<SimulatedRange>,
    }
}

shape! {
    /// What would be decided now.
    pub struct SimulatedDecision {
        /// False: by these settings nothing is assigned by itself. The conversation would wait; the rest says to whom it would
        /// go otherwise.
        pub assigns: bool,
        /// What would come of it.
        pub outcome: DecisionOutcome,
        /// Who would be given the conversation.
        pub agent: Option<AgentRef>,
        /// By what the agent is chosen, or why there is none.
        pub reason: DecisionReason,
        /// What tells the agent from the next in line; null unless the choice is by strategy.
        pub tie_break: Option<TieBreak>,
        /// What is asked, and by which settings.
        pub inquiry: Inquiry,
        /// The eligible members in the order of choice, then the others. Of a team of more than two hundred the first
        /// two hundred.
        pub candidates: Vec<RoutingCandidate>,
        /// How many members beyond those, by reason.
        pub omitted: Vec<OmittedCandidates>,
        /// The version of the rules by which it is decided.
        pub rules_version: i32,
    }
}

shape! {
    /// What would have become of a stretch of time. The recorded decisions are made again on the recorded team, corrected
    /// by what the simulation has given out differently by then. A conversation is held for as long as it really was; one
    /// that nobody ever held, for the median of the others.
    pub struct SimulatedRange {
        /// Its beginning.
        pub from: Timestamp,
        /// Its end, which is not in it.
        pub to: Timestamp,
        /// How many decisions are recorded.
        pub decisions: usize,
        /// Whether something is left out or guessed, beyond what the model says; `approximations` tells what.
        pub approximate: bool,
        /// Why it is not exact.
        pub approximations: Vec<Approximation>,
        /// By member, those who were given anything.
        pub per_agent: Vec<SimulatedAgent>,
        /// By hour (UTC), simulated; every hour that the range touches.
        pub per_hour: Vec<SimulatedHour>,
        /// In all.
        pub totals: SimulatedComparison,
        /// Where somebody else holds the conversation than really did: the first two hundred, in the order of time.
        pub differences: Vec<SimulatedDifference>,
        /// How many there are.
        pub differences_total: usize,
    }
}

shape! {
    /// What a member was given.
    pub struct SimulatedAgent {
        /// The member.
        pub agent: AgentRef,
        /// How many conversations routing gives it in the simulation.
        pub assigned: usize,
        /// How many routing really gave it.
        pub really_assigned: usize,
    }
}

shape! {
    /// How long conversations waited for who was then given them, in whole seconds. Percentiles are by nearest rank: the
    /// smallest wait that so many percent do not exceed.
    pub struct SimulatedWaits {
        /// How many.
        pub count: usize,
        /// Half of them waited no longer; null if there are none.
        pub median_seconds: Option<i64>,
        /// 95 percent of them waited no longer; null if there are none.
        pub p95_seconds: Option<i64>,
    }
}

shape! {
    /// What happened in one hour.
    pub struct SimulatedHour {
        /// Its beginning.
        pub hour: Timestamp,
        /// How often routing gave a conversation to somebody, transfers included.
        pub assigned: usize,
        /// How long those had waited that nobody held.
        pub waited: SimulatedWaits,
        /// How many of the assigned were taken from another member.
        pub transfers: usize,
        /// How many began to wait in it and were given to nobody within the range.
        pub unassigned: usize,
    }
}

shape! {
    /// What happened in all.
    pub struct SimulatedTotals {
        /// How often routing gave a conversation to somebody, transfers included.
        pub assigned: usize,
        /// How long those had waited that nobody held.
        pub waited: SimulatedWaits,
        /// How many of the assigned were taken from another member.
        pub transfers: usize,
        /// How many waited and were given to nobody within the range.
        pub unassigned: usize,
    }
}

shape! {
    /// The simulation beside what happened.
    pub struct SimulatedComparison {
        /// In the simulation.
        pub simulated: SimulatedTotals,
        /// As it was.
        pub real: SimulatedTotals,
    }
}

shape! {
    /// Somebody else holds a conversation than really did.
    pub struct SimulatedDifference {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// The last decision about it by then.
        pub decision_id: RoutingDecisionId,
        /// When.
        pub at: Timestamp,
        /// Who really held it then; null: nobody.
        pub really: Option<AgentRef>,
        /// Who holds it in the simulation; null: nobody.
        pub simulated: Option<AgentRef>,
    }
}

impl From<Waited> for SimulatedWaits {
    fn from(waited: Waited) -> Self {
        let Waited { count, median_seconds, p95_seconds } = waited;
        Self { count, median_seconds, p95_seconds }
    }
}

impl From<Totals> for SimulatedTotals {
    fn from(totals: Totals) -> Self {
        let Totals { assigned, waited, transfers, unassigned } = totals;
        Self { assigned, waited: waited.into(), transfers, unassigned }
    }
}

impl SimulatedRange {
    /// The answer, with the members' names put in by `agent`.
    #[must_use]
    pub fn new(
        (from, to, decisions): (Timestamp, Timestamp, usize),
        outcome: &Outcome,
        approximations: Vec<Approximation>,
        agent: impl Fn(AgentId) -> AgentRef,
    ) -> Self {
        let per_agent = outcome.per_agent.iter().map(|one| SimulatedAgent {
            agent: agent(one.agent_id),
            assigned: one.assigned,
            really_assigned: one.really_assigned,
        });
        let per_hour = outcome.per_hour.iter().map(|one| {
            let SimulatedTotals { assigned, waited, transfers, unassigned } = one.totals.into();
            SimulatedHour { hour: one.hour, assigned, waited, transfers, unassigned }
        });
        let differences = outcome.differences.iter().map(|one| SimulatedDifference {
            conversation_id: one.conversation_id,
            decision_id: one.decision_id,
            at: one.at,
            really: one.really.map(&agent),
            simulated: one.simulated.map(&agent),
        });
        Self {
            from,
            to,
            decisions,
            approximate: !approximations.is_empty(),
            approximations,
            per_agent: per_agent.collect(),
            per_hour: per_hour.collect(),
            totals: SimulatedComparison { simulated: outcome.simulated.into(), real: outcome.real.into() },
            differences: differences.collect(),
            differences_total: outcome.differences_total,
        }
    }
}
