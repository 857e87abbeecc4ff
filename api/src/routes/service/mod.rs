//! What operators and tools ask of the process itself.

mod documents;
mod health;
mod metrics;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(health::get_health)
        .service(health::get_readiness)
        .service(metrics::get_metrics)
        .service(documents::get_openapi)
        .service(documents::get_asyncapi);
}
