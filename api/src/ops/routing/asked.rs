//! What routing is asked to look at.

use std::collections::BTreeMap;

use domain::id::{AgentId, ConversationId};
use domain::routing::Trigger;
use domain::time::Timestamp;
use persistence::routing::Request;

/// What the requests ask to look at.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub whole: Option<Trigger>,
    pub agents: BTreeMap<AgentId, (Trigger, Timestamp)>,
    pub conversations: BTreeMap<ConversationId, Trigger>,
}

impl Asked {
    pub(super) fn by(requests: &[Request]) -> Self {
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
    pub(super) fn may_move_the_queue(&self) -> bool {
        self.whole.is_some() || !self.agents.is_empty()
    }

    /// What made the queue move.
    pub(super) fn cause(&self) -> Trigger {
        let any = || self.agents.values().next().map(|(cause, _)| *cause);
        self.whole.or_else(any).unwrap_or(Trigger::SlotFreed)
    }

    /// What made the queue move to this member.
    pub(super) fn cause_for(&self, agent: AgentId) -> Trigger {
        self.agents.get(&agent).map_or_else(|| self.cause(), |(cause, _)| *cause)
    }
}
