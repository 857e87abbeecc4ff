//! What each provider speaks, in and out.
//!
//! Inbound, every provider's webhook body becomes [`domain::inbound::InboundEvent`]s; outbound,
//! every provider's answer becomes a [`SendOutcome`]. Nothing here touches the database, reads a
//! clock or decides what happens next.

pub mod callback;
mod client;
mod draft;
pub mod errors;
pub mod file;
pub mod gesture;
mod graph;
mod json;
pub mod known;
pub mod media;
pub mod messenger;
pub mod outbound;
pub mod signature;
pub mod telegram;
pub mod whatsapp;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod testing;

pub use client::{ProviderClient, ProviderSettings};
pub use outbound::{
    ChannelCredentials, FailureClass, OutboundMessage, Recipient, SendFailure, SendOutcome, send,
};

/// A webhook body that is not what this provider sends.
///
/// Where the signature was right the caller answers 200 all the same and counts it: sending the
/// same bytes again would not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InboundBodyError {
    /// The bytes are not a JSON object.
    #[error("the body is not a JSON object")]
    NotJson,
    /// A JSON object, but not one of this provider's.
    #[error("the body is not an object that this provider sends")]
    NotThisProvider,
}
