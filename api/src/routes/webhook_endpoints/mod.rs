//! Servers of integrators that are told what happens.

mod create;
mod delete;
mod deliveries;
mod get;
mod list;
mod redeliver;
mod rotate_secret;
mod test;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_webhook_endpoints)
        .service(create::create_webhook_endpoint)
        .service(get::get_webhook_endpoint)
        .service(update::update_webhook_endpoint)
        .service(delete::delete_webhook_endpoint)
        .service(rotate_secret::rotate_webhook_secret)
        .service(test::test_webhook_endpoint)
        .service(redeliver::redeliver_webhook_range)
        .service(deliveries::list::list_webhook_deliveries)
        .service(deliveries::get::get_webhook_delivery)
        .service(deliveries::redeliver::redeliver_webhook_delivery);
}
