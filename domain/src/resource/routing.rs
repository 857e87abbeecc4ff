//! The shapes of routing: settings, policies, decisions, the queue and timers.

use serde::{Deserialize, Serialize};

use super::{AgentRef, ChannelRef, ContactRef, DivisionRef};
use crate::access::{KeyScope, may_read_counts};
use crate::actor::Actor;
use crate::id::{ConversationId, DistributionPolicyId, RoutingDecisionId, TimerId};
use crate::routing::{
    Candidate, DecisionOutcome, DecisionReason, Inquiry, LeftOut, Strategy, TieBreak, Trigger,
};
use crate::text_enum::text_enum;
use crate::time::Timestamp;
use crate::timer::{TimerCancel, TimerKind, TimerState};

shape! {
    /// What decides who is given conversations, and who sees them.
    pub struct AssignmentSettings {
        /// Whether anything is assigned by itself. Off: claiming and assigning by hand still work.
        pub assignment_enabled: bool,
        /// Whether agents may take conversations that nobody holds.
        pub agents_may_claim: bool,
        /// Whether agents may give conversations to others.
        pub agents_may_transfer: bool,
        /// Whether conversations that wait go to an available agent by themselves.
        pub auto_assign: bool,
        /// How one of several available agents is chosen.
        pub strategy: Strategy,
        /// The most conversations that an agent is given by itself, 1 to 1000; null: any number. An agent may have a limit of its own.
        pub max_conversations_per_agent: Option<u32>,
        /// When nobody has answered for so many minutes, 1 to 1440, another agent gets the conversation; null: never.
        pub unanswered_transfer_minutes: Option<u32>,
        /// When nobody has answered for so many minutes, 1 to 1440, the holder's supervisor is notified, or, without one, every
        /// admin; null: nobody is.
        pub notify_supervisor_minutes: Option<u32>,
        /// Whether the conversations of an agent who went offline go to others.
        pub auto_handover: bool,
        /// How many seconds, 0 to 86400, an agent may be offline before that.
        pub handover_grace_seconds: u32,
        /// Whether supervisors and agents see conversations of others, and waiting ones, only on the
        /// channels, and for the divisions, that they are allocated to.
        pub restrict_to_allocation: bool,
        /// Rises by one with every change.
        pub version: i64,
    }
}

shape! {
    /// Routing options of some channels.
    #[cfg_attr(feature = "schema", schema(example = json!({
        "id": "01932f6a-7c1e-7b52-9d0c-5a4be1f0a4c7", "name": "Pelanggan tetap",
        "channels": [{ "id": "01932f6a-7c1e-7b52-9d0c-5a4be1f0a4c8", "kind": "whatsapp", "name": "WhatsApp Pusat" }],
        "sticky_agent": true, "idle_transfer_minutes": 15, "strategy": null, "version": 1,
        "created_at": "2026-11-20T02:14:03.000000Z",
    })))]
    pub struct DistributionPolicy {
        /// Its id.
        pub id: DistributionPolicyId,
        /// Its name.
        pub name: String,
        /// The channels it is for; a channel has at most one.
        pub channels: Vec<ChannelRef>,
        /// Whether a returning customer goes to the agent who resolved the last ticket, if available.
        pub sticky_agent: bool,
        /// Takes the place of the workspace's `unanswered_transfer_minutes`, 5 to 1440; null: it does not.
        pub idle_transfer_minutes: Option<u32>,
        /// Takes the place of the workspace's strategy; null: it does not.
        pub strategy: Option<Strategy>,
        /// Rises by one with every change.
        pub version: i64,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

shape! {
    /// A member, as it stood when routing decided.
    #[cfg_attr(feature = "schema", schema(example = json!({
        "agent": { "id": "01932f6a-7c1e-7b52-9d0c-5a4be1f0a4c7", "name": "Siti Rahmawati" },
        "eligible": false, "reasons": ["at_capacity"], "load": 8, "limit": 8,
        "last_assigned_at": "2026-11-20T02:14:03.000000Z",
    })))]
    pub struct RoutingCandidate {
        /// The member.
        pub agent: AgentRef,
        /// Whether it could have been given the conversation.
        pub eligible: bool,
        /// Why not; empty if it could.
        pub reasons: Vec<LeftOut>,
        /// How many conversations it held; null for readers who may not know, see `counts` of an agent.
        pub load: Option<u32>,
        /// The most that it was given; null: any number.
        pub limit: Option<u32>,
        /// When it last came to hold one; null: never, or the reader may not know.
        pub last_assigned_at: Option<Timestamp>,
    }
}

impl RoutingCandidate {
    /// A candidate by this name.
    #[must_use]
    pub fn of(candidate: &Candidate, agent: AgentRef) -> Self {
        Self {
            agent,
            eligible: candidate.left_out.is_none(),
            reasons: candidate.left_out.into_iter().collect(),
            load: Some(candidate.load),
            limit: candidate.limit,
            last_assigned_at: candidate.last_assigned_at,
        }
    }

    /// As this reader sees it: how much members have to do is for those only who may read their counts, and for programs
    /// only that may read the team.
    #[must_use]
    pub fn seen_by(mut self, reader: &Actor) -> Self {
        let reads_team = reader.key().is_none_or(|key| key.scopes.contains(&KeyScope::TeamRead));
        if !(reads_team && may_read_counts(reader, self.agent.id)) {
            (self.load, self.last_assigned_at) = (None, None);
        }
        self
    }
}

impl RoutingDecision {
    /// As this reader sees it. The order of choice tells who has how much to do: who may not know it of all finds the winner
    /// first, and the others by reason and id.
    #[must_use]
    pub fn seen_by(mut self, reader: &Actor) -> Self {
        let winner = self.agent.as_ref().map(|agent| agent.id);
        self.candidates = self.candidates.map(|all| {
            let mut seen: Vec<RoutingCandidate> = all.into_iter().map(|one| one.seen_by(reader)).collect();
            if seen.iter().any(|one| one.load.is_none()) {
                seen.sort_by_key(|one| (winner != Some(one.agent.id), one.reasons.clone(), one.agent.id));
            }
            seen
        });
        self
    }
}

shape! {
    /// Members that are counted, not named.
    #[cfg_attr(feature = "schema", schema(example = json!({ "reason": "offline", "agents": 12 })))]
    pub struct OmittedCandidates {
        /// Why they were left out; null: they could have been given the conversation.
        pub reason: Option<LeftOut>,
        /// How many they are.
        pub agents: i64,
    }
}

impl OmittedCandidates {
    /// So many for this reason.
    #[must_use]
    pub fn of((reason, count): (Option<LeftOut>, usize)) -> Self {
        Self { reason, agents: i64::try_from(count).unwrap_or(i64::MAX) }
    }
}

shape! {
    /// Who resolved the customer's last ticket, where a distribution policy wants the customer to return there.
    #[cfg_attr(feature = "schema", schema(example = json!({
        "agent": { "id": "01932f6a-7c1e-7b52-9d0c-5a4be1f0a4c7", "name": "Siti Rahmawati" }, "chosen": false, "left_out": "away",
    })))]
    pub struct StickyAgent {
        /// The member.
        pub agent: AgentRef,
        /// Whether it was given the conversation. If not, it was not available, and the choice was by strategy.
        pub chosen: bool,
        /// Why it was not available; null if it was chosen, or has left the team.
        pub left_out: Option<LeftOut>,
    }
}

shape! {
    /// One decision of routing, with all that it was made from.
    pub struct RoutingDecision {
        /// Its id.
        pub id: RoutingDecisionId,
        /// The conversation.
        pub conversation_id: ConversationId,
        /// What made routing look at it.
        pub trigger: Trigger,
        /// When.
        pub at: Timestamp,
        /// What came of it.
        pub outcome: DecisionOutcome,
        /// Who was given the conversation.
        pub agent: Option<AgentRef>,
        /// By what the agent was chosen, or why there is none.
        pub reason: DecisionReason,
        /// What told the agent from the next in line; null unless the choice was by strategy.
        pub tie_break: Option<TieBreak>,
        /// To whom the customer was to return; null if to nobody in particular.
        pub sticky_agent: Option<StickyAgent>,
        /// What was asked, and by which settings.
        pub inquiry: Inquiry,
        /// The eligible members in the order of choice, then the others; for readers who may not know how much they have to do,
        /// the agent, then the others by reason and id. Of a team of more than two hundred the first two hundred. Null in events.
        pub candidates: Option<Vec<RoutingCandidate>>,
        /// How many members beyond those, by reason. Null in events.
        pub omitted: Option<Vec<OmittedCandidates>>,
        /// The version of the settings and policies together; it rises with every change of either.
        pub settings_version: i64,
        /// The version of the rules by which it was decided.
        pub rules_version: i32,
        /// How long the deciding took, in microseconds.
        pub duration_us: i64,
    }
}

text_enum! {
    /// Why a conversation waits.
    pub enum QueueCode {
        /// Automatic assignment is switched off: somebody has to take it.
        AssignmentDisabled = "assignment_disabled",
        /// Conversations are not given to agents by themselves: somebody has to take it.
        AutoAssignDisabled = "auto_assign_disabled",
        /// Nobody who could take it is available.
        NobodyAvailable = "nobody_available",
        /// Somebody can take it: it is about to be assigned.
        AboutToBeAssigned = "about_to_be_assigned",
    }
}

shape! {
    /// Why a conversation waits.
    #[cfg_attr(feature = "schema", schema(example = json!({
        "code": "nobody_available", "left_out": [{ "reason": "at_capacity", "agents": 2 }],
    })))]
    pub struct QueueReason {
        /// Why.
        pub code: QueueCode,
        /// How many members cannot take it now, by reason. Empty where nothing is assigned by itself: then nobody was asked.
        pub left_out: Vec<OmittedCandidates>,
    }
}

shape! {
    /// A conversation that waits for an agent.
    pub struct QueueEntry {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// The customer.
        pub contact: ContactRef,
        /// The channel.
        pub channel: ChannelRef,
        /// The division that it waits for.
        pub division: Option<DivisionRef>,
        /// Since when it waits.
        pub waiting_since: Timestamp,
        /// What put it into the queue.
        pub cause: Trigger,
        /// Its place among all that wait where the reader may look; 1 has waited longest.
        pub place: i64,
        /// Why it waits, as of now.
        pub why: QueueReason,
    }
}

shape! {
    /// What happens to a conversation later, unless something happens before.
    pub struct Timer {
        /// Its id.
        pub id: TimerId,
        /// What is to happen.
        pub kind: TimerKind,
        /// Since when it runs.
        pub since: Timestamp,
        /// When it acts, or acted.
        pub due_at: Timestamp,
        /// How it stands.
        pub state: TimerState,
        /// What ends it before it acts.
        pub cancelled_by: Vec<TimerCancel>,
    }
}
