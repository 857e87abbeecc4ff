//! Tanggap: a headless customer-chat backend.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod auth;
pub mod channels;
pub mod clock;
pub mod config;
pub mod http;
pub mod ids;
pub mod ops;
pub mod sandbox;
pub mod secrets;
pub mod state;
pub mod stream;
