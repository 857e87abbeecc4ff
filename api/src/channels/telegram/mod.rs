//! Telegram, by its Bot API.

pub(super) mod gestures;
pub mod inbound;
pub(in crate::channels) mod media;
mod message;
pub mod outbound;

/// The longest text message, in characters after entities are taken out (Bot API, `sendMessage`).
pub const TEXT_MAX_CHARS: usize = 4096;

#[cfg(test)]
mod tests;
