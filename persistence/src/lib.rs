//! Tanggap's PostgreSQL: schema, queries, and the embedded server.
//!
//! Plain functions on a connection, one file per group of tables; what comes out is a domain type or
//! the shape that clients see. Only [`db`] knows of pools and blocking threads.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod accounts;
pub mod agents;
pub mod api_keys;
pub mod attachments;
pub mod audit;
pub mod channels;
pub mod contacts;
pub mod conversations;
pub mod db;
pub mod divisions;
pub mod error;
pub mod events;
pub mod idempotency;
pub mod jobs;
pub mod labels;
pub mod lists;
pub mod local_postgres;
pub mod messages;
pub mod messaging_settings;
pub mod migrate;
pub mod notes;
pub mod notification_preferences;
pub mod notifications;
pub mod one_time_tokens;
pub mod policies;
pub mod presence;
pub mod routing;
mod search;
pub mod settings;
pub mod sign_in_throttles;
pub mod sign_ins;
mod sql;
pub mod templates;
pub mod tickets;
pub mod timers;
pub mod webhooks;
pub mod workspaces;
