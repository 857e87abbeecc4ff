//! Messages of a conversation.

mod create;
mod get;
mod list;
mod react;
mod retry;
mod unreact;

pub(super) use create::NewTemplateMessage;

use utoipa_actix_web::service_config::ServiceConfig;

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
