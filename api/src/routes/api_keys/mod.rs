//! Keys of programs.

mod create;
mod delete;
mod list;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list::list_api_keys).service(create::create_api_key).service(delete::delete_api_key);
}
