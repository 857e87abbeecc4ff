//! Customers.

mod get;
mod list;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list::list_contacts).service(get::get_contact);
}
