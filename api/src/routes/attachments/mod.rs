//! Files of messages, and files to be sent.

mod content;
mod create;
mod delete;
mod form;
mod get;
mod range;
mod signed_urls;

pub use content::head_attachment_content;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(content::get_attachment_content)
        .service(create::create_attachment)
        .service(signed_urls::create_signed_urls)
        .service(get::get_attachment)
        .service(delete::delete_attachment);
}
