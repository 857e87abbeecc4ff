//! Templates: messages that the provider approves.

mod create;
mod delete;
mod get;
mod list;
mod sync;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_templates)
        .service(create::create_template)
        .service(get::get_template)
        .service(update::update_template)
        .service(delete::delete_template)
        .service(sync::sync_templates);
}
