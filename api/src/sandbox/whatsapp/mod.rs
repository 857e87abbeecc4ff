//! The stand-in for the WhatsApp Cloud API.

pub(super) mod check;
pub(super) mod events;
pub(super) mod media;
pub(super) mod send;
pub(super) mod templates;
