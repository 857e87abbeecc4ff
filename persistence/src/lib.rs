//! Tanggap's PostgreSQL: schema, queries, and the embedded server.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod local_postgres;
