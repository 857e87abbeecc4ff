//! Every write: authorise, lock, decide, save, log, enqueue, commit.
//!
//! REST, the socket, webhooks, jobs and the demo call the same operations. Locks are taken in one
//! order everywhere: workspace, channel, conversations, agents (by id), event counter (by
//! [`transaction::Tx`], last).

pub mod agents;
pub mod channels;
pub mod contacts;
pub mod conversations;
pub mod divisions;
pub mod event;
pub mod ingest;
pub mod messages;
pub mod presence;
pub mod profile;
pub mod read;
pub mod sends;
pub mod sign_ins;
pub mod tickets;
pub mod transaction;
pub mod workspaces;
