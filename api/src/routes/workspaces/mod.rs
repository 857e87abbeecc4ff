//! Tenants.

mod create;
mod get;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.service(create::create_workspace).service(get::get_workspace).service(update::update_workspace);
}
