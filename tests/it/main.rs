//! The black-box tests. Folders mirror `api/src/routes`; ids like D-04 are in the names.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to fail")]

mod api_channel;
mod attachments;
mod auth;
mod channels;
mod contacts;
mod conversations;
mod faults;
mod hooks;
mod labels;
mod messages;
mod notes;
mod notifications;
mod rate_limits;
mod routing;
mod service;
mod stream;
mod support;
mod team;
mod templates;
mod tickets;
mod walks;
mod webhook_endpoints;
mod workspaces;
