//! WhatsApp, by Meta's Cloud API.

pub mod block;
pub mod inbound;
mod message;
mod notices;
pub mod outbound;
mod parts;

/// The longest text message, in characters (Meta, messages API: body of a text).
pub const TEXT_MAX_CHARS: usize = 4096;

#[cfg(test)]
mod tests;
