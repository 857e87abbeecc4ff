//! The caller.

mod availability;
mod change_password;
mod get;
mod notification_preferences;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(get::get_me)
        .service(update::update_me)
        .service(availability::set_availability)
        .service(change_password::change_password)
        .configure(notification_preferences::configure);
}
