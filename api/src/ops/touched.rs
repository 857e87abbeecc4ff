//! Members whose profile changes because something that it names, or depends on, does.

use domain::event::{Audience, EventType};
use domain::id::{AgentId, WorkspaceId};
use domain::resource::{Agent, EventActor};
use domain::routing::Trigger;
use persistence::agents;
use persistence::error::Failure;

use super::transaction::{Look, Tx};

/// The members as they were. What changed them is kept in the audit trail; they are only told.
pub(super) struct Touched {
    workspace: WorkspaceId,
    before: Vec<Agent>,
}

impl Touched {
    /// Looks at members before the change. They must be locked.
    pub(super) fn before(
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        ids: Vec<AgentId>,
    ) -> Result<Self, Failure> {
        let before = if ids.is_empty() { Vec::new() } else { agents::some(tx.conn, workspace, ids)? };
        Ok(Self { workspace, before })
    }

    /// Raises their versions after the change, and tells of them.
    pub(super) fn tell(self, tx: &mut Tx<'_>, actor: &EventActor) -> Result<(), Failure> {
        if self.before.is_empty() {
            return Ok(());
        }
        for agent in &self.before {
            tx.look_at(self.workspace, Look::Agent(agent.id), Trigger::AllocationChanged);
        }
        let ids: Vec<AgentId> = self.before.iter().map(|agent| agent.id).collect();
        agents::raise_versions(tx.conn, self.workspace, ids.clone())?;
        let after = agents::some(tx.conn, self.workspace, ids)?;
        for (before, after) in self.before.iter().zip(&after) {
            let what = (EventType::AgentUpdated, Audience::Everyone);
            tx.tell_consequence(self.workspace, what, actor, before, after);
        }
        Ok(())
    }
}
