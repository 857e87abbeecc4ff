//! Routing as a whole.

mod simulations;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.configure(simulations::configure);
}
