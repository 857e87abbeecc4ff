//! The harness of the black-box tests: a PostgreSQL of its own, a server per test, callers by role, and a
//! client that checks every answer against the OpenAPI document.
//!
//! ```no_run
//! # async fn example() {
//! use harness::TestApp;
//!
//! let app = TestApp::with_sandbox().await;
//! app.customer("whatsapp", "6281234567890").writes("Halo").await;
//! let list = app.agent(0).get("/v1/conversations?tab=unassigned").await.expect(200);
//! assert_eq!(list["items"][0]["status"], "open");
//! # }
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on has to fail, with a backtrace"
)]

pub mod app;
pub mod client;
pub mod contract;
pub mod database;
pub mod events;
pub mod fixtures;
pub mod hooks;
pub mod logs;
pub mod mail;
pub mod process;
pub mod receiver;
pub mod sandbox;
pub mod stream;
pub mod team;
pub mod uploads;
pub mod wire;

pub use app::{Address, Node, Options, TestApp};
pub use client::{Caller, Reply};
pub use events::{Follower, eventually};
pub use mail::MailServer;
pub use receiver::Receiver;
pub use sandbox::Customer;
pub use stream::StreamClient;
pub use team::Team;

use std::time::Duration;

/// The longest that anything in a test is waited for. Nothing is measured by it.
pub const DEADLINE: Duration = Duration::from_secs(60);
