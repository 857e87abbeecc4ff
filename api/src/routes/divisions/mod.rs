//! Divisions: named groups of agents.

mod create;
mod delete;
mod deletion_impact;
mod get;
mod list;
mod members;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// The most members of a division.
const MEMBERS_MAX: usize = 1000;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_divisions)
        .service(create::create_division)
        .service(get::get_division)
        .service(update::update_division)
        .service(delete::delete_division)
        .service(deletion_impact::get_division_deletion_impact)
        .service(members::update_division_members);
}
