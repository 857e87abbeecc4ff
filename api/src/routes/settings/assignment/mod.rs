//! What decides who is given conversations, and who sees them.

mod get;
mod update;

pub use update::NewAssignmentSettings;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.service(get::get_assignment_settings).service(update::update_assignment_settings);
}
