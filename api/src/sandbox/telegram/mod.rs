//! The stand-in for the Telegram Bot API.

mod compose;
pub(super) mod events;
pub(super) mod methods;
pub(super) mod route;
pub(super) mod webhook;

/// Added to an id so that update ids and message ids cannot be mistaken for each other.
pub(super) const UPDATE_OFFSET: i64 = 700_000_000;
