//! Workspaces with people in them.

use std::sync::{Arc, Mutex};

use api::auth::password;
use api::ops::agents::{self, AgentDraft};
use api::ops::workspaces::{self, WorkspaceDraft};
use api::ops::{divisions, transaction::Tx};
use api::state::App;
use domain::agent::Role;
use domain::id::{AgentId, DivisionId, WorkspaceId};
use domain::resource::Agent;
use domain::resource::EventActor;
use persistence::error::Failure;
use serde_json::{Value, json};
use std::sync::OnceLock;

use crate::client::{Caller, Member, PASSWORD, Wire};

/// A workspace: one admin; a supervisor with the agents 0 and 1; agent 2 with nobody; agent 3 without
/// `view_all`; a second supervisor with nobody; the division "Penjualan" with agent 0.
#[derive(Debug, Clone)]
pub struct Team {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its slug.
    pub slug: String,
    /// Its division "Penjualan".
    pub division: DivisionId,
    wire: Arc<Wire>,
    admin: Arc<Member>,
    supervisors: Vec<Arc<Member>>,
    agents: Vec<Arc<Member>>,
}

/// Hashing takes long, and everybody has the same password.
fn hash() -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| password::hash(PASSWORD).unwrap()).clone()
}

struct Made {
    workspace: WorkspaceId,
    division: DivisionId,
    admin: Agent,
    supervisors: Vec<Agent>,
    agents: Vec<Agent>,
}

impl Team {
    pub(crate) async fn make(app: &App, wire: &Arc<Wire>, slug: &str) -> Self {
        let (hash, name) = (hash(), slug.to_owned());
        let made = app.write(move |tx| make(tx, &name, &hash)).await.unwrap();
        let member = |agent: Agent| {
            Arc::new(Member {
                id: agent.id,
                name: agent.name,
                email: agent.email,
                role: agent.role,
                slug: slug.to_owned(),
                tokens: Mutex::new(None),
            })
        };
        Self {
            workspace: made.workspace,
            slug: slug.to_owned(),
            division: made.division,
            wire: wire.clone(),
            admin: member(made.admin),
            supervisors: made.supervisors.into_iter().map(member).collect(),
            agents: made.agents.into_iter().map(member).collect(),
        }
    }

    /// Its admin.
    #[must_use]
    pub fn admin(&self) -> Caller {
        Caller::member(&self.wire, &self.admin)
    }

    /// The supervisor of the agents 0 and 1.
    #[must_use]
    pub fn supervisor(&self) -> Caller {
        Caller::member(&self.wire, &self.supervisors[0])
    }

    /// A supervisor of nobody.
    #[must_use]
    pub fn lone_supervisor(&self) -> Caller {
        Caller::member(&self.wire, &self.supervisors[1])
    }

    /// One of its agents: 0 and 1 are supervised, 2 is not, 3 lacks `view_all`.
    #[must_use]
    pub fn agent(&self, which: usize) -> Caller {
        Caller::member(&self.wire, &self.agents[which])
    }

    /// The agent without `view_all`.
    #[must_use]
    pub fn narrow_agent(&self) -> Caller {
        self.agent(3)
    }

    /// More agents, supervised by nobody.
    pub async fn hire(&mut self, app: &App, count: usize) -> std::ops::Range<usize> {
        let (workspace, hash, from) = (self.workspace, hash(), self.agents.len());
        let made = app
            .write(move |tx| {
                let hire = |n| agent(tx, workspace, &hash, (&format!("Agen {n}"), Role::Agent, None, true));
                (from..from + count).map(hire).collect::<Result<Vec<_>, _>>()
            })
            .await
            .unwrap();
        self.agents.extend(made.into_iter().map(|agent| {
            Arc::new(Member {
                id: agent.id,
                name: agent.name,
                email: agent.email,
                role: agent.role,
                slug: self.slug.clone(),
                tokens: Mutex::new(None),
            })
        }));
        from..self.agents.len()
    }
}

fn make(tx: &mut Tx<'_>, slug: &str, hash: &str) -> Result<Made, Failure> {
    let draft = WorkspaceDraft {
        name: format!("Toko {slug}"),
        slug: slug.to_owned(),
        timezone: None,
        admin_name: "Dewi Lestari".to_owned(),
        admin_email: format!("dewi.lestari@{slug}.example"),
        admin_password_hash: hash.to_owned(),
    };
    let (workspace, admin) = workspaces::create(tx, &draft)?;
    let id = workspace.id;
    let supervisor = agent(tx, id, hash, ("Budi Santoso", Role::Supervisor, None, true))?;
    let other = agent(tx, id, hash, ("Wati Kusuma", Role::Supervisor, None, true))?;
    let agents = vec![
        agent(tx, id, hash, ("Siti Rahmawati", Role::Agent, Some(supervisor.id), true))?,
        agent(tx, id, hash, ("Agus Wijaya", Role::Agent, Some(supervisor.id), true))?,
        agent(tx, id, hash, ("Rina Marlina", Role::Agent, None, true))?,
        agent(tx, id, hash, ("Joko Susilo", Role::Agent, None, false))?,
    ];
    let members = vec![agents[0].id];
    let division = divisions::create(tx, id, "Penjualan", members, &EventActor::operator())?;
    Ok(Made { workspace: id, division: division.id, admin, supervisors: vec![supervisor, other], agents })
}

fn agent(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    hash: &str,
    (name, role, supervisor_id, view_all): (&str, Role, Option<AgentId>, bool),
) -> Result<Agent, Failure> {
    let draft = AgentDraft {
        name: name.to_owned(),
        email: format!("{}@{workspace}.example", name.to_lowercase().replace(' ', ".")),
        password_hash: Some(hash.to_owned()),
        role,
        supervisor_id,
        view_all,
        max_conversations: None,
    };
    agents::create(tx, workspace, &draft, &EventActor::operator())
}

/// The body of `PUT /v1/settings/assignment`: as a new workspace has them, but for these.
#[must_use]
pub fn assignment_settings(changes: &Value) -> Value {
    let mut settings = json!({
        "assignment_enabled": true,
        "agents_may_claim": true,
        "agents_may_transfer": true,
        "auto_assign": false,
        "strategy": "least_busy",
        "max_conversations_per_agent": null,
        "unanswered_transfer_minutes": null,
        "notify_supervisor_minutes": null,
        "auto_handover": false,
        "handover_grace_seconds": 60,
        "restrict_to_allocation": false,
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    settings
}
