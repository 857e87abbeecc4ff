//! Who calls, and the proof of it.

pub mod access_token;
pub mod actors;
pub mod api_key;
pub mod attendance;
pub mod credentials;
pub mod extract;
pub mod identify;
pub mod key_uses;
pub mod keys;
pub mod one_time_token;
pub mod password;
pub mod refresh_token;
