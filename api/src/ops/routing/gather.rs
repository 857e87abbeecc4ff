//! What may have to be decided in one run.

use std::collections::{BTreeSet, HashMap};

use domain::id::{AgentId, ConversationId};
use domain::routing::{Member, Reach};
use domain::timer::TimerKind;
use persistence::conversations;
use persistence::error::Failure;
use persistence::routing::{self as stored, Page};
use persistence::timers::{self, Due};

use super::asked::Asked;
use super::run::{CONVERSATIONS, Router};
use crate::ops::transaction::{Look, Tx};

/// What is to be decided in this run.
#[derive(Default)]
pub(super) struct Work {
    /// Held conversations that are to go to somebody else, with the timer that says so.
    pub moves: HashMap<ConversationId, Due>,
    /// Conversations whose timers are due, whatever comes of it.
    pub due: BTreeSet<ConversationId>,
    /// Waiting ones.
    pub waiting: BTreeSet<ConversationId>,
}

impl Router {
    fn reach(&self) -> Reach {
        self.team.reach(self.configuration.settings.max_conversations_per_agent)
    }

    /// Finds what may have to be decided.
    pub(super) fn gather(&mut self, tx: &mut Tx<'_>, asked: &Asked, due: &[Due]) -> Result<Work, Failure> {
        let mut work = Work::default();
        for timer in due {
            match (timer.kind, timer.conversation_id, timer.agent_id) {
                (TimerKind::Handover, _, Some(agent)) => self.gather_held(tx, &mut work, timer, agent)?,
                (TimerKind::UnansweredTransfer, Some(conversation), _) => {
                    // What is handed over need not be relieved.
                    work.moves.entry(conversation).or_insert(*timer);
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
        // Read anew: what says that it is back may be behind many requests, and what it loses now it does not get back.
        let now = stored::members(tx.conn, self.workspace, vec![agent])?;
        if !now.first().is_some_and(Member::is_gone) || !self.configuration.hands_over() {
            return Ok(timers::cancel_handovers(tx.conn, self.workspace, vec![agent])?);
        }
        let room = CONVERSATIONS.saturating_sub(work.moves.len());
        let limit = i64::try_from(room + 1).unwrap_or(i64::MAX);
        let held = conversations::held_by(tx.conn, self.workspace, agent, limit)?;
        // The timer of a member that holds more stays due: the next run goes on.
        if held.len() <= room {
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
            // A few more than can be given: some of them may be for the same agent.
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
                }
                work.waiting.extend(places.into_iter().map(|place| place.id));
            }
        }
        for (conversation, cause) in &asked.conversations {
            if self.position.is_none() && work.waiting.len() < 2 * CONVERSATIONS {
                work.waiting.insert(*conversation);
            } else {
                tx.look_at(self.workspace, Look::Conversation(*conversation), *cause);
            }
        }
        Ok(())
    }
}
