//! How the caller wants to be notified.

mod get;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.service(get::get_notification_preferences).service(update::update_notification_preferences);
}
