//! Tickets.

mod export;
mod filter;
mod get;
mod list;
mod messages;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_tickets)
        // Before the ticket: it is no id.
        .service(export::export_tickets)
        .service(get::get_ticket)
        .service(messages::list_ticket_messages);
}
