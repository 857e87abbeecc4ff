//! Labels.

mod create;
mod delete;
mod deletion_impact;
mod get;
mod list;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_labels)
        .service(create::create_label)
        .service(get::get_label)
        .service(update::update_label)
        .service(delete::delete_label)
        .service(deletion_impact::get_label_deletion_impact);
}
