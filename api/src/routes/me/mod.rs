//! The caller.

mod change_password;
mod get;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.service(get::get_me).service(change_password::change_password);
}
