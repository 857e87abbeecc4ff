//! Tanggap: a headless customer-chat backend.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod channels;
pub mod sandbox;
