use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ManageTeam};
use domain::id::AgentId;
use domain::resource::Agent;

use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::mail::MailConfigured;
use crate::ops::agents;
use crate::state::App;

/// Invite an agent again
///
/// For members who have not joined yet (409 `already_joined`). The link of an earlier invitation is void from
/// then on. A server that cannot send mail answers 409 `mail_not_configured`.
#[utoipa::path(tag = "team", params(("agent_id" = AgentId, Path, description = "The agent"), RepeatHeader),
    extensions(("x-action" = json!(Action::ManageTeam))),
    responses((status = 202, description = "The mail will be sent", body = Agent), Writing))]
#[post("/v1/agents/{agent_id}/invite")]
pub async fn invite_agent(
    app: web::Data<App>,
    caller: Auth<ManageTeam>,
    id: web::Path<AgentId>,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    let mail = MailConfigured::check(&app.settings)?;
    let (id, actor, caller) = (id.into_inner(), caller.actor().clone(), caller.into_caller());
    repeat
        .write(&app, &actor, StatusCode::ACCEPTED, move |tx| agents::invite_again(tx, &caller, mail, id))
        .await
}
