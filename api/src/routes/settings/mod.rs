//! Settings of a workspace.

mod assignment;
mod messaging;

pub use assignment::NewAssignmentSettings;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.configure(assignment::configure).configure(messaging::configure);
}
