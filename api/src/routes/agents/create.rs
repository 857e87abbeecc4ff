use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ManageTeam};
use domain::actor::Allocation;
use domain::agent::Role;
use domain::id::{AgentId, ChannelId, DivisionId};
use domain::input;
use domain::resource::Agent;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::auth::password;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::mail::MailConfigured;
use crate::ops::agents::{self, AgentDraft, Hire};
use crate::state::App;

/// A member to be taken into the team.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgent {
    /// Its name.
    #[schema(example = "Siti Rahmawati", max_length = 100, format = "line")]
    pub name: String,
    /// The address it signs in with. Whoever has left has given its address free.
    #[schema(example = "siti@toko-tani.example", max_length = 254, format = "email")]
    pub email: String,
    /// What it may do in general.
    #[schema(example = "agent")]
    pub role: Role,
    /// For the role `agent`: whether it sees conversations of others and those waiting; true if absent.
    pub view_all: Option<bool>,
    /// For the role `agent`: the supervisor who looks after it.
    #[schema(example = json!(null))]
    pub supervisor_id: Option<AgentId>,
    /// The channels it works for. An id that comes twice counts once.
    #[serde(default)]
    #[schema(example = json!([]))]
    pub channel_ids: Vec<ChannelId>,
    /// The divisions it belongs to. An id that comes twice counts once.
    #[serde(default)]
    #[schema(example = json!([]))]
    pub division_ids: Vec<DivisionId>,
    /// The most conversations that routing gives it; as many as the workspace's settings say if absent.
    #[schema(example = json!(null), minimum = 1, maximum = 1000)]
    pub max_conversations: Option<u32>,
    /// The password with which it can sign in at once, 8 to 200 characters; without one it is invited by mail.
    #[schema(example = "rahasia-sekali", min_length = 8, max_length = 200)]
    pub password: Option<String>,
}

/// Take somebody into the team
///
/// With a password the member can sign in at once. Without one it is invited by mail and joins with the link in it; a
/// server that cannot send mail refuses that: 409 `mail_not_configured`.
#[utoipa::path(tag = "team", request_body = NewAgent, params(RepeatHeader), extensions(("x-action" = json!(Action::ManageTeam))),
    responses((status = 201, description = "Made", body = Agent), Writing))]
#[post("/v1/agents")]
pub async fn create_agent(
    app: web::Data<App>,
    caller: Auth<ManageTeam>,
    repeat: Repeat,
    body: Body<NewAgent>,
) -> Result<HttpResponse, Problem> {
    let new = body.value;
    let (name, email) = (input::name("/name", &new.name)?, input::email("/email", &new.email)?);
    if let Some(limit) = new.max_conversations {
        input::number("/max_conversations", limit, 1..=1000)?;
    }
    let (password_hash, invitation) = match new.password {
        Some(password) => {
            input::password("/password", &password)?;
            (Some(password::hash_in_background(password).await.map_err(Problem::internal)?), None)
        }
        None => (None, Some(MailConfigured::check(&app.settings)?)),
    };
    let draft = AgentDraft {
        name,
        email,
        password_hash,
        role: new.role,
        supervisor_id: new.supervisor_id,
        view_all: new.view_all.unwrap_or(true),
        max_conversations: new.max_conversations,
    };
    let allocation = Allocation { channels: new.channel_ids, divisions: new.division_ids };
    let hire = Hire { draft, allocation, invitation };
    let (shared, actor, caller) = (app.get_ref().clone(), caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::CREATED, move |tx| agents::hire(&shared, tx, &caller, &hire))
        .await
}
