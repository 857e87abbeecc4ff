//! What happens later, or again. Jobs call operations; they have no SQL of their own.

pub mod block_contact;
pub(crate) mod callback;
pub mod fetch_media;
pub mod fetch_profile;
mod files;
mod gesture;
pub mod housekeeping;
pub mod presence;
pub mod router;
pub mod runner;
pub mod send_mail;
pub mod send_message;
pub mod templates;
pub mod webhooks;
