//! WhatsApp, by Meta's Cloud API.

pub(super) mod gestures;
pub mod inbound;
pub(in crate::channels) mod media;
mod message;
mod notices;
pub mod outbound;
mod template;
pub mod templates;
pub(super) mod upload;

/// The longest text message, in characters (Meta, messages API: body of a text).
pub const TEXT_MAX_CHARS: usize = 4096;

#[cfg(test)]
mod tests;
