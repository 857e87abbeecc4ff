//! Tanggap: a headless customer-chat backend.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod address_ranges;
pub mod asyncapi;
pub mod attachment_store;
pub mod attachments;
pub mod auth;
pub mod channels;
pub mod clock;
pub mod commands;
pub mod config;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod mail;
pub mod openapi;
pub mod ops;
pub mod outbound_url;
pub mod router;
pub mod routes;
pub mod sandbox;
pub mod secrets;
pub mod server;
pub mod state;
pub mod stream;
pub mod telemetry;
pub mod typing;
pub mod webhooks;
