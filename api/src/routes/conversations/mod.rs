//! Conversations.

mod archive;
mod assign;
mod claim;
mod get;
mod list;
mod read;
mod resolve;
mod routing_decisions;
mod start;
mod timers;
mod typing;
mod unarchive;
mod unassign;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use domain::access::{Act, Caller};
use domain::id::ConversationId;
use domain::resource::Conversation;
use persistence::error::Failure;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::ops::conversations::Which;
use crate::ops::transaction::Tx;
use crate::state::App;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_conversations)
        .service(start::start_conversation)
        .service(get::get_conversation)
        .service(assign::assign_conversation)
        .service(claim::claim_conversation)
        .service(unassign::unassign_conversation)
        .service(resolve::resolve_conversation)
        .service(read::read_conversation)
        .service(archive::archive_conversation)
        .service(unarchive::unarchive_conversation)
        .service(routing_decisions::list_routing_decisions)
        .service(timers::list_timers)
        .service(typing::signal_typing);
}

/// What a write does with the conversation, in its transaction.
type Operation<A> = fn(&mut Tx<'_>, &Caller<A>, Which) -> Result<Conversation, Failure>;

/// Does an operation that needs no more than the conversation.
async fn act<A: Act + Send + Sync + 'static>(
    app: &App,
    caller: Auth<A>,
    (request, id): (&HttpRequest, ConversationId),
    repeat: Repeat,
    operation: Operation<A>,
) -> Result<HttpResponse, Problem> {
    let which = which(request, id)?;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat.write(app, &actor, StatusCode::OK, move |tx| operation(tx, &caller, which)).await
}

/// Which conversation a write is about, and which version of it the caller has seen.
pub(super) fn which(request: &HttpRequest, id: ConversationId) -> Result<Which, Problem> {
    Ok(Which { id, expected_version: reply::expected_version(request)? })
}
