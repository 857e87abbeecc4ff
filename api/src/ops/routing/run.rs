//! One transaction of routing in one workspace.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use domain::conversation::{Conversation, State};
use domain::id::{AgentId, ChannelId, ConversationId, DivisionId, WorkspaceId};
use domain::routing::{Configuration, Decision, Inquiry, Member, Outcome, Team, Trigger, decide};
use domain::time::Timestamp;
use domain::timer::{self, TimerKind, TimerState};
use persistence::conversations;
use persistence::error::{Failure, StoreError};
use persistence::routing::{self as stored, QueuePlace};
use persistence::timers::{self, Due};

use super::apply::{Verdict, apply};
use super::asked::Asked;
use super::gather::Work;
use super::notices;
use crate::ops::transaction::Tx;

/// The most requests of one transaction.
const REQUESTS: i64 = 2000;
/// The most conversations that are locked, and so changed, in one transaction: everybody else waits for it.
pub(super) const CONVERSATIONS: usize = 200;

/// What a node remembers of a workspace from one run to the next. It is worth nothing once another node has made a run.
#[derive(Debug)]
pub struct Memory {
    run: i64,
    configuration: i64,
    team: Team,
    /// How far the queue has been looked through, if there is more to see.
    position: Option<QueuePlace>,
}

/// What a run leaves behind.
#[derive(Debug)]
pub enum Run {
    /// It was made; this is to be remembered.
    Made(Option<Memory>),
    /// Another node is at it, and looks again afterwards.
    Elsewhere,
}

/// Looks at what there is to look at: at most one transaction's worth. What is left is found again: as requests, or as
/// timers that are due. The memory is that of the run before, if this node made it; what is answered is worth something
/// only if the transaction commits.
///
/// # Errors
/// Those of the database.
pub fn run(tx: &mut Tx<'_>, workspace: WorkspaceId, memory: Option<Memory>) -> Result<Run, Failure> {
    let Some(number) = stored::begin_run(tx.conn, workspace)? else { return Ok(Run::Elsewhere) };
    let configuration = tx.configuration(workspace)?;
    let asked = Asked::by(&stored::take_requests(tx.conn, workspace, REQUESTS)?);

    let mut router = Router::begin(tx, workspace, number, configuration, memory, &asked)?;
    router.forget_who_is_back(tx, &asked)?;
    let now = tx.now;
    let due = timers::due(tx.conn, workspace, now, i64::try_from(CONVERSATIONS).unwrap_or(1))?;
    let work = router.gather(tx, &asked, &due)?;
    router.lock(tx, &work)?;
    router.set_right(tx, &due);
    notices::unanswered(tx, workspace, &router.configuration, &due, &router.locked)?;
    let verdicts = router.decide_all(tx, &asked, &work)?;
    router.watch_the_gone(tx, &asked)?;
    apply(tx, workspace, &router.configuration, &router.locked, verdicts)?;
    Ok(Run::Made(router.into_memory(number)))
}

pub(super) struct Router {
    pub workspace: WorkspaceId,
    pub configuration: Arc<Configuration>,
    pub team: Team,
    pub position: Option<QueuePlace>,
    locked: BTreeMap<ConversationId, Conversation>,
}

impl Router {
    fn begin(
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        number: i64,
        configuration: Arc<Configuration>,
        memory: Option<Memory>,
        asked: &Asked,
    ) -> Result<Self, Failure> {
        let locked = BTreeMap::new();
        if !configuration.is_active() {
            return Ok(Self { workspace, configuration, team: Team::default(), position: None, locked });
        }
        let known =
            memory.filter(|memory| memory.run + 1 == number && memory.configuration == configuration.version);
        let (mut team, position, read) = match known {
            Some(memory) => {
                let ids: Vec<AgentId> = asked.agents.keys().copied().collect();
                let read =
                    if ids.is_empty() { Vec::new() } else { stored::members(tx.conn, workspace, ids)? };
                (memory.team, memory.position, read)
            }
            None => (Team::default(), None, stored::team(tx.conn, workspace)?),
        };
        for agent in asked.agents.keys() {
            team.remove(*agent);
        }
        for member in read {
            team.insert(member);
        }
        Ok(Self { workspace, configuration, team, position, locked })
    }

    fn into_memory(self, run: i64) -> Option<Memory> {
        let configuration = self.configuration.version;
        let memory = Memory { run, configuration, team: self.team, position: self.position };
        self.configuration.is_active().then_some(memory)
    }

    /// The members that have gone while they hold conversations, of those that are to be looked at, and since when that is
    /// known. Who goes has a while to come back before its conversations are handed over.
    fn gone(&self, asked: &Asked, now: Timestamp) -> BTreeMap<AgentId, Timestamp> {
        let mut looked_at: BTreeMap<AgentId, Timestamp> =
            asked.agents.iter().map(|(agent, (_, since))| (*agent, *since)).collect();
        if asked.whole.is_some() {
            for member in self.team.iter() {
                looked_at.entry(member.id).or_insert(now);
            }
        }
        let holds = |id: AgentId| self.team.get(id).is_some_and(|one| one.is_gone() && one.load > 0);
        looked_at.retain(|id, _| holds(*id));
        looked_at
    }

    /// No handover for who is back, and the right time for who is still gone.
    fn forget_who_is_back(&self, tx: &mut Tx<'_>, asked: &Asked) -> Result<(), Failure> {
        let Some(grace) = self.configuration.handover_after() else {
            return Ok(timers::cancel_other_handovers(tx.conn, self.workspace, Vec::new())?);
        };
        let now = tx.now;
        let gone = self.gone(asked, now);
        let back: Vec<AgentId> = asked.agents.keys().copied().filter(|one| !gone.contains_key(one)).collect();
        let gone: Vec<AgentId> = gone.into_keys().collect();
        if asked.whole.is_some() {
            timers::cancel_other_handovers(tx.conn, self.workspace, gone.clone())?;
        } else if !back.is_empty() {
            timers::cancel_handovers(tx.conn, self.workspace, back)?;
        }
        if !gone.is_empty() {
            timers::revise_handovers(tx.conn, self.workspace, gone, grace)?;
        }
        Ok(())
    }

    /// A handover for who is gone. Members may be locked by it, so conversations are locked before.
    fn watch_the_gone(&self, tx: &mut Tx<'_>, asked: &Asked) -> Result<(), Failure> {
        let Some(grace) = self.configuration.handover_after() else { return Ok(()) };
        let now = tx.now;
        let gone = self.gone(asked, now);
        let handovers: Vec<_> = gone.into_iter().map(|(agent, since)| (tx.id(), agent, since)).collect();
        Ok(timers::run_handovers(tx.conn, self.workspace, &handovers, grace, now)?)
    }

    /// What is due of a locked conversation without its running any more is put right: it would be due for ever.
    fn set_right(&self, tx: &mut Tx<'_>, due: &[Due]) {
        for timer in due {
            let Some(conversation) = timer.conversation_id.and_then(|id| self.locked.get(&id)) else {
                continue;
            };
            let rules = self.configuration.timer_rules(conversation.channel_id);
            if !timer.runs(conversation, rules) {
                tx.run_timers(self.workspace, conversation.id, timer::running(conversation, rules));
            }
        }
    }

    fn lock(&mut self, tx: &mut Tx<'_>, work: &Work) -> Result<(), Failure> {
        let wanted: BTreeSet<ConversationId> =
            work.moves.keys().chain(&work.due).chain(&work.waiting).copied().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let keys = wanted.into_iter().map(|id| (self.workspace, id)).collect();
        let locked = conversations::lock_many(tx.conn, keys)?;
        self.locked = locked.into_iter().map(|(_, conversation)| (conversation.id, conversation)).collect();
        Ok(())
    }

    /// Decides, oldest first, and makes sure that those chosen still are what they were taken for.
    fn decide_all(&mut self, tx: &mut Tx<'_>, asked: &Asked, work: &Work) -> Result<Vec<Verdict>, Failure> {
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
        let before = self.team.clone();
        let mut nobody: HashSet<(ChannelId, Option<DivisionId>)> = HashSet::new();
        let mut verdicts = Vec::new();
        for (_, id, need) in open {
            let Some(conversation) = self.locked.get(&id) else { continue };
            let inquiry = self.configuration.inquiry(conversation, resolvers.get(&id).copied());
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
            verdicts.extend(self.conclude(tx, asked, id, need, inquiry, decision, took));
        }
        self.confirm(tx, &before, &mut verdicts)?;
        Ok(verdicts)
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
                    TimerKind::Handover | TimerKind::SupervisorNotice => None,
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

    /// Takes a decision over into the team. `None` if it says nothing new.
    #[allow(clippy::too_many_arguments, reason = "all that explains one decision")]
    fn conclude(
        &mut self,
        tx: &Tx<'_>,
        asked: &Asked,
        conversation: ConversationId,
        need: Need,
        inquiry: Inquiry,
        decision: Decision,
        took: std::time::Duration,
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
                if let Some(holder) = verdict.inquiry.holder_id {
                    self.team.take(holder);
                }
                Some(verdict)
            }
            Outcome::NotFound(_) if need.is_known => None,
            Outcome::NotFound(_) => {
                if let Some(holder) = verdict.inquiry.holder_id.filter(|_| need.trigger == Trigger::Handover)
                {
                    self.team.take(holder);
                }
                Some(verdict)
            }
        }
    }

    /// Locks the winners: what they were taken for they are until the commit. If one is not, the whole run is made again.
    fn confirm(&self, tx: &mut Tx<'_>, before: &Team, verdicts: &mut [Verdict]) -> Result<(), Failure> {
        let winners: BTreeSet<AgentId> = verdicts.iter().filter_map(Verdict::agent).collect();
        if winners.is_empty() {
            return Ok(());
        }
        let found = stored::confirm_members(tx.conn, self.workspace, winners.iter().copied().collect())?;
        let as_taken_for = |now: &Member| {
            before.get(now.id).is_some_and(|then| {
                let held = Member { load: then.load, last_assigned_at: then.last_assigned_at, ..now.clone() };
                held == *then
            })
        };
        if found.len() != winners.len() || !found.iter().all(|(member, _)| as_taken_for(member)) {
            return Err(StoreError::overtaken().into());
        }
        let names: HashMap<AgentId, String> =
            found.into_iter().map(|(member, name)| (member.id, name)).collect();
        for verdict in verdicts {
            verdict.winner = verdict.agent().and_then(|agent| Some((agent, names.get(&agent)?.clone())));
        }
        Ok(())
    }
}

/// What a conversation needs.
#[derive(Debug, Clone, Copy)]
struct Need {
    trigger: Trigger,
    /// Whether a stored decision says already that nobody can take it.
    is_known: bool,
    /// The timer by which it is to go to somebody else.
    timer: Option<Due>,
}
