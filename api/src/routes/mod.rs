//! HTTP: one folder per resource, one file per verb. No SQL and no transactions here.

pub mod agents;
pub mod api_keys;
pub mod attachments;
pub mod audit_entries;
pub mod auth;
pub mod channels;
pub mod contacts;
pub mod conversations;
pub mod distribution_policies;
pub mod divisions;
pub mod events;
pub mod hooks;
pub mod labels;
pub mod me;
pub mod messages;
pub mod notes;
pub mod notifications;
pub mod queue;
pub mod routing;
pub mod service;
pub mod settings;
pub mod stream;
pub mod templates;
pub mod tickets;
pub mod webhook_endpoints;
pub mod workspaces;

use utoipa_actix_web::service_config::ServiceConfig;

/// Everything that is served and documented. Paths are tried in this order, one regular expression after the
/// other: what is called most comes first, or finding webhooks takes a tenth of what they cost.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .configure(hooks::configure)
        .configure(conversations::configure)
        .configure(messages::configure)
        .configure(attachments::configure)
        .configure(auth::configure)
        .configure(me::configure)
        .configure(workspaces::configure)
        .configure(agents::configure)
        .configure(api_keys::configure)
        .configure(webhook_endpoints::configure)
        .configure(labels::configure)
        .configure(notes::configure)
        .configure(divisions::configure)
        .configure(settings::configure)
        .configure(distribution_policies::configure)
        .configure(routing::configure)
        .configure(audit_entries::configure)
        .configure(channels::configure)
        .configure(contacts::configure)
        .configure(templates::configure)
        .configure(tickets::configure)
        .configure(queue::configure)
        .configure(notifications::configure)
        .configure(stream::configure)
        .configure(events::configure)
        .configure(service::configure);
}
