use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, AssignConversation};
use domain::id::{AgentId, ConversationId, DivisionId};
use domain::refusal::Refusal;
use domain::resource::Conversation;
use serde::Deserialize;
use utoipa::ToSchema;

use super::which;
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{WriteHeaders, Writing};
use crate::ops::conversations::{self, Target};
use crate::state::App;

/// To whom a conversation is given: exactly one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "agent_id": "01932f6a-7c1e-7b52-9d0c-5a4be1f0a4c7" }))]
pub struct Assignment {
    /// The agent who is to hold it.
    pub agent_id: Option<AgentId>,
    /// The division for one of whose members it is to wait.
    pub division_id: Option<DivisionId>,
}

impl Assignment {
    fn target(&self) -> Result<Target, Refusal> {
        match (self.agent_id, self.division_id) {
            (Some(agent), None) => Ok(Target::Agent(agent)),
            (None, Some(division)) => Ok(Target::Division(division)),
            _ => Err(Refusal::invalid("", "one_of", "give either agent_id or division_id")),
        }
    }
}

/// Give a conversation to an agent or a division
///
/// An admin gives to anyone active, a supervisor to itself and its agents, an agent to other agents.
/// The ticket moves along; a resolved conversation begins a new session.
#[utoipa::path(tag = "conversations", request_body = Assignment,
    params(("conversation_id" = ConversationId, Path, description = "The conversation"), WriteHeaders),
    extensions(("x-action" = json!(Action::AssignConversation))),
    responses((status = 200, description = "Given", body = Conversation), Writing))]
#[post("/v1/conversations/{conversation_id}/assign")]
pub async fn assign_conversation(
    app: web::Data<App>,
    caller: Auth<AssignConversation>,
    id: web::Path<ConversationId>,
    request: HttpRequest,
    repeat: Repeat,
    body: Body<Assignment>,
) -> Result<HttpResponse, Problem> {
    let (which, target) = (which(&request, id.into_inner())?, body.value.target()?);
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::OK, move |tx| conversations::assign(tx, &caller, which, target))
        .await
}
