//! One transaction of routing in one workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::conversation::Conversation;
use domain::id::{AgentId, ConversationId, WorkspaceId};
use domain::routing::{Configuration, Team};
use domain::time::Timestamp;
use domain::timer;
use persistence::conversations;
use persistence::db::keep_plans;
use persistence::error::Failure;
use persistence::routing::{self as stored, QueuePlace};
use persistence::timers::{self, Due};

use super::apply::apply;
use super::asked::Asked;
use super::gather::Work;
use super::{notices, reply_windows};
use crate::ops::transaction::Tx;

/// The most requests of one transaction.
const REQUESTS: i64 = 2000;
/// The most conversations of one kind (due, blocked, a page of the queue) in one transaction, and of waiting ones twice as
/// many: everybody else waits for it.
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
    keep_plans(tx.conn)?;
    let Some(number) = stored::begin_run(tx.conn, workspace)? else { return Ok(Run::Elsewhere) };
    let configuration = tx.configuration(workspace)?;
    // The team is known before requests are taken: whoever changes in between is in a request of this run or of the next,
    // and is not given what somebody in the queue has waited for longer.
    let mut router = Router::begin(tx, workspace, number, configuration, memory)?;
    let asked = Asked::by(&stored::take_requests(tx.conn, workspace, REQUESTS)?);
    router.learn(tx, &asked)?;
    router.forget_who_is_back(tx, &asked)?;
    let now = tx.now;
    let due = timers::due(tx.conn, workspace, now, i64::try_from(CONVERSATIONS).unwrap_or(1))?;
    let work = router.gather(tx, &asked, &due)?;
    router.lock(tx, &work)?;
    router.set_right(tx, &due);
    notices::unanswered(tx, workspace, &router.configuration, &due, &router.locked)?;
    reply_windows::closing(tx, workspace, &router.configuration, &due, &router.locked)?;
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
    pub locked: BTreeMap<ConversationId, Conversation>,
}

impl Router {
    fn begin(
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        number: i64,
        configuration: Arc<Configuration>,
        memory: Option<Memory>,
    ) -> Result<Self, Failure> {
        let mut router =
            Self { workspace, configuration, team: Team::default(), position: None, locked: BTreeMap::new() };
        if !router.configuration.is_active() {
            return Ok(router);
        }
        let version = router.configuration.version;
        if let Some(memory) = memory.filter(|one| one.run + 1 == number && one.configuration == version) {
            (router.team, router.position) = (memory.team, memory.position);
            return Ok(router);
        }
        router.team.note_turn(stored::latest_turn(tx.conn, workspace)?);
        for member in stored::team(tx.conn, workspace)? {
            router.team.insert(member);
        }
        Ok(router)
    }

    /// Reads again what the requests say has changed.
    fn learn(&mut self, tx: &mut Tx<'_>, asked: &Asked) -> Result<(), Failure> {
        let changed: Vec<AgentId> = asked.agents.keys().copied().collect();
        if changed.is_empty() || !self.configuration.is_active() {
            return Ok(());
        }
        for agent in &changed {
            self.team.remove(*agent);
        }
        for member in stored::members(tx.conn, self.workspace, changed)? {
            self.team.insert(member);
        }
        Ok(())
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
}
