//! Dry runs: what other settings would do. They write nothing.

mod conversation;
mod create;
mod draft;
mod range;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.service(create::simulate_routing);
}
