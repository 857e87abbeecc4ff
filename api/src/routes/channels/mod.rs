//! Connected accounts.

mod create;
mod get;
mod inbound;
mod list;
mod rotate_secret;
mod update;
mod with_secret;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_channels)
        .service(create::create_channel)
        .service(get::get_channel)
        .service(update::update_channel)
        .service(rotate_secret::rotate_channel_secret)
        .service(inbound::deliver_inbound);
}
