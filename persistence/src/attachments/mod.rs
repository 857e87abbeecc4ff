//! Files of messages: what is known of them. Their bytes lie in the attachment store.

mod change;
mod received;
mod shape;
mod uploads;

pub use change::{Content, fail, forget_provider_media, link, note_provider_media, store};
pub use received::{ReceivedAttachment, insert_received, to_fetch};
pub use shape::{Found, find, find_many, lock};
pub use uploads::{
    Unsent, delete_discarded, describe_upload, discard, discard_unsent, insert_upload, unsent,
};
