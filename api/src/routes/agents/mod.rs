//! Members of the team.

mod allocation;
mod create;
mod delete;
mod get;
mod invite;
mod list;
mod supervisor;
mod update;

use actix_web::HttpRequest;
use domain::id::AgentId;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::problem::Problem;
use crate::http::reply;
use crate::ops::agents::Which;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_agents)
        .service(create::create_agent)
        .service(get::get_agent)
        .service(update::update_agent)
        .service(delete::delete_agent)
        .service(invite::invite_agent)
        .service(supervisor::set_agent_supervisor)
        .service(allocation::set_agent_allocation);
}

/// Which member a write is about, and which version of it the caller has seen.
fn which(request: &HttpRequest, id: AgentId) -> Result<Which, Problem> {
    Ok(Which { id, expected_version: reply::expected_version(request)? })
}
