//! Notes on contacts.

mod create;
mod delete;
mod list;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_notes)
        .service(create::create_note)
        .service(update::update_note)
        .service(delete::delete_note);
}
