//! Facebook Messenger, by Meta's Messenger Platform.

pub(super) mod gestures;
pub mod inbound;
mod message;
pub mod outbound;
pub mod profile;
pub(super) mod upload;

/// The longest text message, in characters (Messenger Platform, send API).
pub const TEXT_MAX_CHARS: usize = 2000;

#[cfg(test)]
mod tests;
