//! Who calls, and the proof of it.

pub mod access_token;
pub mod actors;
pub mod attendance;
pub mod extract;
pub mod keys;
pub mod password;
pub mod refresh_token;
