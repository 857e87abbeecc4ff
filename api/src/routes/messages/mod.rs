//! Messages of a conversation.

mod create;
mod get;
mod list;
mod react;
mod retry;
mod unreact;

pub(super) use create::NewTemplateMessage;

use actix_web::HttpRequest;
use domain::id::{ConversationId, MessageId};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::problem::Problem;
use crate::http::reply;
use crate::ops::messages::WhichMessage;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_messages)
        .service(create::create_message)
        .service(get::get_message)
        .service(retry::retry_message)
        .service(react::set_reaction)
        .service(unreact::delete_reaction);
}

/// Which message a caller means, and in which version.
fn which(
    request: &HttpRequest,
    (conversation, id): (ConversationId, MessageId),
) -> Result<WhichMessage, Problem> {
    Ok(WhichMessage { conversation, id, expected_version: reply::expected_version(request)? })
}
