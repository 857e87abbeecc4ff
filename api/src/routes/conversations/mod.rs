//! Conversations.

mod archive;
mod assign;
mod claim;
mod get;
mod list;
mod read;
mod resolve;
mod unarchive;
mod unassign;

use actix_web::HttpRequest;
use domain::id::ConversationId;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::problem::Problem;
use crate::http::reply;
use crate::ops::conversations::Which;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_conversations)
        .service(get::get_conversation)
        .service(assign::assign_conversation)
        .service(claim::claim_conversation)
        .service(unassign::unassign_conversation)
        .service(resolve::resolve_conversation)
        .service(read::read_conversation)
        .service(archive::archive_conversation)
        .service(unarchive::unarchive_conversation);
}

/// Which conversation a write is about, and which version of it the caller has seen.
pub(super) fn which(request: &HttpRequest, id: ConversationId) -> Result<Which, Problem> {
    Ok(Which { id, expected_version: reply::expected_version(request)? })
}
