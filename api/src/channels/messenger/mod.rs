//! Facebook Messenger, by Meta's Messenger Platform.

pub mod inbound;
mod message;
pub mod outbound;
pub mod profile;

/// The longest text message, in characters (Messenger Platform, send API).
pub const TEXT_MAX_CHARS: usize = 2000;

#[cfg(test)]
mod tests;
