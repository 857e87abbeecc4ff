//! A member that is locked, with whoever decides what may be done to it.

use domain::access::{Caller, ManageTeam, may_manage_member};
use domain::agent::Role;
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::id::{AgentId, WorkspaceId};
use domain::refusal::{Code, Refusal};
use domain::resource::{Agent, EventActor};
use persistence::agents::{self, TeamMember};
use persistence::error::{Failure, StoreError};

use crate::ops::precondition::expect_version;
use crate::ops::team_rights::confirm;
use crate::ops::transaction::{Administration, Tx};

/// Which member, and which version of it the caller has seen.
#[derive(Debug, Clone, Copy)]
pub struct Which {
    /// The member.
    pub id: AgentId,
    /// The version that `If-Match` demands.
    pub expected_version: Option<i64>,
}

/// Members that are locked for a change of one of them.
pub(super) struct Locked {
    pub workspace: WorkspaceId,
    pub actor: EventActor,
    /// The member as it was.
    pub before: Agent,
    team: Team,
}

/// Members that are locked: all active admins are among them.
pub(super) struct Team(Vec<TeamMember>);

impl Team {
    /// Locks these members, those whom `supervisor` looks after, and all active admins, the caller among them if it
    /// may still do this.
    pub(super) fn lock(
        tx: &mut Tx<'_>,
        caller: &Caller<ManageTeam>,
        ids: Vec<AgentId>,
        supervisor: Option<AgentId>,
    ) -> Result<Self, Failure> {
        let team = agents::lock_team(tx.conn, caller.actor().workspace_id, ids, supervisor)?;
        confirm(tx, caller)?;
        Ok(Self(team))
    }

    /// Refuses anybody who cannot look after agents. The member must be locked, if there is one.
    pub(super) fn check_supervisor(&self, id: AgentId) -> Result<(), Refusal> {
        let pointer = "/supervisor_id";
        let Some(member) = self.0.iter().find(|member| member.id == id) else {
            return Err(Refusal::invalid(pointer, "unknown", "there is no such member"));
        };
        if member.active && member.role == Role::Supervisor {
            Ok(())
        } else {
            let detail = "must be a member of the team with the role `supervisor`";
            Err(Refusal::invalid(pointer, "not_a_supervisor", detail))
        }
    }

    fn has_admin_beside(&self, id: AgentId) -> bool {
        self.0
            .iter()
            .any(|member| member.id != id && member.role == Role::Admin && member.active && member.joined)
    }
}

impl Locked {
    /// Locks the member with those whom it looks after, `also`, and all active admins.
    pub(super) fn lock(
        tx: &mut Tx<'_>,
        caller: &Caller<ManageTeam>,
        id: AgentId,
        also: Option<AgentId>,
    ) -> Result<Self, Failure> {
        let workspace = caller.actor().workspace_id;
        let ids = also.into_iter().chain([id]).collect();
        let team = Team::lock(tx, caller, ids, Some(id))?;
        let before = agents::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
        may_manage_member(caller.actor(), before.role)?;
        Ok(Self { workspace, actor: EventActor::from(caller.actor()), before, team })
    }

    /// Refuses if it has left, or changed since the caller read it.
    pub(super) fn expect(&self, which: Which) -> Result<(), Refusal> {
        if !self.before.active {
            return Err(Refusal::new(Code::AgentLeft).with("agent", &self.before.name));
        }
        expect_version(which.expected_version, self.before.version)
    }

    /// Refuses if nobody could manage the workspace without this member.
    pub(super) fn can_be_spared(&self) -> Result<(), Refusal> {
        let is_admin = self.before.role == Role::Admin && self.before.joined;
        if is_admin && !self.team.has_admin_beside(self.before.id) {
            return Err(Code::LastAdmin.into());
        }
        Ok(())
    }

    /// Refuses anybody who cannot look after the member.
    pub(super) fn check_supervisor(&self, id: AgentId) -> Result<(), Refusal> {
        if self.before.role != Role::Agent {
            return Err(not_supervisable(&self.before.name));
        }
        self.team.check_supervisor(id)
    }

    /// Tells what became of the member. Answers how it is now.
    pub(super) fn tell(&self, tx: &mut Tx<'_>) -> Result<Agent, Failure> {
        tell_change(
            tx,
            self.workspace,
            &self.actor,
            &self.before,
            (EventType::AgentUpdated, AuditAction::Updated),
        )
    }

    /// Nobody looks after those any more whom the member looked after.
    pub(super) fn free_supervised(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let ids = agents::supervised(tx.conn, self.workspace, self.before.id)?;
        let before = ids.iter().map(|id| existing(tx, self.workspace, *id)).collect::<Result<Vec<_>, _>>()?;
        agents::free_supervised(tx.conn, self.workspace, ids)?;
        for agent in before {
            let what = (EventType::AgentUpdated, AuditAction::Updated);
            tell_change(tx, self.workspace, &self.actor, &agent, what)?;
        }
        Ok(())
    }
}

/// Tells that a stored member differs from how it was. Answers how it is now.
pub(super) fn tell_change(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    actor: &EventActor,
    before: &Agent,
    (event_type, action): (EventType, AuditAction),
) -> Result<Agent, Failure> {
    let after = existing(tx, workspace, before.id)?;
    tx.administer(Administration {
        workspace_id: workspace,
        event_type,
        audience: Audience::Everyone,
        actor,
        action,
        before: Some(before),
        after: Some(&after),
    });
    Ok(after)
}

pub(super) fn not_supervisable(name: &str) -> Refusal {
    Refusal::new(Code::NotSupervisable).with("agent", name)
}

/// A member whose id was read from the database in this transaction.
pub(super) fn existing(tx: &mut Tx<'_>, workspace: WorkspaceId, id: AgentId) -> Result<Agent, Failure> {
    let gone = || StoreError::Unreadable { table: "agents", column: "id", id: id.to_string() };
    Ok(agents::get(tx.conn, workspace, id)?.ok_or_else(gone)?)
}
