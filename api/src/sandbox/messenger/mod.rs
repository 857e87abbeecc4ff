//! The stand-in for the Messenger Send API.

pub(super) mod check;
pub(super) mod events;
pub(super) mod send;
pub(super) mod upload;
