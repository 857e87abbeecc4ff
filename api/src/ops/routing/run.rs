//! One transaction of routing in one workspace.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use domain::conversation::{Conversation, State};
use domain::id::{AgentId, ChannelId, ConversationId, DivisionId, WorkspaceId};
use domain::routing::{Configuration, Decision, Inquiry, Member, Outcome, Reach, Team, Trigger, decide};
use domain::time::Timestamp;
use domain::timer::{self, Running, TimerKind, TimerState};
use persistence::conversations;
use persistence::db::keep_plans;
use persistence::error::{Failure, StoreError};
use persistence::routing::{self as stored, Page, QueuePlace, Request};
use persistence::timers::{self, Due};

use super::apply::{Verdict, apply};
use super::notices;
use crate::ops::transaction::{Look, Tx};

/// The most requests of one transaction.
const REQUESTS: i64 = 2000;
/// The most conversations that are locked, and so changed, in one transaction: everybody else waits for it.
const CONVERSATIONS: usize = 200;

/// What a node remembers of a workspace from one run to the next. It is worth nothing once another node has made a run.
#[derive(Debug)]
pub struct Memory {
    run: i64,
    configuration: i64,
    team: Team,
    /// How far the queue has been looked through, if there is more to see.
    position: Option<QueuePlace>,
}

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing that is known of.
    Done,
    /// More than one transaction should do.
    More,
}

/// What the requests ask to look at.
#[derive(Debug, Default)]
struct Asked {
    whole: Option<Trigger>,
    agents: BTreeMap<AgentId, (Trigger, Timestamp)>,
    conversations: BTreeMap<ConversationId, Trigger>,
}

impl Asked {
    fn by(requests: &[Request]) -> Self {
        let mut asked = Self::default();
        for request in requests {
            match (request.agent_id, request.conversation_id) {
                (Some(agent), _) => {
                    asked.agents.entry(agent).or_insert((request.cause, request.created_at));
                }
                (None, Some(conversation)) => {
                    asked.conversations.entry(conversation).or_insert(request.cause);
                }
                (None, None) => asked.whole = asked.whole.or(Some(request.cause)),
            }
        }
        asked
    }

    /// Whether somebody may be able to take what nobody could before.
    fn may_move_the_queue(&self) -> bool {
        self.whole.is_some() || !self.agents.is_empty()
    }

    /// What made the queue move.
    fn cause(&self) -> Trigger {
        let any = || self.agents.values().next().map(|(cause, _)| *cause);
        self.whole.or_else(any).unwrap_or(Trigger::SlotFreed)
    }

    /// What made the queue move to this member.
    fn cause_for(&self, agent: AgentId) -> Trigger {
        self.agents.get(&agent).map_or_else(|| self.cause(), |(cause, _)| *cause)
    }
}

/// Looks at what there is to look at: at most one transaction's worth. The memory is that of the run before, if this node
/// made it; what is answered is worth something only if the transaction commits.
///
/// # Errors
/// Those of the database.
pub fn run(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    memory: Option<Memory>,
) -> Result<(Progress, Option<Memory>), Failure> {
    keep_plans(tx.conn)?;
    let number = stored::begin_run(tx.conn, workspace)?;
    let configuration = tx.configuration(workspace)?;
    let requests = stored::take_requests(tx.conn, workspace, REQUESTS)?;
    let asked = Asked::by(&requests);
    let now = tx.now;
    let due = timers::due(tx.conn, workspace, now, i64::try_from(CONVERSATIONS).unwrap_or(1))?;
    let mut more = requests.len() >= usize::try_from(REQUESTS).unwrap_or(1) || due.len() >= CONVERSATIONS;

    let mut router = Router::begin(tx, workspace, number, configuration, memory, &asked)?;
    router.watch_the_gone(tx, &asked)?;
    let work = router.gather(tx, &asked, &due)?;
    more |= work.more;
    router.lock(tx, &work)?;
    notices::unanswered(tx, workspace, &router.configuration, &due, &router.locked)?;
    let verdicts = router.decide_all(tx, &asked, &work)?;
    apply(tx, workspace, &router.configuration, &router.locked, verdicts)?;

    let progress = if more { Progress::More } else { Progress::Done };
    Ok((progress, router.into_memory(number)))
}

/// What is to be decided in this run.
#[derive(Default)]
struct Work {
    /// Held conversations that are to go to somebody else, with the timer that says so.
    moves: HashMap<ConversationId, Due>,
    /// Conversations whose timers are due, whatever comes of it.
    due: BTreeSet<ConversationId>,
    /// Waiting ones.
    waiting: BTreeSet<ConversationId>,
    more: bool,
}

struct Router {
    workspace: WorkspaceId,
    configuration: Arc<Configuration>,
    team: Team,
    position: Option<QueuePlace>,
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

    /// Who went offline has a while to come back before its conversations are handed over.
    fn watch_the_gone(&self, tx: &mut Tx<'_>, asked: &Asked) -> Result<(), Failure> {
        let (grace, now) = (self.configuration.handover_after(), tx.now);
        let mut looked_at: BTreeMap<AgentId, Timestamp> =
            asked.agents.iter().map(|(agent, (_, since))| (*agent, *since)).collect();
        if asked.whole.is_some() {
            for member in self.team.iter() {
                looked_at.entry(member.id).or_insert(now);
            }
        }
        let (mut gone, mut others) = (Vec::new(), Vec::new());
        for (agent, since) in looked_at {
            let holds = self.team.get(agent).is_some_and(|member| member.is_gone() && member.load > 0);
            match grace.filter(|_| holds) {
                Some(grace) => {
                    let kind = TimerKind::Handover;
                    gone.push((tx.id(), agent, Running { kind, since, due_at: since.plus(grace) }));
                }
                None => others.push(agent),
            }
        }
        timers::run_handovers(tx.conn, self.workspace, &gone)?;
        if !others.is_empty() {
            timers::cancel_handovers(tx.conn, self.workspace, others)?;
        }
        Ok(())
    }

    fn reach(&self) -> Reach {
        self.team.reach(self.configuration.settings.max_conversations_per_agent)
    }

    /// Finds what may have to be decided.
    fn gather(&mut self, tx: &mut Tx<'_>, asked: &Asked, due: &[Due]) -> Result<Work, Failure> {
        let mut work = Work::default();
        for timer in due {
            match (timer.kind, timer.conversation_id, timer.agent_id) {
                (TimerKind::Handover, _, Some(agent)) => self.gather_held(tx, &mut work, timer, agent)?,
                (TimerKind::UnansweredTransfer, Some(conversation), _) => {
                    work.moves.insert(conversation, *timer);
                    work.due.insert(conversation);
                }
                (_, Some(conversation), _) => {
                    work.due.insert(conversation);
                }
                _ => {}
            }
        }
        if !self.configuration.is_active() {
            return Ok(work);
        }
        let reach = asked.may_move_the_queue().then(|| self.reach());
        if let Some(reach) = &reach {
            self.gather_blocked(tx, &mut work, reach)?;
        }
        if self.configuration.assigns() {
            self.gather_waiting(tx, &mut work, asked, reach)?;
        }
        Ok(work)
    }

    fn gather_held(
        &self,
        tx: &mut Tx<'_>,
        work: &mut Work,
        timer: &Due,
        agent: AgentId,
    ) -> Result<(), Failure> {
        if !self.team.get(agent).is_some_and(Member::is_gone) || !self.configuration.hands_over() {
            return Ok(timers::cancel_handovers(tx.conn, self.workspace, vec![agent])?);
        }
        let room = CONVERSATIONS.saturating_sub(work.moves.len());
        let held = conversations::held_by(
            tx.conn,
            self.workspace,
            agent,
            i64::try_from(room + 1).unwrap_or(i64::MAX),
        )?;
        if held.len() > room {
            work.more = true;
        } else {
            timers::cancel_handovers(tx.conn, self.workspace, vec![agent])?;
        }
        work.moves.extend(held.into_iter().take(room).map(|conversation| (conversation, *timer)));
        Ok(())
    }

    fn gather_blocked(&self, tx: &mut Tx<'_>, work: &mut Work, reach: &Reach) -> Result<(), Failure> {
        if reach.slots == Some(0) {
            return Ok(());
        }
        let limit = i64::try_from(CONVERSATIONS).unwrap_or(1);
        for timer in timers::blocked(tx.conn, self.workspace, reach, limit)? {
            if let Some(conversation) = timer.conversation_id {
                work.moves.entry(conversation).or_insert(timer);
            }
        }
        Ok(())
    }

    fn gather_waiting(
        &mut self,
        tx: &mut Tx<'_>,
        work: &mut Work,
        asked: &Asked,
        reach: Option<Reach>,
    ) -> Result<(), Failure> {
        let goes_on = self.position.is_some() && asked.agents.is_empty();
        if let Some(reach) = reach {
            let after = self.position.take().filter(|_| goes_on);
            let undecided = asked.whole.is_some();
            // A few more than can be given: some of them may be for others only.
            let wanted = match reach.slots {
                Some(0) if !undecided => 0,
                Some(slots) if !undecided => CONVERSATIONS.min(slots as usize + 16),
                _ => CONVERSATIONS,
            };
            if wanted > 0 {
                let limit = i64::try_from(wanted).unwrap_or(1);
                let page = Page { after, reach, undecided, limit };
                let places = stored::waiting(tx.conn, self.workspace, page)?;
                if places.len() == wanted {
                    // Before anybody who came later gets a turn, the rest of the queue does.
                    self.position = places.last().copied();
                    let cause = asked.cause();
                    tx.look_at(self.workspace, Look::Queue, cause);
                    work.more = true;
                }
                work.waiting.extend(places.into_iter().map(|place| place.id));
            }
        }
        for (conversation, cause) in &asked.conversations {
            if self.position.is_none() && work.waiting.len() < 2 * CONVERSATIONS {
                work.waiting.insert(*conversation);
            } else {
                tx.look_at(self.workspace, Look::Conversation(*conversation), *cause);
                work.more = true;
            }
        }
        Ok(())
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
        self.confirm(tx, &mut verdicts)?;
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
                        let runs = timer::running(conversation, rules)
                            .iter()
                            .any(|one| one.kind == timer.kind && one.since == timer.since);
                        let need = Need { trigger: Trigger::Unanswered, is_known, timer: Some(timer) };
                        runs.then_some((timer.since, need))
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
    fn confirm(&self, tx: &mut Tx<'_>, verdicts: &mut [Verdict]) -> Result<(), Failure> {
        let winners: BTreeSet<AgentId> = verdicts.iter().filter_map(Verdict::agent).collect();
        if winners.is_empty() {
            return Ok(());
        }
        let found = stored::confirm_members(tx.conn, self.workspace, winners.iter().copied().collect())?;
        // What they hold has changed by these verdicts, and is confirmed with the counts.
        let as_taken_for = |now: &Member| {
            self.team.get(now.id).is_some_and(|then| {
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
