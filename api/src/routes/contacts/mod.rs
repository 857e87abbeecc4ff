//! Customers.

mod attributes;
mod block;
mod create;
mod delete;
mod export;
mod file;
mod get;
mod import;
mod list;
mod merge;
mod merges;
mod unblock;
mod unmerge;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list::list_contacts)
        .service(create::create_contact)
        .service(import::import_contacts)
        .service(export::export_contacts)
        .service(get::get_contact)
        .service(update::update_contact)
        .service(delete::delete_contact)
        .service(block::block_contact)
        .service(unblock::unblock_contact)
        .service(merges::list_contact_merges)
        .service(merge::merge_contact)
        .service(unmerge::unmerge_contact);
}
