//! Distribution policies: routing options of channels.

mod create;
mod delete;
mod get;
mod list;
mod update;

use std::ops::RangeInclusive;

use utoipa_actix_web::service_config::ServiceConfig;

/// How many minutes nobody may answer before another agent gets the conversation.
const IDLE_MINUTES: RangeInclusive<u32> = 5..=1440;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_distribution_policies)
        .service(create::create_distribution_policy)
        .service(get::get_distribution_policy)
        .service(update::update_distribution_policy)
        .service(delete::delete_distribution_policy);
}
