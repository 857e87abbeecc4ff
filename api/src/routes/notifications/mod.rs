//! What the caller is to know of.

mod list;
mod read;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list::list_notifications).service(read::read_notifications);
}
