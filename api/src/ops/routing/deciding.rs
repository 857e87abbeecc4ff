//! The decisions of one run.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use domain::conversation::{Conversation, State};
use domain::id::{AgentId, ChannelId, ConversationId, DivisionId};
use domain::routing::{Decision, Inquiry, Member, Outcome, Trigger, decide};
use domain::time::Timestamp;
use domain::timer::{TimerKind, TimerState};
use persistence::error::{Failure, StoreError};
use persistence::routing as stored;
use persistence::timers::Due;

use super::apply::Verdict;
use super::asked::Asked;
use super::gather::Work;
use super::run::Router;
use crate::ops::transaction::Tx;

/// How often all is decided, while others change those that are chosen.
const ATTEMPTS: usize = 5;

/// What a conversation needs.
#[derive(Debug, Clone, Copy)]
struct Need {
    trigger: Trigger,
    /// Whether a stored decision says already that nobody can take it.
    is_known: bool,
    /// The timer by which it is to go to somebody else.
    timer: Option<Due>,
}

/// Those who were given something, as they were before.
type Winners = HashMap<AgentId, Member>;

impl Router {
    /// Decides, oldest first, and makes sure that those chosen are what they were taken for until the commit. Where one is
    /// not, all is decided again: who is locked by then stays so, so that this comes to an end.
    pub(super) fn decide_all(
        &mut self,
        tx: &mut Tx<'_>,
        asked: &Asked,
        work: &Work,
    ) -> Result<Vec<Verdict>, Failure> {
        let mut open: Vec<(Timestamp, ConversationId, Need)> = self
            .locked
            .values()
            .filter_map(|conversation| {
                let (since, need) = self.need(conversation, work)?;
                Some((since, conversation.id, need))
            })
            .collect();
        open.sort_unstable_by_key(|(since, id, _)| (*since, *id));
        let resolvers = self.resolvers(tx, &open)?;
        for _ in 0..ATTEMPTS {
            let mut before = Winners::new();
            let mut verdicts = self.decide_open(tx, asked, &open, &resolvers, &mut before);
            let changed = self.confirm(tx, &before, &mut verdicts)?;
            if changed.is_empty() {
                return Ok(verdicts);
            }
            for member in before.into_values() {
                self.team.insert(member);
            }
            for (id, member) in changed {
                self.team.remove(id);
                if let Some(member) = member {
                    self.team.insert(member);
                }
            }
        }
        Err(StoreError::overtaken().into())
    }

    fn decide_open(
        &mut self,
        tx: &Tx<'_>,
        asked: &Asked,
        open: &[(Timestamp, ConversationId, Need)],
        resolvers: &HashMap<ConversationId, AgentId>,
        before: &mut Winners,
    ) -> Vec<Verdict> {
        let mut nobody: HashSet<(ChannelId, Option<DivisionId>)> = HashSet::new();
        let mut verdicts = Vec::new();
        for (_, id, need) in open {
            let Some(conversation) = self.locked.get(id) else { continue };
            let inquiry = self.configuration.inquiry(conversation, resolvers.get(id).copied());
            let key = (inquiry.channel_id, inquiry.division_id);
            if need.is_known && nobody.contains(&key) {
                continue;
            }
            let started = Instant::now();
            let decision = decide(&self.team, &inquiry);
            let took = started.elapsed();
            if matches!(decision.outcome, Outcome::NotFound(_)) && inquiry.holder_id.is_none() {
                nobody.insert(key);
            }
            if let Some(winner) = decision.winner().and_then(|id| self.team.get(id)) {
                before.entry(winner.id).or_insert_with(|| winner.clone());
            }
            verdicts.extend(self.conclude(tx, asked, *id, *need, inquiry, decision, took));
        }
        verdicts
    }

    /// What a locked conversation needs, and since when.
    fn need(&self, conversation: &Conversation, work: &Work) -> Option<(Timestamp, Need)> {
        match conversation.state {
            State::Waiting { since, cause, decided, .. } => {
                let wanted = work.waiting.contains(&conversation.id)
                    && conversation.archived_at.is_none()
                    && self.configuration.assigns();
                wanted.then_some((since, Need { trigger: cause, is_known: decided, timer: None }))
            }
            State::Held { assignee, .. } => {
                let timer = *work.moves.get(&conversation.id)?;
                let is_known = timer.state == TimerState::Blocked;
                match timer.kind {
                    TimerKind::Handover if timer.agent_id == Some(assignee) => {
                        let need = Need { trigger: Trigger::Handover, is_known: false, timer: None };
                        Some((timer.since, need))
                    }
                    TimerKind::UnansweredTransfer => {
                        let rules = self.configuration.timer_rules(conversation.channel_id);
                        let need = Need { trigger: Trigger::Unanswered, is_known, timer: Some(timer) };
                        timer.runs(conversation, rules).then_some((timer.since, need))
                    }
                    TimerKind::Handover | TimerKind::SupervisorNotice | TimerKind::ReplyWindowWarning => None,
                }
            }
            State::Resolved => None,
        }
    }

    fn resolvers(
        &self,
        tx: &mut Tx<'_>,
        open: &[(Timestamp, ConversationId, Need)],
    ) -> Result<HashMap<ConversationId, AgentId>, Failure> {
        let sticky = |id: &ConversationId| {
            self.locked.get(id).is_some_and(|one| self.configuration.is_sticky(one.channel_id))
        };
        let wanted: Vec<_> = open.iter().map(|(_, id, _)| *id).filter(sticky).collect();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(stored::last_resolvers(tx.conn, self.workspace, wanted)?.into_iter().collect())
    }

    /// Takes a decision over into the team. `None` if it says nothing new. A slot that becomes free by it is for the next
    /// run: that one looks through the queue, where somebody may have waited for it longer than what this run knows of.
    #[allow(clippy::too_many_arguments, reason = "all that explains one decision")]
    fn conclude(
        &mut self,
        tx: &Tx<'_>,
        asked: &Asked,
        conversation: ConversationId,
        need: Need,
        inquiry: Inquiry,
        decision: Decision,
        took: Duration,
    ) -> Option<Verdict> {
        let mut verdict = Verdict {
            conversation,
            trigger: need.trigger,
            timer: need.timer,
            at: tx.now,
            duration_us: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
            winner: None,
            inquiry,
            decision,
        };
        match verdict.decision.outcome {
            Outcome::Found(placement) => {
                let agent = placement.agent();
                verdict.at = self.team.next_turn(tx.now);
                if need.is_known && need.timer.is_none() {
                    verdict.trigger = asked.cause_for(agent);
                }
                self.team.give(agent, verdict.at);
                Some(verdict)
            }
            Outcome::NotFound(_) if need.is_known => None,
            Outcome::NotFound(_) => Some(verdict),
        }
    }

    /// Locks the winners: what they are and hold does not change until the commit. Answers those of them that are not what
    /// they were taken for, as they are now.
    fn confirm(
        &self,
        tx: &mut Tx<'_>,
        before: &Winners,
        verdicts: &mut [Verdict],
    ) -> Result<Vec<(AgentId, Option<Member>)>, Failure> {
        let winners: BTreeSet<AgentId> = verdicts.iter().filter_map(Verdict::agent).collect();
        if winners.is_empty() {
            return Ok(Vec::new());
        }
        let relieved = verdicts.iter().filter_map(|verdict| verdict.inquiry.holder_id);
        let counted: BTreeSet<AgentId> = winners.iter().copied().chain(relieved).collect();
        let wanted = winners.iter().copied().collect();
        let found = stored::confirm_members(tx.conn, self.workspace, wanted, counted.into_iter().collect())?;
        let names: HashMap<AgentId, &str> =
            found.iter().map(|(member, name)| (member.id, name.as_str())).collect();
        for verdict in verdicts {
            verdict.winner = verdict.agent().and_then(|id| Some((id, (*names.get(&id)?).to_owned())));
        }
        let now: HashMap<AgentId, &Member> = found.iter().map(|(member, _)| (member.id, member)).collect();
        let differs = |id: &AgentId| !now.get(id).is_some_and(|now| self.is_as_taken_for(before, now));
        Ok(winners
            .iter()
            .filter(|id| differs(id))
            .map(|id| (*id, now.get(id).map(|one| (*one).clone())))
            .collect())
    }

    /// Whether a winner may have what it was given. That it holds less than was known does no harm, nor, where there is no
    /// limit, that it holds more.
    fn is_as_taken_for(&self, before: &Winners, now: &Member) -> bool {
        let limit = now.limit(self.configuration.settings.max_conversations_per_agent);
        before.get(&now.id).is_some_and(|then| {
            let held = Member { load: then.load, last_assigned_at: then.last_assigned_at, ..now.clone() };
            held == *then && (limit.is_none() || now.load <= then.load)
        })
    }
}
