//! A workspace in which routing has something to do.

use harness::process::{Failed, Tanggap, demand, sign_in};
use serde_json::{Value, json};

use crate::stage::{PASSWORD, Stage, Tenant};

/// Who works there, and what waits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plan {
    /// Agents without a limit of their own.
    pub agents: usize,
    /// Whether they are online.
    pub online: bool,
    /// Agents who are offline, with a limit of one.
    pub spare: usize,
    /// Supervisors who are online, with a limit of one, and work for nothing by name.
    pub supervisors: usize,
    /// Conversations that wait; every fourth for a division that nobody is in.
    pub waiting: usize,
}

/// A filled workspace.
pub struct Office {
    /// The workspace.
    pub tenant: Tenant,
    /// Its admin's token.
    pub admin: String,
}

impl Office {
    /// Makes and fills it; nothing is assigned by itself yet.
    pub async fn open(stage: &Stage, server: &Tanggap, slug: &str, plan: Plan) -> Result<Self, Failed> {
        let tenant = stage.tenant(server, slug).await?;
        let mut fill = include_str!("fill.sql").replace("{workspace}", &tenant.id);
        let availability = if plan.online { "online" } else { "offline" };
        let numbers = [
            ("agents", plan.agents),
            ("spare", plan.spare),
            ("supervisors", plan.supervisors),
            ("waiting", plan.waiting),
        ];
        for (name, number) in numbers {
            fill = fill.replace(&format!("{{{name}}}"), &number.to_string());
        }
        fill = fill.replace("{channel}", &tenant.channel_id).replace("{availability}", availability);
        stage.sql(&fill)?;
        let admin = sign_in(server.addr, slug, "admin@bench.example", PASSWORD).await?;
        Ok(Self { tenant, admin })
    }

    /// From now on conversations are assigned by themselves, at most so many to an agent without a limit of its own.
    pub async fn assign(&self, server: &Tanggap, limit: Option<u32>) -> Result<(), Failed> {
        let settings = "/v1/settings/assignment";
        let mut changed = demand(server.addr, "GET", settings, &self.admin, &Value::Null).await?;
        if let Some(fields) = changed.as_object_mut() {
            fields.remove("version");
        }
        changed["auto_assign"] = json!(true);
        changed["max_conversations_per_agent"] = json!(limit);
        self.change(server, "PUT", settings, &changed).await
    }

    /// The admin does something.
    pub async fn change(
        &self,
        server: &Tanggap,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<(), Failed> {
        demand(server.addr, method, path, &self.admin, body).await.map(|_| ())
    }

    /// The token of an agent.
    pub async fn agent(&self, server: &Tanggap, number: usize) -> Result<String, Failed> {
        sign_in(server.addr, &self.tenant.slug, &format!("agent{number}@bench.example"), PASSWORD).await
    }

    /// Its id.
    pub fn agent_id(stage: &Stage, number: usize) -> Result<String, Failed> {
        stage.text(&format!("SELECT md5('agent {number}')::uuid::text AS text"))
    }

    /// The id of its division.
    pub fn division_id(stage: &Stage) -> Result<String, Failed> {
        stage.text("SELECT md5('division')::uuid::text AS text")
    }
}
