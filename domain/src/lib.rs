//! The rules of Tanggap: what is true without a database and without HTTP.
//!
//! Nothing here is asynchronous, reads a clock or makes randomness: times and ids are arguments.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod id;
pub mod inbound;
pub mod message;
pub mod text_enum;
pub mod time;
