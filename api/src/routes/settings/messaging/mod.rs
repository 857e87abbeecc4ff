//! How large files may be, and when to warn that a reply window closes.

mod get;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.service(get::get_messaging_settings).service(update::update_messaging_settings);
}
